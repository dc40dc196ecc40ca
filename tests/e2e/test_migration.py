# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The guest goes to another QEMU and back, under fire, to hosts that differ."""

import pcie
import pytest
from host import Host
from scenario import move, read_disk, write_disk
from test_events import VECTORS, Everything, guest_stats, pairs
from testdev import Testdev, parse_reply

OTHER_BUS = 0x20
HOUR = 3600
# Where no RAM is, and no MSI of the platform's
ELSEWHERE = "0x7f00000000-0x7f000fffff"


def there_and_back(all_of_it, devices, rounds, virq, live):
    """Fire, move and write a disk, while the guest goes from one host to the other."""
    guest = all_of_it.guest
    irqs = [row["virq"] for row in all_of_it.dev.vectors().values()]
    all_of_it.fire(rounds * 500, 1000)
    for number in range(rounds):
        before = pairs(all_of_it.host)
        guest.migrate(live, virq(number))
        guest.wait_until(lambda: not all_of_it.host.stats()["stale"],
                         "the driver has asked for its pairs")
        now = pairs(all_of_it.host)
        assert set(before) == set(now)
        yield number, before, now
        move(guest, irqs[number % VECTORS], number % 2)
        write_disk(guest, devices, "vblk", "/dev/vda", size=256 << 10)
    read_disk(guest, devices, "vblk", "/dev/vda", size=256 << 10)


@pytest.mark.parametrize("live, rounds", [
    (False, 3), (True, 3), pytest.param(True, 20, marks=pytest.mark.nightly),
], ids=["file", "straight", "straight-20"])
def test_same_host(boot, devices, live, rounds):
    """The same pairs: nobody has to do anything, nothing is lost, nothing comes twice."""
    devices.virtio_blk()
    all_of_it = Everything(boot, devices, virq={"window": "0xfee00000-0xfeefffff"})
    for _, before, now in there_and_back(all_of_it, devices, rounds, lambda _: None, live):
        assert now == before
    all_of_it.settle()
    assert guest_stats(all_of_it.guest)["pairs changed"] == 0


@pytest.mark.parametrize("rounds", [4, pytest.param(20, marks=pytest.mark.nightly)])
def test_other_window(boot, devices, rounds):
    """Pairs lie elsewhere at the other host: all are asked for again, and nothing is lost."""
    devices.virtio_blk()
    all_of_it = Everything(boot, devices)
    guest = all_of_it.guest
    for number, before, now in there_and_back(
            all_of_it, devices, rounds,
            lambda number: {} if number % 2 else {"window": ELSEWHERE}, True):
        assert all(now[vec] != before[vec] for vec in now)
        start = 0xfee00000 if number % 2 else int(ELSEWHERE.split("-", maxsplit=1)[0], 0)
        assert all(start <= address <= start + 0xfffff for address, _ in now.values())
    # Interrupts that may have been lost were raised once more, for each change
    all_of_it.settle(rounds)
    assert guest_stats(guest)["pairs changed"] > 0


def test_smaller_quota(boot, devices):
    """What is too much there is taken away, its driver told; the rest goes on."""
    devices.testdev()
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 16 16")
    dev.cmd("request-all")
    guest.migrate(True, {"vector-quota": 10, "enforce-quotas": "on"})
    guest.wait_until(lambda: guest_stats(guest)["revoked now"] == 6, "six are shut")
    assert any("-EDQUOT" in line for line in guest.dmesg().splitlines())
    dev.cmd("fire-all 200 0 10")
    assert dev.wait(60000, 0, 10)["handled"] == 2000
    dev.cmd("free 15")
    dev.fails("request 15", "EDQUOT")
    assert host.stats()["revoked"] == 6


@pytest.mark.parametrize("live", [True, False], ids=["straight", "file"])
@pytest.mark.parametrize("setting, value, state", [
    ("work", int, "kept"), ("delay", "commit@1x1={}".format, "held"),
], ids=["kept", "held"])
def test_commit_under_way(boot, devices, setting, value, state, live):
    # pylint: disable=too-many-arguments,too-many-positional-arguments
    """request_irq() waits for a COMMIT that the host works for, or whose answer it keeps back,
    when the guest leaves: it returns 0 at the other host. By the guest's calendar an hour has
    passed, as if the machine had been saved for so long."""
    devices.testdev()
    guest = boot(virq={"commit-first": "on"})
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 4 4")
    dev.cmd("request 0")
    guest.set(setting, value(3000 * guest.pace))
    with guest.background(f"{{ {dev.shell('request 1')}; }} > /tmp/reply; echo > /tmp/done"):
        guest.wait_until(lambda: guest.get("stats")[state] == 1, f"a request is {state}", 10)
        guest.migrate(live)
        guest.run(f"date -s @$(($(date +%s) + {HOUR}))")
        guest.wait_until(lambda: guest.run("[ -e /tmp/done ]", check=False).rc == 0,
                         "the interrupt is there", 30)
    assert parse_reply(guest.read("/tmp/reply")).errno == "0"
    dev.cmd("request 2")
    dev.cmd("fire-all 100 0 3")
    assert dev.wait(60000, 0, 3)["handled"] == 300
    assert guest.get("stats")["kept"] == guest.get("stats")["held"] == 0
    assert guest_stats(guest)["timeouts"] == 0


def test_renumbered_buses(boot, devices):
    """Buses have other numbers than firmware gave them: whoever is on them is found again."""
    devices.port("bay", 1).testdev(bus="bay")
    devices.args += pcie.NATIVE_HOTPLUG
    guest = boot()
    devices.locate(guest)
    pcie.remove(guest, devices.address("testdev"))
    pcie.renumber(guest, devices.address("bay"), OTHER_BUS)
    devices.locate(guest)
    assert devices.address("testdev") == f"0000:{OTHER_BUS:02x}:00.0"
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd(f"alloc msix {VECTORS} {VECTORS}")
    dev.cmd("request-all")
    dev.cmd(f"gap {1000000 * guest.pace} 0 {VECTORS}")
    dev.cmd(f"fire-all 3000 0 {VECTORS}")
    for live in (True, False):
        before = pairs(host)
        assert len(before) == VECTORS
        guest.migrate(live)
        assert pairs(host) == before
        dev.many([f"move {index} {index % 2}" for index in range(VECTORS)])
    reply = dev.wait(120000)
    assert reply["fired"] == reply["handled"] == 3000 * VECTORS and reply["spurious"] == 0
    dev.cmd("release")
    guest.wait_until(lambda: not host.allocated(), "all is given back", 5)
