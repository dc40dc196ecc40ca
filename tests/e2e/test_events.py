# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The host changes pairs and takes vectors away, under traffic; nothing is lost, and whoever loses
a vector is told."""

import re

import pytest
from host import Host
from lan import GUEST_IP
from qmp import QMPError
from scenario import affinity, move, network_up, read_disk, write_disk
from testdev import Store, Testdev
from traffic import Traffic

VECTORS = 16
SLOTS = 8
DEBUGFS = "/sys/kernel/debug/virtio-irq"


def guest_stats(guest):
    """What the driver says of events: the names of its debugfs file, and their numbers."""
    text = guest.run(f"cat {DEBUGFS}/*/stats").out
    return {name: int(number) for name, number in
            re.findall(r"^([a-zA-Z ]+): (\d+)", text, re.M)}


def change_pairs(guest, host, **names):
    """Give vectors new pairs; until the driver has asked for all of them. What they were."""
    before = pairs(host)
    words = {"endpoint": "all", **names}
    guest.set("change-pairs", ",".join(f"{name}={value}" for name, value in words.items()))
    guest.wait_until(lambda: not host.stats()["stale"], "the driver has asked for its pairs")
    return before


def pairs(host):
    """Pairs of all vectors that are armed."""
    return {(vec["endpoint"], vec["store"], vec["index"]):
            (vec["pair-address"], vec["pair-data"])
            for vec in host.guest.get("vectors") if vec["armed"]}


class Everything:
    """A function with MSI-X and both stores, all of them in use and firing."""

    def __init__(self, boot, devices, **keywords):
        devices.testdev(**{"bar-slots": 64, "memory-slots": 64})
        self.guest = boot(**keywords)
        self.host = Host(self.guest)
        address = devices.address("testdev")
        self.dev = Testdev(self.guest, address)
        self.stores = [Store(self.guest, address, number)
                       for number in (Store.SLOTS, Store.RECORDS)]
        self.dev.cmd(f"alloc msix {VECTORS} {VECTORS}")
        self.dev.cmd("request-all")
        for store in self.stores:
            store.cmd("open")
            store.many([text for index in range(SLOTS)
                        for text in (f"add {index}", f"request {index}")])

    def fire(self, count, gap_us):
        """So many on every vector, not faster than that, in the guest's time."""
        for place, number in ((self.dev, VECTORS), *((store, SLOTS) for store in self.stores)):
            place.cmd(f"gap {gap_us * 1000 * self.guest.pace} 0 {number}")
            place.cmd(f"fire-all {count} 0 {number}")

    def settle(self, raised=0):
        """All has arrived, and nothing else; without a message at most so many."""
        for place, number in ((self.dev, VECTORS), *((store, SLOTS) for store in self.stores)):
            reply = place.wait(120000, 0, number)
            assert reply["fired"] == reply["handled"] == reply["acked"], reply.fields
            assert reply["abandoned"] == 0 and reply["spurious"] <= raised * number, reply.fields


@pytest.mark.debug_kernel
@pytest.mark.parametrize("still_valid", ["on", "off"], ids=["still-valid", "at-once"])
def test_pairs_change_under_fire(boot, devices, still_valid):
    """MSI-X and both kinds of stores; every vector has new pairs again and again while it fires
    and is moved. With the old pairs valid not even an interrupt is raised without a message."""
    all_of_it = Everything(boot, devices)
    guest, host = all_of_it.guest, all_of_it.host
    rounds = guest.fewer(20)
    irqs = [row["virq"] for row in all_of_it.dev.vectors().values()]
    for number in range(rounds):
        all_of_it.fire(300, 500)
        before = change_pairs(guest, host, **{"still-valid": still_valid})
        now = pairs(host)
        assert set(now) == set(before) and len(now) == VECTORS + 2 * SLOTS
        assert all(now[vec] != before[vec] for vec in now), (before, now)
        move(guest, irqs[number % VECTORS], number % 2)
        # The old pair is given up when the new one is used
        all_of_it.fire(1, 0)
        all_of_it.settle(0 if still_valid == "on" else number + 1)
    found = guest_stats(guest)
    assert found["pairs changed"] >= rounds * (VECTORS + 2 * SLOTS)
    assert found["stale now"] == found["revoked now"] == found["retried now"] == 0
    assert host.stats()["events"]["stale"] >= rounds
    # All of it works as before, and is moved for one exit or less
    all_of_it.fire(10, 0)
    all_of_it.settle(0 if still_valid == "on" else rounds)


def test_pairs_of_disks_and_cards_change(boot, devices):
    """Unmodified drivers: what is read and written is right, and nobody waits for a timeout."""
    devices.nvme().virtio_blk().virtio_net()
    guest = boot()
    host = Host(guest)
    network_up(guest, GUEST_IP)
    disks = {"nvme": "/dev/nvme0n1", "vblk": "/dev/vda"}
    with Traffic(guest, disks=disks, lan=devices.lan) as traffic:
        for number in range(20):
            change_pairs(guest, host, **{"still-valid": "on" if number % 2 else "off"})
        traffic.await_progress("with other pairs")
    for name, node in disks.items():
        write_disk(guest, devices, name, node)
        read_disk(guest, devices, name, node)
    log = guest.dmesg()
    assert not re.search(r"nvme.*(timeout|abort)|I/O error|NETDEV WATCHDOG", log), log
    assert guest_stats(guest)["pairs changed"] >= 20 * 4


def test_multi_msi_pairs_change(boot, devices):
    """The vectors of a block have one message between them: they change together."""
    devices.testdev()
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msi 8 8")
    dev.cmd("request-all")
    dev.cmd(f"gap {500000 * guest.pace}")
    dev.cmd("fire-all 2000")
    for number in range(10):
        change_pairs(guest, host, **{"still-valid": "on" if number % 2 else "off"})
        data = [vec["pair-data"] for vec in sorted(host.guest.get("vectors"),
                                                   key=lambda vec: vec["index"])]
        assert data == list(range(data[0], data[0] + 8)) and not data[0] % 8
    # It cannot be masked in the meantime: what may have been lost is made up for
    reply = dev.wait(120000)
    assert reply["fired"] == reply["handled"] == reply["acked"] and reply["abandoned"] == 0


@pytest.mark.debug_kernel
def test_vectors_are_taken_away(boot, devices):
    """They are shut, their owner is told, the others do not notice; request_irq() has the host's
    reason; given back they work again."""
    devices.testdev()
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 8 8")
    dev.cmd("request-all")
    dev.cmd(f"gap {500000 * guest.pace} 0 4")
    dev.cmd("fire-all 1000 0 4")
    guest.set("revoke", f"endpoint={dev.endpoint},index=4-7,reason=quota")
    guest.wait_until(lambda: guest_stats(guest)["revoked now"] == 4, "the driver shuts them")
    reply = dev.wait(60000, 0, 4)
    assert reply["fired"] == reply["handled"] == 4000
    lines = [line for line in guest.dmesg().splitlines() if "-EDQUOT" in line]
    assert len(lines) >= 1 and all(dev.address in line for line in lines), lines
    # Masked, and without a pair in the store
    rows = dev.vectors()
    assert all((rows[index]["address"], rows[index]["data"]) == (0, 0) for index in range(4, 8))
    # Freed and requested again, as a driver that starts anew does it
    dev.cmd("free 4")
    dev.fails("request 4", "EDQUOT")
    guest.set("unrevoke", f"endpoint={dev.endpoint}")
    dev.cmd("request 4")
    guest.wait_until(lambda: not guest_stats(guest)["revoked now"], "they are had again")
    dev.cmd("fire-all 100 0 8")
    reply = dev.wait(60000)
    assert reply["fired"] == reply["handled"] and reply["abandoned"] == 0
    assert reply["spurious"] <= 4
    assert host.stats()["revoked"] == 0


def test_quota_is_cut(boot, devices):
    """With enforce-quotas what is too much is taken away at once, and comes back with the quota."""
    devices.testdev()
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 16 16")
    dev.cmd("request-all")
    guest.set("enforce-quotas", True)
    guest.set("vector-quota", 10)
    guest.wait_until(lambda: guest_stats(guest)["revoked now"] == 6, "six are shut")
    assert {vec["index"] for vec in guest.get("vectors") if vec["armed"]} == set(range(10))
    dev.cmd("fire-all 100 0 10")
    assert dev.wait(60000, 0, 10)["handled"] == 1000
    guest.set("vector-quota", 4294967295)
    guest.set("unrevoke", "endpoint=all")
    guest.wait_until(lambda: not guest_stats(guest)["revoked now"], "they are had again")
    assert dev.fire_and_wait(10)["abandoned"] == 0
    assert host.stats()["revoked"] == 0


def test_blocked_messages_are_reported(boot, devices):
    """Who sent what is in the log, and in debugfs; a flood of them is not."""
    devices.testdev()
    guest = boot()
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 2 2")
    dev.cmd("request-all")
    row = dev.vectors()[0]
    dev.cmd(f"raw {row['address']:#x} {row['data'] ^ 0x40000:#x} 1")
    guest.wait_until(lambda: guest_stats(guest)["event FAULT"] >= 1, "the driver is told")
    line = guest.run(f"cat {DEBUGFS}/*/faults").out.splitlines()[-1]
    assert dev.address in line and f"{row['address']:x}/{row['data'] ^ 0x40000:x}" in line
    assert any(dev.address in line and "block" in line for line in guest.dmesg().splitlines())
    before = len(guest.dmesg().splitlines())
    dev.cmd(f"raw {row['address']:#x} {row['data'] ^ 0x40000:#x} 20000", timeout=120)
    guest.wait_until(lambda: guest_stats(guest)["messages blocked"] > 10000, "the driver is told")
    assert len(guest.dmesg().splitlines()) < before + 30
    assert dev.fire_and_wait(100)["handled"] == 200


def test_without_events(boot, devices):
    """A host that offers none does none of this, and says so to its administrator."""
    devices.testdev()
    guest = boot(virq={"events": "off"})
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 2 2")
    dev.cmd("request-all")
    with pytest.raises(QMPError, match="EVENTQ"):
        guest.set("change-pairs", "endpoint=all")
    assert dev.fire_and_wait(100)["handled"] == 200
    irq = dev.virq(0)
    move(guest, irq, 1)
    assert affinity(guest, irq) == 1
