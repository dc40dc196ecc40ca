# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Virtual functions (SR-IOV) of an NVMe controller: they come, are used and go again and again.

QEMU 7.2 has them for NVMe only. They share a namespace with their physical function; what they
have of its queues and interrupts is given to them by an admin command, after which they are online.
"""

import books
import pcie
import pytest
from host import Host
from scenario import await_file, write_disk
from testdev import Testdev
from traffic import Traffic

pytestmark = pytest.mark.stock_only

FUNCTIONS = 2
# Queue pairs and interrupts of each: of the admin queue, and of one for I/O
RESOURCES = 2
TURNS = 3
MANY = 50
# Virtualization Management
OPCODE = 0x1c
KEEP, OFFLINE, ASSIGN, ONLINE = 0x1, 0x7, 0x8, 0x9
QUEUES, INTERRUPTS = 0, 1


class Physical:
    """The function that has the others."""

    def __init__(self, boot, devices):
        devices.image("disk").port("bay", 1)
        devices.add("nvme", "pf", bus="bay", subsys="subsys", serial="pf",
                    max_ioqpairs=3 + FUNCTIONS * RESOURCES,
                    msix_qsize=3 + FUNCTIONS * RESOURCES, sriov_max_vfs=FUNCTIONS,
                    sriov_vq_flexible=FUNCTIONS * RESOURCES,
                    sriov_vi_flexible=FUNCTIONS * RESOURCES)
        devices.args += ["-device", "nvme-ns,bus=pf,drive=disk-drive,nsid=1,shared=on"]
        devices.testdev()
        self.devices = devices
        # Else the kernel makes one disk of all that have the namespace
        self.guest = boot(buses=[("nvme-subsys", {"id": "subsys"})],
                          append="nvme_core.multipath=N")
        devices.locate(self.guest)
        self.address = devices.address("pf")
        self.path = f"/sys/bus/pci/devices/{self.address}"
        self.host = Host(self.guest)
        self.guest.rebind("nvme", self.address)
        await_file(self.guest, "/dev/nvme0n1")
        self.virtual = [f"{self.address[:-1]}{number + 1}" for number in range(FUNCTIONS)]
        # It has all of them at first; a reset takes it away
        for resource in (QUEUES, INTERRUPTS):
            self._manage(KEEP, 0, resource, 0)
        pcie.reset(self.guest, self.address)

    def _manage(self, action, controller, resource=0, count=0):
        """The admin command; the physical function is controller 0, the others follow."""
        self.guest.run(f"nvme-admin /dev/nvme0 {OPCODE} "
                       f"{controller << 16 | resource << 8 | action:#x} {count}")

    def create(self):
        """All virtual functions, with drivers and disks."""
        self.guest.run(f"echo 0 > {self.path}/sriov_drivers_autoprobe && "
                       f"echo {FUNCTIONS} > {self.path}/sriov_numvfs && "
                       f"echo 1 > {self.path}/sriov_drivers_autoprobe")
        for number, address in enumerate(self.virtual, 1):
            for resource in (QUEUES, INTERRUPTS):
                self._manage(ASSIGN, number, resource, RESOURCES)
            self._manage(ONLINE, number)
            self.guest.bind("nvme", address)
            await_file(self.guest, f"/dev/nvme{number}n1")

    def use(self):
        """Each has its interrupts from the controller, and works."""
        for number, address in enumerate(self.virtual, 1):
            irqs = self.guest.interrupts(chip=address)
            assert irqs and all(irq.virtual for irq in irqs), irqs
            write_disk(self.guest, self.devices, "disk", f"/dev/nvme{number}n1",
                       size=1 << 20, seek=number << 20)
            assert self.host.delivered(address) > 0, address
        books.assert_equal(self.guest)

    def destroy(self):
        """All of them."""
        for number, address in enumerate(self.virtual, 1):
            self.guest.unbind(address)
            self._manage(OFFLINE, number)
        self.guest.run(f"echo 0 > {self.path}/sriov_numvfs")


def come_and_go(boot, devices, times):
    """So many times; the physical function and others notice nothing."""
    physical = Physical(boot, devices)
    guest, host = physical.guest, physical.host
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 8 8")
    dev.cmd("request-all")
    before = host.books()
    with Traffic(guest, [("disk", "/dev/nvme0n1")], [dev]):
        for _ in range(times):
            physical.create()
            physical.use()
            physical.destroy()
            guest.wait_until(lambda: host.books() == before, "the host's books are as they were",
                             10)
            assert not any(pcie.present(guest, address) for address in physical.virtual)
    write_disk(guest, devices, "disk", "/dev/nvme0n1", size=1 << 20)
    books.assert_equal(guest)
    assert host.raw()["live"] == 0


def test_virtual_functions(boot, devices):
    """Some times."""
    come_and_go(boot, devices, TURNS)


@pytest.mark.nightly
def test_virtual_functions_often(boot, devices):
    """Whatever would add up."""
    come_and_go(boot, devices, MANY)
