# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The guest sleeps, and nothing that the controller serves is worse off for it."""

import time

import pytest
from host import Host
from ims import KINDS
from lan import GUEST_IP, HOST_IP
from power import to_disk, to_idle, to_ram
from scenario import assert_pair_in_store, assert_route, cycle_cpu, network_up, write_disk
from testdev import Store, Testdev

VECTORS = 16
STORE_VECTORS = 4
STATE = "cat /sys/kernel/debug/virtio-irq/*/stats"


class Sleeper:  # pylint: disable=too-many-instance-attributes
    """A guest with one of everything, and what must be the same afterwards."""

    def __init__(self, boot, devices):
        devices.virtio_blk().virtio_blk("swap", size=256 << 20).nvme().virtio_net()
        devices.testdev(**{"bar-slots": 64, "memory-slots": 64})
        self.devices = devices
        self.guest = boot(memory=384, firmware=True)
        self.host = Host(self.guest)
        address = devices.address("nvme")
        self.disks = [("vblk", "/dev/vda")]
        if self.guest.debug:
            # Linux 6.12's nvme_suspend() freezes its queues in one worker and thaws them in
            # another, which the lock checker reports, and then checks nothing any more
            self.guest.unbind(address)
        else:
            self.disks.append(("nvme", "/dev/nvme0n1"))
            self.guest.rebind("nvme", address)
            self.guest.wait_until(lambda: self.guest.run("ls /dev/nvme0n1", check=False).rc == 0,
                                  "NVMe is back")
        network_up(self.guest, GUEST_IP)
        address = devices.address("testdev")
        self.dev = Testdev(self.guest, address)
        self.dev.cmd(f"alloc msix {VECTORS} {VECTORS}")
        self.dev.cmd("request-all")
        self.dev.many([f"move {index} {index % 2}" for index in range(VECTORS)])
        self.stores = [Store(self.guest, address, KINDS[kind]) for kind in KINDS]
        for store in self.stores:
            store.cmd("open")
            store.many([f"{what} {index}" for index in range(STORE_VECTORS)
                        for what in ("add", "request")])
        self.before = self.state()

    def state(self):
        """What must not change. Some drivers ask for their vectors anew, and get other numbers."""
        stats = self.host.stats()
        return (sorted((irq.chip, irq.actions) for irq in self.guest.interrupts()),
                {name: stats[name] for name in ("endpoints", "allocated", "committed", "armed")})

    def fire(self, count):
        """Have everything fire. It takes a while, so that something is owed when they sleep."""
        for unit in (self.dev, *self.stores):
            unit.cmd("gap 1000000")
            unit.cmd(f"fire-all {count}")

    def settle(self):
        """All that was fired has arrived. What may be lost is retriggered, so more is possible."""
        for unit in (self.dev, *self.stores):
            reply = unit.wait(60000)
            assert reply["fired"] == reply["handled"] == reply["acked"], reply
            assert reply["abandoned"] == 0, reply

    def check(self):
        """Everything works as it did."""
        self.guest.wait_until(lambda: "state: ready" in self.guest.run(STATE).out,
                              "requests are answered", 30)
        deadline = time.monotonic() + 30 * self.guest.pace
        while self.state() != self.before and time.monotonic() < deadline:
            time.sleep(1)
        assert self.state() == self.before
        self.settle()
        self.fire(20)
        self.settle()
        vectors = {vector["index"]: vector for vector in self.guest.get("vectors")
                   if (vector["endpoint"], vector["store"]) == (self.dev.endpoint, 0)}
        rows = self.dev.vectors()
        for index in range(VECTORS):
            assert_pair_in_store(vectors[index], rows[index])
            # A CPU that was taken offline on the way has lost what it had
            assert_route(vectors[index], rows[index]["affinity"])
        for name, node in self.disks:
            write_disk(self.guest, self.devices, name, node, size=1 << 20)
        pings = self.devices.lan.pings
        self.guest.run(f"ping -c 3 -i 0.2 -W 5 {HOST_IP}")
        assert self.devices.lan.pings >= pings + 3
        assert self.host.raw()["live"] == 0
        cycle_cpu(self.guest)
        self.dev.many([f"move {index} {index % 2}" for index in range(VECTORS)])
        self.guest.check_dmesg()


def disk(guest):
    """Hibernation, to the disk that is there for it."""
    to_disk(guest, "/dev/vdb")


@pytest.mark.parametrize("sleep", [
    to_idle,
    pytest.param(to_ram, marks=pytest.mark.debug_kernel),
    # The debug kernel has no hibernation
    pytest.param(disk, marks=pytest.mark.stock_only),
])
def test_sleep(boot, devices, sleep):
    """Asleep while interrupts are owed, twice: all of them arrive, everything goes on."""
    sleeper = Sleeper(boot, devices)
    for _ in range(sleeper.guest.fewer(2)):
        sleeper.fire(sleeper.guest.fewer(2000))
        sleep(sleeper.guest)
        sleeper.check()
