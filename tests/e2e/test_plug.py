# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Served functions, and the controller itself, are plugged and unplugged, with and without a word,
while others are at work."""

import books
import pcie
import pytest
from host import Host
from scenario import await_file, write_disk
from test_surprise import driver_lines, state
from testdev import Testdev
from traffic import Traffic

pytestmark = pytest.mark.stock_only

VECTORS = 8
TURNS = 3
MANY = 20
PLUG_TIMEOUT = 60


class Visitors:
    """Functions that come into a slot one after the other, are used, and go."""

    def __init__(self, guest, devices, port):
        self.guest = guest
        self.devices = devices
        self.host = Host(guest)
        self.port = port

    def _plug(self, driver, name, **properties):
        pcie.plug(self.guest, driver, name, self.port, **properties)
        self.devices.locate(self.guest)
        return self.devices.address(name)

    def _use_disk(self, name, address, node):
        await_file(self.guest, node)
        irqs = self.guest.interrupts(chip=address)
        assert irqs and all(irq.virtual for irq in irqs), irqs
        write_disk(self.guest, self.devices, name, node, size=1 << 20)

    def nvme(self):
        """An NVMe disk."""
        address = self._plug("nvme", "visitor", drive="guest-disk-drive", serial="visitor")
        self._use_disk("guest-disk", address, "/dev/nvme0n1")

    def virtio_blk(self):
        """A virtio disk, after the one that stays."""
        address = self._plug("virtio-blk-pci", "visitor", drive="guest-disk-drive",
                             disable_legacy="on")
        self._use_disk("guest-disk", address, "/dev/vdb")

    def testdev(self):
        """A testdev, which still owes something when it goes."""
        address = self._plug("ims-testdev", "visitor", bar_slots=16)
        dev = Testdev(self.guest, address, "visitor")
        await_file(self.guest, f"{dev.path}/ctl")
        dev.cmd("alloc msix 16 16")
        dev.cmd("request-all")
        assert dev.fire_and_wait(20)["handled"] == 320
        assert len(self.host.vectors(address)) == 16
        dev.cmd("gap 1000000")
        dev.cmd("fire-all 1000000")

    def go(self):
        """The one that is there goes."""
        pcie.unplug(self.guest, "visitor", PLUG_TIMEOUT)


def come_and_go(boot, devices, times):
    """Each kind of visitor so many times; who stays notices nothing."""
    devices.port("bay", 1).virtio_blk().testdev().image("guest-disk")
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd(f"alloc msix {VECTORS} {VECTORS}")
    dev.cmd("request-all")
    before = host.books()
    visitors = Visitors(guest, devices, "bay")
    with Traffic(guest, [("vblk", "/dev/vda")], [dev]):
        for _ in range(times):
            for visitor in (visitors.nvme, visitors.virtio_blk, visitors.testdev):
                visitor()
                visitors.go()
                guest.wait_until(lambda: host.books() == before,
                                 "the host's books are as they were", 10)
    write_disk(guest, devices, "vblk", "/dev/vda", size=1 << 20)
    books.assert_equal(guest)
    assert host.raw()["live"] == 0


def test_functions_come_and_go(boot, devices):
    """Some times."""
    come_and_go(boot, devices, TURNS)


@pytest.mark.nightly
def test_functions_come_and_go_often(boot, devices):
    """Whatever would add up."""
    come_and_go(boot, devices, MANY)


def test_controller_comes_and_goes(boot, devices):
    """The controller is unplugged under fire: what it serves loses its driver before, and has the
    platform's interrupts then. It is plugged again: it serves what is bound from then on."""
    devices.virtio_blk().testdev()
    guest = boot(buses=pcie.BUSES, virq=pcie.VIRQ)
    address = devices.address("testdev")
    dev = Testdev(guest, address)
    before = None
    for turn in range(TURNS):
        dev.cmd(f"alloc msix {VECTORS} {VECTORS}")
        dev.cmd("request-all")
        assert all(irq.virtual for irq in guest.interrupts(chip=address))
        write_disk(guest, devices, "vblk", "/dev/vda", size=1 << 20)
        dev.cmd("gap 200000")
        dev.cmd("fire-all 1000000")
        with guest.background("while :; do dd if=/dev/vda of=/dev/null bs=64k count=32 "
                              "iflag=direct 2>/dev/null || sleep 1; done"):
            pcie.unplug(guest, "virq", PLUG_TIMEOUT)
        assert not [irq for irq in guest.interrupts() if irq.virtual]
        # Natively, the driver core has bound nothing again by itself
        for driver, name in (("ims-testdev", "testdev"), ("virtio-pci", "vblk")):
            path = f"/sys/bus/pci/devices/{devices.address(name)}/driver"
            if guest.run(f"[ -e {path} ]", check=False).rc:
                guest.bind(driver, devices.address(name))
        dev.cmd(f"alloc msix {VECTORS} {VECTORS}")
        dev.cmd("request-all")
        assert dev.fire_and_wait(20)["handled"] == 20 * VECTORS
        dev.cmd("release")
        await_file(guest, "/dev/vda")
        write_disk(guest, devices, "vblk", "/dev/vda", size=1 << 20)
        pcie.plug(guest, "virtio-irq-test-pci", "virq", "slot1", addr="0")
        await_file(guest, "/sys/bus/virtio/drivers/virtio_irq/virtio*")
        guest.rebind("ims-testdev", address)
        guest.rebind("virtio-pci", devices.address("vblk"))
        await_file(guest, "/dev/vda")
        # By the host's books a new one: as the first one was, at the first turn
        before = before or Host(guest).books()
        assert Host(guest).books() == before, turn
        books.assert_equal(guest)


def test_function_pulled_out(boot, devices):
    """A served function is gone without a word, under fire: its driver finds out, the host has all
    back that it had, and others go on."""
    devices.port("bay", 1).virtio_blk().testdev()
    devices.testdev("card", bus="bay")
    guest = boot(args=pcie.NATIVE_HOTPLUG)
    host = Host(guest)
    devices.locate(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd(f"alloc msix {VECTORS} {VECTORS}")
    dev.cmd("request-all")
    before = host.books()
    # That of the card
    before["endpoints"] -= 1
    card = Testdev(guest, devices.address("card"), "card")
    card.cmd("alloc msix 16 16")
    card.cmd("request-all")
    card.fire_and_wait(10)
    with Traffic(guest, [("vblk", "/dev/vda")], [dev]):
        card.cmd("gap 1000000")
        card.cmd("fire-all 1000000")
        pcie.pull_out(guest, devices.address("bay"))
        guest.wait_until(lambda: not pcie.present(guest, card.address), "its driver is removed",
                         PLUG_TIMEOUT)
        guest.wait_until(lambda: host.books() == before, "the host's books are as they were", 10)
    assert state(guest) == "ready", driver_lines(guest)
    books.assert_equal(guest)
    write_disk(guest, devices, "vblk", "/dev/vda", size=1 << 20)
