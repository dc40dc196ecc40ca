# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Functions behind ports and bridges of all kinds: served like others, also when their buses are
renumbered, they are reset, or have errors.

QEMU 7.2 has one PCI segment on each of its machines: nothing here is of a second one.
"""

import books
import pcie
import pytest
from host import Host
from scenario import assert_route, await_file, write_disk
from testdev import Testdev
from traffic import Traffic

pytestmark = pytest.mark.stock_only

VECTORS = 8
TURNS = 3
# Far from those of the firmware
OTHER_BUS = 0x20
RECOVERY = 30
DISK = "/dev/nvme0n1"


class Tree:  # pylint: disable=too-many-instance-attributes
    """A guest with NVMe and a testdev behind a port each; a virtio disk and a testdev behind
    ports of another root bus; two testdevs behind a PCI Express-to-PCI bridge, whose requests
    have the bridge's ID."""

    TESTDEVS = ("near", "far", "one", "two")

    def __init__(self, boot, devices):
        devices.port("disk-port", 1).nvme(bus="disk-port")
        devices.port("near-port", 2).testdev("near", bus="near-port")
        devices.add("pxb-pcie", "host-bridge", bus_nr=0x40)
        devices.port("far-port", 3, bus="host-bridge").virtio_blk(bus="far-port")
        devices.port("farther-port", 4, bus="host-bridge", addr="1")
        devices.testdev("far", bus="farther-port")
        devices.add("pcie-pci-bridge", "old-bridge")
        devices.testdev("one", bus="old-bridge", addr="1")
        devices.testdev("two", bus="old-bridge", addr="2")
        # Ports that ACPI is in charge of never show a link, without which nothing is reset
        devices.args += pcie.NATIVE_HOTPLUG
        self.devices = devices
        self.guest = boot.shared(self._restore)
        self.host = Host(self.guest)
        self.host.begin()
        devices.locate(self.guest)
        self.disk = devices.address("nvme")
        if not self.served(self.disk):
            self.guest.rebind("nvme", self.disk)
        await_file(self.guest, DISK)
        self.dev = {name: Testdev(self.guest, devices.address(name), name)
                    for name in self.TESTDEVS}
        for dev in self.dev.values():
            dev.cmd(f"alloc msix {VECTORS} {VECTORS}")
            dev.cmd("request-all")
            dev.many([f"move {index} {index % 2}" for index in range(VECTORS)])
        self.before = self.host.books()

    def _restore(self, guest):
        for dev in self.dev.values():
            dev.cmd("release")
            dev.cmd("clear")
        guest.wait_until(lambda: not any(self.host.vectors(dev.endpoint)
                                         for dev in self.dev.values()), "all is given back", 5)

    def served(self, address):
        """Has the function its interrupts from the controller?"""
        irqs = self.guest.interrupts(chip=address)
        return irqs and all(irq.virtual for irq in irqs)

    def traffic(self, *testdevs, disks=("nvme", "vblk")):
        """Of these disks and testdevs, all if none is named."""
        nodes = {"nvme": DISK, "vblk": "/dev/vda"}
        return Traffic(self.guest, [(name, nodes[name]) for name in disks],
                       [self.dev[name] for name in testdevs or self.TESTDEVS])

    def check(self):
        """Everything is as it was."""
        self.guest.wait_until(lambda: self.host.books() == self.before,
                              "the host's books are as they were", RECOVERY)
        for dev in self.dev.values():
            assert self.served(dev.address), dev.address
            vectors = self.host.vectors(dev.endpoint)
            for index, row in dev.vectors().items():
                assert_route(vectors[index], row["affinity"])
        assert self.served(self.disk) and self.served(self.devices.address("vblk"))
        write_disk(self.guest, self.devices, "nvme", DISK, size=1 << 20)
        write_disk(self.guest, self.devices, "vblk", "/dev/vda", size=1 << 20)
        books.assert_equal(self.guest)
        assert self.host.raw()["live"] == 0


def test_behind_bridges(boot, devices):
    """All are served under their own number, not that of the bridge whose ID their requests have,
    and none can use another one's pair."""
    tree = Tree(boot, devices)
    assert int(tree.dev["far"].address[5:7], 16) > 0x40
    with tree.traffic():
        for turn in range(TURNS):
            for dev in tree.dev.values():
                dev.many([f"move {index} {(index + turn) % 2}" for index in range(VECTORS)])
    tree.check()
    one, two = tree.dev["one"], tree.dev["two"]
    own = {(row["address"], row["data"]) for row in two.vectors().values()}
    stolen = [(row["address"], row["data"]) for row in one.vectors().values()
              if (row["address"], row["data"]) not in own]
    assert stolen
    before, spurious = tree.host.blocked(), one.cmd("wait 1000")["spurious"]
    for address, data in stolen:
        two.cmd(f"raw {address:#x} {data:#x} 5")
    assert tree.host.blocked() - before == 5 * len(stolen)
    assert one.cmd("wait 1000")["spurious"] == spurious


def test_renumbered(boot, devices):
    """The bus of the disk gets another number and has its old one back; the others work on. Who is
    on it is another endpoint then, and the old one is the host's no more."""
    tree = Tree(boot, devices)
    port = devices.address("disk-port")
    number = pcie.bus_behind(tree.guest, port)
    for bus in (OTHER_BUS, number):
        with tree.traffic(disks=["vblk"]):
            pcie.remove(tree.guest, tree.disk)
            tree.guest.wait_until(lambda: not tree.host.vectors(tree.disk),
                                  "nothing is left of the old number", 5)
            pcie.renumber(tree.guest, port, bus)
            devices.locate(tree.guest)
            tree.disk = devices.address("nvme")
            assert tree.disk == f"0000:{bus:02x}:00.0"
            await_file(tree.guest, DISK)
        tree.check()


@pytest.mark.parametrize("name,method", [("nvme", "flr"), ("nvme", "bus"), ("near", "bus"),
                                         ("one", "af_flr")])
def test_reset_of_a_function(boot, devices, name, method):
    """A served function is reset, by itself or with its bus, under fire: it has its interrupts
    again, as its driver wants them, and the controller is asked for nothing that it need not be."""
    tree = Tree(boot, devices)
    with tree.traffic():
        for _ in range(TURNS):
            pcie.reset(tree.guest, devices.address(name), method)
    tree.check()


@pytest.mark.parametrize("port,error", [("disk-port", "DLP"), ("near-port", "MALF_TLP")])
def test_error_recovery(boot, devices, port, error):
    """A port has a fatal error (AER): the kernel resets what is behind it, and that goes on."""
    tree = Tree(boot, devices)

    def recovered():
        return tree.guest.dmesg().count("device recovery successful")

    with tree.traffic():
        for turn in range(TURNS):
            pcie.inject(tree.guest, port, error)
            tree.guest.wait_until(lambda: recovered() > turn,  # pylint: disable=cell-var-from-loop
                                  "the kernel recovers what is behind the port", RECOVERY)
        assert "recovery failed" not in tree.guest.dmesg()
    tree.check()
