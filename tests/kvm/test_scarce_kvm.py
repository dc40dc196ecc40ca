# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""A KVM that has no routes left, or no memory: messages come by way of QEMU instead."""

import errno
import re

import pytest

from guest import GuestError
from host import Host
from nested import ScarceKVM
from rig import DISK
from scenario import network_up
from test_irqfd import L1_IP, L2_IP, delivered, read_all
from testdev import Testdev

VECTORS = 6
ROUTES = 4
# Of QEMU 7.2
NO_VHOST = r"unable to start vhost net: \d+: falling back on userspace virtio|" \
    "Error binding guest notifier"
NO_IOTHREAD = "virtio-blk failed to set guest notifier|virtio_bus_start_ioeventfd: failed"
NO_TABLE = "kvm_irqchip_commit_routes: Assertion `ret == 0' failed"
DISK_ADDRESS, CARD_ADDRESS = "0000:00:05.0", "0000:00:06.0"


def boot_testdev(boot, rig, **keywords):
    """A guest with ims-testdev whose vectors are allocated; both."""
    guest = boot(virq={}, devices=rig.vfio("testdev"), load=["virtio_irq", "ims_testdev"],
                 **keywords)
    testdev = Testdev(guest, rig.devices.address("testdev"))
    testdev.cmd(f"alloc msix {VECTORS} {VECTORS}")
    return guest, testdev


def by_qemu(guest, testdev, indices):
    """Those of some vectors whose interrupts the controller has to deliver; all of them come."""
    found = []
    for index in indices:
        before = delivered(guest)
        testdev.cmd(f"fire {index} 3")
        testdev.settle()
        count = delivered(guest) - before
        assert count in (0, 3)
        if count:
            found.append(index)
    return found


def test_routes(boot, rig):
    """Who comes too late for a route gets every interrupt nevertheless, also those that came while
    it was masked; a route that is given back is the next one's."""
    guest, testdev = boot_testdev(boot, rig, setup=ScarceKVM.setup(ROUTES))
    testdev.cmd("request-all")
    everyone = range(VECTORS)
    assert by_qemu(guest, testdev, everyone) == [4, 5]
    for index in (0, 5):
        testdev.cmd(f"mask {index}")
        testdev.cmd(f"fire {index} 1")
        testdev.cmd(f"unmask {index}")
    testdev.settle()
    for index in (0, 5):
        testdev.cmd(f"free {index}")
    for index in (5, 0):
        testdev.cmd(f"request {index}")
    assert by_qemu(guest, testdev, everyone) == [0, 4]
    testdev.cmd("free-all")
    for index in reversed(everyone):
        testdev.cmd(f"request {index}")
    assert by_qemu(guest, testdev, everyone) == [0, 1]


def test_memory(boot, rig, l1):
    """Without memory for an irqfd it is the same, until the vector is unmasked the next time. Without
    memory for a table of routes QEMU ends, and says so: that is no doing of ours."""
    guest, testdev = boot_testdev(boot, rig, setup=ScarceKVM.setup(),
                                  errors=[NO_TABLE])
    kvm = ScarceKVM(l1)
    with kvm.failing("irqfd", errno.ENOMEM):
        testdev.cmd("request-all")
        assert by_qemu(guest, testdev, range(VECTORS)) == [*range(VECTORS)]
    testdev.cmd("free 2")
    testdev.cmd("request 2")
    assert by_qemu(guest, testdev, range(VECTORS)) == [0, 1, 3, 4, 5]
    with kvm.failing("routing", errno.ENOMEM):
        with pytest.raises(GuestError, match="ended with status 134"):
            testdev.cmd("free 2")


def boot_virtio(boot, **keywords):
    """A guest with a disk that an iothread serves, and a network card that vhost does."""
    return boot(virq={}, load=["virtio_irq", "virtio_blk", "virtio_net"],
                devices=[("virtio-blk-pci", {"id": "vblk", "addr": DISK_ADDRESS[-4:-2],
                                             "drive": "vblk-drive", "iothread": "io",
                                             "num-queues": "1", "disable-legacy": "on"}),
                         ("virtio-net-pci", {"id": "vnet", "addr": CARD_ADDRESS[-4:-2],
                                             "netdev": "lan", "romfile": "",
                                             "disable-legacy": "on"})],
                args=["-object", "iothread,id=io",
                      "-drive", f"if=none,id=vblk-drive,format=raw,file={DISK}",
                      "-netdev", "tap,id=lan,ifname=tap0,script=no,downscript=no,vhost=on"],
                **keywords)


def test_virtio(boot, l1, disk):
    """An iothread and vhost need a route for each queue. Without it QEMU's main loop does their
    work, of which the guest is told nothing and QEMU's log has a line. What was had for nothing is
    given back, and the next start takes what there is then."""
    guest = boot_virtio(boot, setup=ScarceKVM.setup(2), errors=[NO_VHOST, NO_IOTHREAD])
    l1.run(f"ip addr add {L1_IP}/24 dev tap0 && ip link set tap0 up")

    host = Host(guest)

    def ping():
        guest.run(f"ping -c 3 -W 5 {L1_IP}")

    def read():
        assert read_all(guest) == disk

    def by_controller(address, action):
        before = host.delivered(address)
        action()
        return host.delivered(address) - before

    def said(text):
        return any(re.search(text, line) for line in guest.warnings())

    # One is the disk's. The card has the other one, and is refused the next
    network_up(guest, L2_IP)
    assert said(NO_VHOST) and not said(NO_IOTHREAD)
    assert by_controller(CARD_ADDRESS, ping) > 0
    assert by_controller(DISK_ADDRESS, read) == 0

    guest.unbind(DISK_ADDRESS)
    guest.rebind("virtio-pci", CARD_ADDRESS)
    network_up(guest, L2_IP)
    ping()
    assert by_controller(CARD_ADDRESS, ping) == 0

    guest.bind("virtio-pci", DISK_ADDRESS)
    assert by_controller(DISK_ADDRESS, read) > 0
    assert said(NO_IOTHREAD)
