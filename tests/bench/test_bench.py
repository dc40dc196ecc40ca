# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Would the benchmark notice? Its counting and its checks, on numbers that are known."""

import copy
import json
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(HERE.parent / "qtest")]

# pylint: disable=wrong-import-position
import checks  # noqa: E402
import exits  # noqa: E402
import floors  # noqa: E402
import latency  # noqa: E402
import tables  # noqa: E402

COMMITTED = HERE.parent.parent / "Documentation/performance/results.json"


def access(way, region, address=0xfeb00000, value=0):
    """A line of QEMU's trace."""
    return (f"memory_region_ops_{way} cpu 0 mr 0x55d1 addr {address:#x} value {value:#x} "
            f"size 4 name '{region}'")


MARK = access("read", "ims-testdev-regs", value=0x54534d49)


def test_exits_belong_to_the_phase_between_marks():
    """What comes before the first mark and after the last one counts nowhere."""
    kick = access("write", "virtio-pci-notify-virtio-irq")
    phases = exits.count([kick, MARK, kick, kick, "something else", MARK,
                          access("write", "msix-table"), MARK, kick])
    assert [phase["controller"] for phase in phases] == [2, 0]
    assert [phase["table"] for phase in phases] == [0, 1]


@pytest.mark.parametrize("region,address,name", [
    ("intel_iommu", 0xfed90000, "controller"), ("amdvi-mmio", 0xfed80000, "controller"),
    ("virtio-pci-common-virtio-irq", 0xfe000000, "controller"),
    ("virtio-pci-notify-virtio-blk", 0xfe000000, "other"),
    ("apic-msi", 0xfee000b0, "apic"), ("apic-msi", 0xfee01004, "message"),
    ("apic-msi", 0xfee00000, "message"), ("virtio-irq-source", 0xfee00000, "message"),
    ("ims-testdev-regs", 0xfeb00000, "testdev"), ("msix-pba", 0xfeb00000, "table"),
    ("ims-testdev-stores", 0xfeb00060, "table"), ("ims-testdev-stores", 0xfeb00040, "testdev"),
    ("pci-conf-data", 0xcfc, "pci"), ("serial", 0x3f8, "other"),
])
def test_regions(region, address, name):
    """Who emulates what."""
    assert exits.classify(address, region) == name


@pytest.fixture(name="results")
def committed_results():
    """A copy that a test may spoil."""
    return json.loads(COMMITTED.read_text())


def failed(found):
    """Names of the checks that do not pass."""
    return [check.name for check in found if not check.passed]


def test_committed_results_hold(results):
    """All budgets, and they are no worse than themselves."""
    assert not failed(checks.budgets(results))
    assert not failed(checks.compare(results, copy.deepcopy(results)))


SPOILT = [
    (("life", "virtio-irq", "life 64", "request", "controller"), 65, "64 x request_irq"),
    (("life", "virtio-irq", "managed 64", "alloc", "controller"), 3,
     "pci_alloc_irq_vectors(64), managed"),
    (("life", "virtio-irq", "managed 64", "free", "controller"), 5,
     "their whole life, managed"),
    (("life", "virtio-irq", "life 64", "land", "table"), 1,
     "land: accesses to the device's store"),
    (("life", "virtio-irq", "life 64", "fire", "controller"), 1,
     "64 interrupts (fire): exits more than native"),
    (("stores", "records", "life 64", "mask", "table"), 64,
     "a vector in memory: all exits of its life with one move"),
    (("core", "1000/16", "bytes-per-vector"), 64.5, "core, 1000/16: memory per vector"),
    (("core", "1000/16", "instructions", "message"), 1,
     "core: message, most against least instructions"),
    (("latency", "100", "worst-ns"), 200000,
     "interrupts off, host takes 100 us: what the guest adds at worst"),
    (("host", "attach-all-us"), 2792, "host: ATTACH and DETACH, all functions attached against few"),
    (("host", "reset-all-us"), 2767, "host: device reset, for each of all functions against few"),
    (("kvm", "virtio-irq", "request", "controller"), 128 + 120,
     "VFIO, a life of 64: exits to QEMU against those with emulated Intel remapping"),
    (("kvm", "virtio-irq", "mask", "table"), 128 + 800,
     "VFIO, a life of 64: exits to QEMU against plain VFIO's"),
    (("host", "turn-requests"), 3,
     "host: requests of 2048 vectors in one turn of the event loop"),
    (("host", "attached-kib"), 3121, "host: memory of an attached function"),
]


@pytest.mark.parametrize("path,value,name", SPOILT)
def test_a_missed_budget_is_seen(results, path, value, name):
    """Each kind of budget."""
    place = results
    for word in path[:-1]:
        place = place[word]
    place[path[-1]] = value
    assert name in failed(checks.budgets(results))


@pytest.mark.parametrize("path", [
    ("life", "virtio-irq", "life 64", "move", "instructions"),
    ("life", "virtio-irq", "life 8", "alloc", "controller"),
    ("life", "virtio-irq", "life 64", "alloc", "instructions"),
    ("stores", "slots", "life 64", "unmask", "table"),
    ("core", "1000000/16", "instructions", "arm"),
    ("delivery", "virtio-irq", "instructions"),
])
def test_worse_than_committed_is_seen(results, path):
    """By more than 2 %, and not by less."""
    worse = copy.deepcopy(results)
    place = worse
    for word in path[:-1]:
        place = place[word]
    before = place[path[-1]]
    place[path[-1]] = before * 1.019
    assert not failed(checks.compare(results, worse))
    place[path[-1]] = before * 1.021
    assert any(name.startswith(" ".join(path)) for name in
               failed(checks.compare(results, worse)))


def test_few_instructions_may_be_a_few_more(results):
    """Of what is done once."""
    worse = copy.deepcopy(results)
    numbers = worse["stores"]["slots"]["life 1"]["mask"]
    before = numbers["instructions"]
    assert before < 1000
    numbers["instructions"] = before * 1.02 + 30
    assert not failed(checks.compare(results, worse))
    numbers["instructions"] = before * 1.02 + 34
    assert failed(checks.compare(results, worse))


def test_runs_that_do_not_agree_are_seen(results):
    """Both ways, what others cost as well, and something where there was nothing."""
    assert not failed(checks.agreement(results, copy.deepcopy(results)))
    for path, factor in ((("life", "native", "life 64", "free", "instructions"), 1.011),
                         (("core", "1000/16", "instructions", "arm"), 0.989)):
        other = copy.deepcopy(results)
        place = other
        for word in path[:-1]:
            place = place[word]
        place[path[-1]] *= factor
        assert any(name.startswith(" ".join(path)) for name in
                   failed(checks.agreement(results, other)))
    other = copy.deepcopy(results)
    other["life"]["virtio-irq"]["life 64"]["land"]["table"] = 1
    assert failed(checks.agreement(results, other))


def test_what_varies_has_more_room(results):
    """Waits, and the release of thousands, by instructions; the same operation on few has not."""
    for command, phase, room in (("life 64", "fire", True), ("life 2048", "release", True),
                                 ("life 64", "release", False)):
        worse = copy.deepcopy(results)
        numbers = worse["life"]["virtio-irq"][command][phase]
        numbers["instructions"] *= 1.025
        assert bool(failed(checks.compare(results, worse))) != room
        assert bool(failed(checks.agreement(results, worse))) != room
        numbers["instructions"] *= 1.025
        assert failed(checks.compare(results, worse))
        numbers["instructions"] = results["life"]["virtio-irq"][command][phase]["instructions"]
        numbers["controller"] += 1
        assert failed(checks.compare(results, worse))


def test_others_are_not_judged(results):
    """What Intel's remapping costs is no matter of ours, unless it costs less than we do."""
    worse = copy.deepcopy(results)
    worse["life"]["intel"]["life 64"]["move"]["instructions"] *= 2
    assert not failed(checks.compare(results, worse))


def test_instructions_of_another_kernel_are_not_compared(results):
    """Its exits are."""
    other = copy.deepcopy(results)
    other["environment"]["guest"] = "another"
    numbers = other["life"]["virtio-irq"]["life 64"]["request"]
    numbers["instructions"] *= 2
    assert not failed(checks.compare(results, other))
    numbers["controller"] *= 2
    assert failed(checks.compare(results, other))


def test_quantile():
    """The bucket that the last of 99.9 % is in."""
    assert latency.quantile([1000]) == 1
    assert latency.quantile([998, 0, 2]) == 4
    assert latency.quantile([999, 0, 0, 1]) == 1


def test_nothing_is_below_its_floor(results):
    """Else it is not the floor; and Intel's exits are far above it."""
    life = results["life"]
    for table in (floors.exits(life, results["stores"]),
                  floors.instructions(life, results["times"])):
        names = table[0]
        for row in table[1:]:
            cells = dict(zip(names, row))
            assert float(cells["virtio-irq"]) >= float(cells["floor"]), row
    names, *rows = floors.exits(life, {})
    total = dict(zip(names, next(row for row in rows if row[0] == "all of it")))
    assert (total["native"], total["intel"]) == ("0", "384")
    assert floors.least_exits("request", 64) == 64 and floors.least_exits("alloc", 64) == 1


def test_tables_have_every_part(results):
    """Of complete results, in both forms."""
    found = list(tables.everything(results))
    assert len(found) >= 16
    for title, rows in found:
        assert len({len(row) for row in rows}) == 1, title
        assert all(row[0] in tables.text(rows) for row in rows)
        assert tables.rst(title, rows).startswith(title)
