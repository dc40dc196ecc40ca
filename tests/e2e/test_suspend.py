# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The guest sleeps, and nothing that the controller serves is worse off for it."""

import time

import books
import pytest
from host import Host
from ims import KINDS
from lan import GUEST_IP, HOST_IP
from power import to_disk, to_idle, to_idle_until, to_ram
from scenario import (assert_pair_in_store, assert_route, await_file, cycle_cpu, network_up,
                      write_disk)
from testdev import Store, Testdev
from traffic import Traffic

VECTORS = 16
STORE_VECTORS = 4
STATE = "cat /sys/kernel/debug/virtio-irq/*/stats"


class Sleeper:  # pylint: disable=too-many-instance-attributes
    """A guest with one of everything, and what must be the same afterwards."""

    def __init__(self, boot, devices):
        devices.virtio_blk().virtio_blk("swap", size=256 << 20).nvme().virtio_net()
        devices.testdev(**{"bar-slots": 64, "memory-slots": 64})
        if boot.kernel == "debug":
            devices.xhci()
        self.devices = devices
        self.guest = boot(memory=384, firmware=True)
        self.host = Host(self.guest)
        address = devices.address("nvme")
        self.disks = [("vblk", "/dev/vda")]
        if self.guest.debug:
            # Linux 6.12's nvme_suspend() freezes its queues in one worker and thaws them in
            # another, which the lock checker reports, and then checks nothing any more
            self.guest.unbind(address)
            await_file(self.guest, "/dev/sda")
            self.disks.append(("xhci", "/dev/sda"))
        else:
            self.disks.append(("nvme", "/dev/nvme0n1"))
            self.guest.rebind("nvme", address)
            self.guest.wait_until(lambda: self.guest.run("ls /dev/nvme0n1", check=False).rc == 0,
                                  "NVMe is back")
        network_up(self.guest, GUEST_IP)
        for name, _ in self.disks:
            assert self.guest.interrupts(chip=f"VIRTIO-PCI-.*{devices.address(name)}"), name
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
        return (sorted((irq.chip, irq.actions) for irq in self.guest.interrupts()),
                self.host.books())

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
        books.assert_equal(self.guest)
        assert self.host.raw()["live"] == 0
        cycle_cpu(self.guest)
        self.dev.many([f"move {index} {index % 2}" for index in range(VECTORS)])
        self.guest.check_dmesg()


def disk(guest):
    """Hibernation, to the disk that is there for it."""
    to_disk(guest, "/dev/vdb")


SLEEPS = [
    to_idle,
    pytest.param(to_ram, marks=pytest.mark.debug_kernel),
    # The debug kernel has no hibernation
    pytest.param(disk, marks=pytest.mark.stock_only),
]


def sleep_often(boot, devices, sleep, times):
    """Asleep while interrupts are owed and disks are at work: all goes on each time."""
    sleeper = Sleeper(boot, devices)
    for _ in range(sleeper.guest.fewer(times)):
        with Traffic(sleeper.guest, disks=sleeper.disks):
            sleeper.fire(sleeper.guest.fewer(2000))
            sleep(sleeper.guest)
        sleeper.check()


@pytest.mark.parametrize("sleep", SLEEPS)
def test_sleep(boot, devices, sleep):
    """Twice."""
    sleep_often(boot, devices, sleep, 2)


@pytest.mark.nightly
@pytest.mark.parametrize("sleep", SLEEPS)
def test_sleep_20_times(boot, devices, sleep):
    """Whatever would add up."""
    sleep_often(boot, devices, sleep, 20)


def all_units(guest, address):
    """MSI-X and both stores of a function, eight vectors each, requested, in turns on each CPU."""
    units = [Testdev(guest, address)] + [Store(guest, address, KINDS[kind]) for kind in KINDS]
    units[0].cmd("alloc msix 8 8")
    for store in units[1:]:
        store.cmd("open")
        store.many([f"add {index}" for index in range(8)])
    for unit in units:
        unit.cmd("request-all")
        unit.many([f"move {index} {index % 2}" for index in range(8)])
    return units


def test_wake_up(boot, devices):
    """An interrupt that is served wakes the system, which has no other reason to wake up: MSI-X and
    each kind of store. Those of other vectors wait for the end of the sleep, and none is lost."""
    devices.virtio_blk().testdev(**{"bar-slots": 16, "memory-slots": 16})
    guest = boot()
    host = Host(guest)
    units = all_units(guest, devices.address("testdev"))
    dev = units[0]
    before = host.books()
    for number, unit in enumerate(units):
        # In turns on each CPU
        index = 2 + number % 2
        unit.cmd(f"wake {index} on")

        def wake():
            for each in (0, 1, index):  # pylint: disable=cell-var-from-loop
                guest.set("fire", f"{number}:{each},1", dev.qom)

        with Traffic(guest, disks=[("vblk", "/dev/vda")]):
            to_idle_until(guest, wake)
        unit.cmd(f"wake {index} off")
        for each in units:
            # The kernel raises again what came while it slept
            reply = each.wait(30000)
            assert reply["fired"] == reply["handled"] == reply["acked"], reply
            assert reply["abandoned"] == 0
        rows = unit.vectors()
        assert all(rows[each]["handled"] for each in (0, 1, index)), rows
    assert host.books() == before
    books.assert_equal(guest)
    assert host.raw()["live"] == 0


def test_runtime_power(boot, devices):
    """A function that nobody needs for a moment loses its power (D3hot), while it owes interrupts,
    and has it back: it keeps its vectors, of which the host is asked for nothing."""
    devices.virtio_blk().testdev(pm="on", **{"bar-slots": 16, "memory-slots": 16})
    guest = boot()
    host = Host(guest)
    units = all_units(guest, devices.address("testdev"))
    dev = units[0]
    for unit in units:
        unit.fire_and_wait(10)
    power = f"/sys/bus/pci/devices/{dev.address}/power"
    fires = guest.fewer(2000)
    before = books.of_host(guest)
    with Traffic(guest, [("vblk", "/dev/vda")]):
        for turn in range(3):
            for unit in units:
                unit.cmd("gap 1000000")
                unit.cmd(f"fire-all {fires}")
            asked = host.stats()["requests"]
            guest.write(f"{power}/control", "auto")
            guest.wait_until(lambda: guest.read(f"{power}/runtime_status") == "suspended",
                             "it sleeps", 10)
            state = guest.read(f"/sys/bus/pci/devices/{dev.address}/power_state")
            assert state == "D3hot", state
            fired = dev.get("fired-total")
            time.sleep(0.5)
            assert dev.get("fired-total") == fired, "it sends in its sleep"
            guest.write(f"{power}/control", "on")
            for unit in units:
                reply = unit.settle(60000)
                assert reply["handled"] == 8 * (10 + fires * (turn + 1))
            assert host.stats()["requests"] == asked
    assert books.of_host(guest) == before
    assert host.raw()["live"] == 0
