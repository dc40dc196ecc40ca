# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Interrupt messages that a device keeps where it likes: slots in a BAR, records in memory.

On the stock kernel virtio-irq is a module and each vector is a device, on the debug kernel it
is built in and one device has all vectors of a store.
"""

import time

import pytest
from ims import KINDS, SIZE, Ims, mmio
from scenario import trigger
from test_devices import CONTROLLER
from test_reset import by_administrator
from testdev import Testdev

both_kinds = pytest.mark.parametrize("kind", list(KINDS))
# Where it makes no difference
either_kind = pytest.mark.parametrize("kind", ["records"])

# What x86 has on each CPU for devices; what it takes for itself varies
CPU_VECTORS = range(150, 220)

RESERVED_AT_ONCE = 64


def grow(ims, count, fires):
    """Add and request vectors one by one while those before them fire."""
    delivered = ims.host.messages()["delivered"]
    # Nothing else fires, and on a machine with more to do each interrupt takes longer
    reply = ims.store.cmd(f"grow 0 {count} {fires}", timeout=600)
    assert reply["added"] == count == reply["requested"] + reply["refused"]
    assert reply["during"] > 0, "nothing fired while vectors were added"
    assert ims.host.messages()["delivered"] - delivered == reply["fired"]
    assert ims.host.blocked() == 0
    vectors = ims.vectors()
    assert set(range(count)) <= set(vectors)
    assert sum(vector["armed"] for vector in vectors.values()) == reply["requested"]
    print(f"{reply.fields}")
    return reply


@pytest.mark.debug_kernel
@both_kinds
def test_one_by_one(boot, devices, kind):
    """A store grows up to its size, more than the CPUs have vectors for: each vector adds to
    what arrives, or is refused by the CPUs' domain and changes nothing."""
    ims = Ims(boot, devices, kind)
    count = ims.guest.fewer(SIZE)
    reply = grow(ims, count, 100)
    assert reply["fired"] >= ims.guest.fewer(100000)
    if reply["requested"] == count:
        return
    assert reply["requested"] // 2 in CPU_VECTORS
    refused = [index for index, row in ims.store.vectors().items() if row["state"] == "allocated"]
    assert len(refused) == reply["refused"]
    ims.store.fails(f"request {refused[0]}", "ENOSPC")
    # Every one of them can be had in place of another one
    ims.store.cmd("free 0")
    ims.store.cmd(f"request {refused[-1]}")
    ims.store.cmd("cancel")
    ims.fire(10, 0, count)
    ims.store.cmd("close", timeout=120)
    ims.guest.wait_until(lambda: not ims.vectors(), "the host has all back", 5)


@pytest.mark.nightly
@both_kinds
def test_one_by_one_all_requested(boot, devices, kind):
    """The same with vectors enough on the CPUs, and more than a million interrupts."""
    ims = Ims(boot, devices, kind, smp=13, memory=1024)
    reply = grow(ims, SIZE, 1000)
    assert reply["requested"] == SIZE
    assert reply["fired"] >= 1000000
    ims.fire(10, 0, SIZE, 120000)


@pytest.mark.debug_kernel
@both_kinds
@pytest.mark.parametrize("goal", [100000, pytest.param(1000000, marks=pytest.mark.nightly)])
@pytest.mark.port("v2m", "its", "imsic", "q35")
def test_stress(boot, devices, kind, goal):
    """Vectors are added, removed, moved, masked, and get other PASIDs, at random and on both
    CPUs at once, while they fire: nothing is lost, by them or by others."""
    ims = Ims(boot, devices, kind)
    goal = ims.guest.fewer(goal)
    with ims.undisturbed(100, 8):
        ims.store.cmd(f"stress 0 64 {goal} 1000")
        reply = ims.store.cmd("stress-wait 1800000", timeout=1900)
    print(f"{reply.fields}")
    assert reply["fired"] >= goal
    for name in ("add", "fire", "move", "mask", "pasid", "remove"):
        assert reply[name] > 0
    assert ims.host.blocked() == 0
    assert ims.dev.get("fired-total") == ims.dev.get("acked-total") + sum(
        row["fired"] - row["acked"] for row in ims.store.vectors().values())
    # What came and went left nothing armed
    armed = sorted(index for index, vector in ims.vectors().items() if vector["armed"])
    assert armed == list(range(100, 108))


@pytest.mark.debug_kernel
@pytest.mark.port("its", "imsic", "q35")
def test_all_stores_at_once(boot, devices):
    """MSI-X, slots and records of one function do not know of each other."""
    ims = Ims(boot, devices, "slots")
    ims.other.cmd("open")
    ims.dev.cmd("alloc msix 16 16")
    ims.dev.cmd("request-all")
    ims.add(range(16))
    ims.other.many([f"{what} {index}" for index in range(16) for what in ("add", "request")])
    stores = (ims.dev, ims.store, ims.other)
    fires = ims.guest.fewer(5000)
    for store in stores:
        store.cmd(f"fire-all {fires} 0 16")
    for store in stores:
        reply = store.wait(200000, 0, 16)
        assert reply["fired"] == reply["handled"] == 16 * fires and reply["spurious"] == 0
    ims.store.cmd("close")
    ims.dev.cmd("release")
    ims.other.cmd(f"fire-all {fires} 0 16")
    assert ims.other.wait(200000, 0, 16)["handled"] == 2 * 16 * fires
    assert ims.host.blocked() == 0


@either_kind
def test_add_anywhere(boot, devices, kind):
    """Vectors get the first index that is free, and a removed one's index is free."""
    ims = Ims(boot, devices, kind)
    with ims.undisturbed(2, 2):
        assert [ims.store.cmd("add any").ret for _ in range(4)] == [0, 1, 4, 5]
        ims.store.cmd("remove 1")
        assert ims.store.cmd("add any 9").ret == 1
        assert ims.store.vectors()[1]["pasid"] == 9
        ims.store.fails("add 1", "EEXIST")
        assert ims.store.cmd(f"add {SIZE - 1}").ret == SIZE - 1
    assert ims.host.blocked() == 0


@both_kinds
@pytest.mark.port("its", "imsic", "q35")
def test_request_refused(boot, devices, kind):
    """request_irq() of the k-th vector returns what the host said; those before it keep firing."""
    ims = Ims(boot, devices, kind)
    with ims.undisturbed(0, 8):
        ims.add(range(8, 16), request=False)
        for status, errno in (("quota", "EDQUOT"), ("nospc", "ENOSPC"), ("perm", "EPERM")):
            ims.guest.set("refuse", f"activate={status}")
            ims.store.fails("request 8", errno)
        ims.guest.set("refuse", "")
        ims.guest.set("commit-quota", ims.host.stats()["committed"] + 4)
        for index in range(8, 12):
            ims.store.cmd(f"request {index}")
        ims.store.fails("request 12", "EDQUOT")
        assert not ims.vectors()[12]["armed"]
        ims.guest.set("commit-quota", ims.host.stats()["committed"] + 4)
        ims.store.cmd("request 12")
        ims.fire(100, 8, 8)
    assert ims.host.blocked() == 0


@pytest.mark.debug_kernel
@either_kind
def test_add_refused(boot, devices, kind):
    """The vector after the last one that the host has a reservation for cannot be added; those
    before it keep firing."""
    ims = Ims(boot, devices, kind)
    ims.guest.set("endpoint-quota", RESERVED_AT_ONCE)
    with ims.undisturbed(0, 8):
        ims.add(range(8, RESERVED_AT_ONCE), request=False)
        for _ in range(3):
            ims.store.fails(f"add {RESERVED_AT_ONCE}", "EDQUOT")
        assert ims.vectors().keys() == set(range(RESERVED_AT_ONCE))
        # One of the others can be exchanged
        ims.store.cmd("remove 63")
        ims.store.cmd("add 63")
        ims.guest.set("endpoint-quota", 2 * RESERVED_AT_ONCE)
        ims.add([RESERVED_AT_ONCE])
        ims.fire(100, RESERVED_AT_ONCE, 1)
    assert ims.host.blocked() == 0


@both_kinds
def test_wrong_pasid(boot, devices, kind):
    """A message whose PASID is not the vector's is blocked and counted."""
    ims = Ims(boot, devices, kind)
    ims.add([0], pasid=5)
    ims.add([1])
    ims.fire(10, 0, 2)
    for index, pasids in ((0, (6, 0, 0xfffff, "none")), (1, (5, 0))):
        before = ims.store.vectors()[index]
        for pasid in pasids:
            ims.store.cmd(f"forge-pasid {index} {pasid}")
            with ims.blocked(1, "pasid"):
                ims.store.cmd(f"fire {index} 1")
            ims.store.cmd(f"cancel {index} 1")
            with ims.blocked(3, "pasid"):
                ims.store.cmd(f"raw-vector {index} 3")
        ims.store.cmd(f"forge-pasid {index} {'none' if before['pasid'] == '-' else 5}")
        ims.store.cmd(f"fire {index} 10")
        ims.store.wait(20000, index, 1)
        after = ims.store.vectors()[index]
        assert after["handled"] == before["handled"] + 10 and after["spurious"] == 0
        assert after["abandoned"] == len(pasids)


@pytest.mark.debug_kernel
@both_kinds
@pytest.mark.port("its", "imsic", "q35")
def test_change_pasid(boot, devices, kind):
    """A vector that fires all the time loses nothing when its PASID changes; the former PASID
    does not work any more, the others do not notice."""
    ims = Ims(boot, devices, kind)
    with ims.undisturbed(0, 8):
        for turn in range(10):
            ims.store.many([f"pasid {index} {(1000 * turn + index) % 0x100000}"
                            for index in range(4)] + [f"pasid {turn % 4} none"])
        rows = ims.store.vectors()
        vectors = ims.vectors()
        for index in range(4):
            pasid = "-" if index == 1 else 9000 + index
            assert rows[index]["pasid"] == pasid
            assert vectors[index].get("pasid", "-") == pasid
    assert ims.host.blocked() == 0
    with ims.blocked(2, "pasid"):
        ims.store.cmd("raw-vector 0 1 8000")
        ims.store.cmd("raw-vector 0 1 none")


@either_kind
def test_pasid_refused(boot, devices, kind):
    """A PASID that the host does not accept: an error, and the former one stays in force."""
    ims = Ims(boot, devices, kind, virq={"pasid-bits": 8})
    ims.add([0], pasid=0xff)
    ims.add([1])
    for index in (0, 1):
        ims.store.fails(f"pasid {index} 0x100", "ERANGE")
    ims.store.fails("add 2 0x100", "ERANGE")
    ims.store.cmd("add 2 0xfe")
    ims.store.cmd("request 2")
    assert [row["pasid"] for row in ims.store.vectors().values()] == [0xff, "-", 0xfe]
    ims.fire(10, 0, 3)


@either_kind
def test_without_pasid(boot, devices, kind):
    """A host without PASIDs refuses them, and serves vectors without."""
    ims = Ims(boot, devices, kind, virq={"pasid-bits": 0})
    ims.store.fails("add 0 5", "EOPNOTSUPP")
    ims.add([0])
    ims.store.fails("pasid 0 5", "EOPNOTSUPP")
    ims.fire(10, 0, 1)


@either_kind
def test_message_of_another_function(boot, devices, kind):
    """What a slot holds is of no use to another function, with the slot's PASID or without."""
    devices.testdev("thief")
    ims = Ims(boot, devices, kind)
    thief = Testdev(ims.guest, devices.address("thief"), "thief")
    thief.cmd("alloc msix 1 1")
    thief.cmd("request-all")
    own = {(row["address"], row["data"]) for row in thief.vectors().values()}
    ims.add(range(4), pasid=5)
    ims.add(range(4, 8))
    rows = [row for row in ims.store.vectors().values()
            if (row["address"], row["data"]) not in own]
    assert len(rows) >= 7
    with ims.blocked(4 * len(rows)):
        for row in rows:
            for pasid in (5, "none"):
                thief.cmd(f"raw {row['address']:#x} {row['data']:#x} 2 {pasid}")
    assert thief.wait(100)["spurious"] == 0
    ims.fire(10, 0, 8)


@pytest.mark.parametrize("kind,pasid", [("slots", None), ("records", 5)])
def test_freed_slot(boot, devices, kind, pasid):
    """The message of a vector that was freed, or removed, is blocked and counted."""
    ims = Ims(boot, devices, kind)
    ims.add(range(8), pasid)
    ims.fire(10, 0, 8)
    rows = ims.store.vectors()
    for index in range(4):
        with ims.blocked(3, "freed"):
            ims.store.cmd(f"freed-fire {index} 3")
    ims.store.many([f"remove {index}" for index in range(4)])
    with ims.blocked(8):
        for index in range(4):
            row = rows[index]
            ims.dev.cmd(f"raw {row['address']:#x} {row['data']:#x} 2 "
                        f"{'none' if pasid is None else pasid}")
    ims.settle(4, 4)
    # The next owner of the slot has none of it
    ims.add(range(4))
    assert {row["pasid"] for index, row in ims.store.vectors().items() if index < 4} == {"-"}
    ims.fire(10, 0, 4)


@both_kinds
def test_mask(boot, devices, kind):
    """A masked vector's interrupt waits in the device and comes when it is unmasked."""
    ims = Ims(boot, devices, kind)
    with ims.undisturbed(1, 4):
        ims.add([0])
        for turn in range(4):
            ims.store.cmd("mask 0")
            ims.store.cmd("fire 0 5")
            row = ims.store.vectors()[0]
            assert row["masked"] and row["device"] == "pending" and row["owed"] == 4
            assert row["handled"] == 5 * turn
            ims.store.cmd(f"move 0 {turn % 2}")
            ims.store.cmd("unmask 0")
            ims.settle(0, 1)
        # As usual: the slot is masked only when an interrupt comes that is not wanted
        ims.store.cmd("mask 0 lazy")
        assert not ims.store.vectors()[0]["masked"]
        ims.store.cmd("fire 0 5")
        ims.guest.wait_until(lambda: ims.store.vectors()[0]["masked"], "the slot is masked", 5)
        ims.store.cmd("unmask 0")
        ims.settle(0, 1)


@pytest.mark.parametrize("kind,prefix", [("slots", "bar"), ("records", "memory")])
def test_narrow_data(boot, devices, kind, prefix):
    """A store for 16 bits of data gets data that fit, with others at the same time."""
    ims = Ims(boot, devices, kind, properties={f"{prefix}-data16": "on", f"{prefix}-addr32": "on"})
    ims.other.cmd("open")
    ims.add(range(100))
    ims.other.many([f"{what} {index}" for index in range(8) for what in ("add", "request")])
    for row in ims.store.vectors().values():
        assert row["data"] < 1 << 16 and row["address"] < 1 << 32
    for index, vector in ims.vectors().items():
        assert vector["pair-data"] < 1 << 16, index
    ims.fire(10, 0, 100)
    ims.other.cmd("fire-all 10")
    assert ims.other.wait(20000)["handled"] == 80


HIGH_WINDOW = "0x10000000000-0x100000fffff"


@pytest.mark.parametrize("kind,prefix", [("slots", "bar"), ("records", "memory")])
def test_narrow_address(boot, devices, kind, prefix):
    """Where pairs are above 4 GiB, a store for 32 bits is refused, and one for 64 works."""
    ims = Ims(boot, devices, kind, properties={f"{prefix}-addr32": "on"},
              virq={"window": HIGH_WINDOW})
    ims.store.fails("add 0", "ERANGE")
    assert not ims.vectors()
    ims.other.cmd("open")
    ims.other.many([f"{what} {index}" for index in range(8) for what in ("add", "request")])
    assert all(row["address"] >> 32 for row in ims.other.vectors().values())
    ims.other.cmd("fire-all 10")
    assert ims.other.wait(20000)["handled"] == 80


def works_with_msix(dev):
    """The driver runs on what it has."""
    dev.cmd("alloc msix 8 8")
    dev.cmd("request-all")
    assert dev.fire_and_wait(10)["handled"] == 80


@either_kind
def test_without_controller(boot, devices, kind):
    """Without virtio-irq the store cannot be had, the log says so, MSI-X works."""
    ims = Ims(boot, devices, kind, opened=False, controller=False)
    ims.store.fails("open", "ENODEV")
    assert f"store {ims.number} cannot be used: -ENODEV" in ims.guest.dmesg()
    ims.store.fails("add 0", "ENXIO")
    works_with_msix(ims.dev)


@pytest.mark.stock_only
@either_kind
def test_module_without_controller(boot, devices, kind):
    """The same with the module loaded, which then has nothing to serve."""
    ims = Ims(boot, devices, kind, opened=False, controller=False)
    ims.guest.insmod("virtio_irq")
    ims.store.fails("open", "ENODEV")
    works_with_msix(ims.dev)


@either_kind
def test_out_of_scope(boot, devices, kind):
    """A function that virtio-irq does not serve, while it serves others."""
    devices.virtio_blk()
    ims = Ims(boot, devices, kind, opened=False,
              virq={"scope": devices.address("vblk")})
    ims.store.fails("open", "ENODEV")
    works_with_msix(ims.dev)
    assert not ims.guest.interrupts(chip=ims.dev.address)[0].virtual


def test_no_such_store(boot, devices):
    """A function with one of the stores only."""
    ims = Ims(boot, devices, "slots", properties={"memory-slots": 0})
    ims.other.fails("open", "ENOENT")
    ims.add(range(4))
    ims.fire(10, 0, 4)


@pytest.mark.debug_only
def test_trigger(boot, devices):
    """The kernel can raise an interrupt of a store as it can others, on the CPU that it is for,
    and as often as it is told to."""
    ims = Ims(boot, devices, "slots")
    ims.other.cmd("open")
    ims.dev.cmd("alloc msix 2 2")
    ims.dev.cmd("request-all")
    for store in (ims.store, ims.other):
        store.many([f"{what} {index}" for index in range(2) for what in ("add", "request")])
    for store in (ims.dev, ims.store, ims.other):
        for turn in range(2):
            store.many([f"move {index} {(index + turn) % 2}" for index in range(2)])
            for index, row in store.vectors().items():
                trigger(ims.guest, row["virq"])
                # Raised by nobody in the device: the handler is called, and finds that
                ims.guest.wait_until(lambda index=index, store=store, before=row["spurious"]:
                                     store.vectors()[index]["spurious"] == before + 1,
                                     "the handler is called", 5)
            assert [row["last_cpu"] for row in store.vectors().values()] == [turn, 1 - turn]
        store.cmd("fire-all 10")
        store.wait(20000)
        for row in store.vectors().values():
            assert row["handled"] == 10 and row["spurious"] == 2


LIVES = 64
EXITS_PER_LIFE = 1.3
LOOKS = 3

# Unnotified requests are flushed by a timer of 100 ms: they belong to the life
SETTLE = 0.5

# What the guest uses for itself all the time: its clock, CPUs talking, our serial lines
OTHERS = ("apic", "serial", "hpet", "acpi", "kvmvapic", "rtc")


@pytest.mark.debug_kernel
def test_exits(boot, devices):
    """The whole life of vectors in memory, each one moved once: few exits, and none of them for
    the store."""
    ims = Ims(boot, devices, "records")
    spent = {}

    def counted(*texts):
        with ims.guest.tracing("memory_region_ops_write") as writes, \
             ims.guest.tracing("memory_region_ops_read") as reads:
            ims.store.many(texts)
            time.sleep(SETTLE)
            for name, count in mmio(writes() + reads()).items():
                if not name.startswith(OTHERS):
                    spent[name] = spent.get(name, 0) + count

    kicks = ims.host.stats()["kicks"]
    counted(f"add-all 0 {LIVES}", f"request-all 0 {LIVES}")
    rows = ims.store.vectors()
    assert [row["state"] for row in rows.values()] == ["requested"] * LIVES
    counted(*(f"move {index} {1 - row['affinity']}" for index, row in rows.items()))
    for index, row in ims.store.vectors().items():
        assert row["affinity"] == 1 - rows[index]["affinity"]
    counted(f"free-all 0 {LIVES}", f"remove-all 0 {LIVES}")
    assert not ims.store.vectors()
    print(f"exits: {spent}")
    # Every ten seconds the driver looks at the device's status, which may fall in here
    assert spent.pop("virtio-pci-common-virtio-irq", 0) <= LOOKS
    # All of the controller's own, and nothing of the function's
    assert list(spent) == ["virtio-pci-notify-virtio-irq"]
    assert sum(spent.values()) == ims.host.stats()["kicks"] - kicks
    assert sum(spent.values()) <= EXITS_PER_LIFE * LIVES


@pytest.mark.debug_kernel
@both_kinds
def test_reset(boot, devices, kind):
    """A reset makes the host forget everything; vectors, PASIDs and masks are as before."""
    ims = Ims(boot, devices, kind)
    ims.add(range(4), pasid=5)
    ims.add(range(4, 8))
    ims.store.cmd("mask 7")
    fires = ims.guest.fewer(20000)
    ims.store.cmd("gap 200000 0 7")
    ims.store.cmd(f"fire-all {fires} 0 7")
    for _ in range(3):
        by_administrator(ims.guest)
    ims.store.cmd("gap 0")
    reply = ims.store.wait(120000, 0, 7)
    # A reset raises what may have been lost, so more calls of the handlers are possible
    assert reply["fired"] == reply["handled"] == reply["acked"] == 7 * fires
    rows = ims.store.vectors()
    assert [rows[index]["pasid"] for index in range(8)] == [5] * 4 + ["-"] * 4
    assert rows[7]["masked"] and not rows[6]["masked"]
    vectors = ims.vectors()
    assert [vectors[index].get("pasid") for index in range(8)] == [5] * 4 + [None] * 4
    ims.store.cmd("unmask 7")
    ims.store.cmd("fire 7 10")
    assert ims.store.wait(20000, 7, 1)["handled"] == 10
    ims.add(range(8, 12))
    ims.fire(10, 8, 4)


@either_kind
def test_unbind_function(boot, devices, kind):
    """The driver goes while vectors are requested, and comes back."""
    ims = Ims(boot, devices, kind)
    for _ in range(3):
        ims.add(range(16), pasid=5)
        ims.fire(10, 0, 16)
        ims.guest.unbind(ims.dev.address)
        ims.guest.wait_until(lambda: not ims.vectors(), "the host has all back", 5)
        ims.guest.bind("ims-testdev", ims.dev.address)
        ims.store.cmd("open")
    assert ims.host.blocked() == 0


@pytest.mark.debug_kernel
@either_kind
def test_unbind_controller(boot, devices, kind):
    """The controller goes, and with it the function's driver; then it has MSI-X only."""
    ims = Ims(boot, devices, kind)
    ims.add(range(16), pasid=5)
    ims.fire(10, 0, 16)
    ims.guest.unbind(CONTROLLER)
    assert ims.host.stats()["endpoints"] == 0
    assert not ims.guest.interrupts(action=ims.dev.address)
    ims.guest.run(f"[ -e /sys/bus/pci/devices/{ims.dev.address}/driver ] || "
                  f"echo {ims.dev.address} > /sys/bus/pci/drivers/ims-testdev/bind")
    # The first as long as the driver core waits for the drivers of what is on the bus
    assert ims.store.cmd("open", check=False).errno in ("EPROBE_DEFER", "ENODEV")
    works_with_msix(ims.dev)
    ims.guest.unbind(ims.dev.address)
    ims.guest.bind("virtio-pci", CONTROLLER)
    ims.guest.bind("ims-testdev", ims.dev.address)
    ims.store.cmd("open")
    ims.add(range(16), pasid=5)
    ims.fire(10, 0, 16)


@pytest.mark.stock_only
@either_kind
def test_unload(boot, devices, kind):
    """virtio-irq stays loaded as long as a store is open."""
    ims = Ims(boot, devices, kind, shared=False)
    ims.add(range(4))
    ims.fire(10, 0, 4)
    assert ims.guest.run("rmmod virtio_irq", check=False).rc != 0
    ims.store.cmd("close")
    ims.guest.run("rmmod virtio_irq")
    # Its consumers were unbound
    ims.guest.run(f"[ -e /sys/bus/pci/devices/{ims.dev.address}/driver ] || "
                  f"echo {ims.dev.address} > /sys/bus/pci/drivers/ims-testdev/bind")
    ims.store.fails("open", "ENODEV")
    works_with_msix(ims.dev)


# The debug kernel knows no such unit
@pytest.mark.stock_only
@either_kind
def test_remapping_parent(boot, devices, kind):
    """On an interrupt remapping unit, which wants a PCI function, binding a store says why not."""
    ims = Ims(boot, devices, kind, opened=False, append="intel_iommu=on",
              args=["-device", "intel-iommu,intremap=on"])
    assert "DMAR-IR: Enabled IRQ remapping" in ims.guest.dmesg()
    ims.store.fails("open", "EOPNOTSUPP")
    works_with_msix(ims.dev)
