# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Interrupts of devices that QEMU's main loop does not serve, without the controller: from the
kernel, from a thread."""

import pytest

from scenario import network_up

L1_IP, L2_IP = "192.168.77.1", "192.168.77.2"
MIB = 1 << 20

# Of KVM, in L1: an eventfd was signalled, and what became of it
WAKEUP, MESSAGE = "irqfd_wakeup", "kvm/kvm_msi_set_irq"

TAP = ["-netdev", "tap,id=lan,ifname=tap0,script=no,downscript=no,vhost=on"]
CARD = ("virtio-net-pci", {"id": "vnet", "addr": "5", "netdev": "lan", "romfile": "",
                           "disable-legacy": "on"})
IMAGE = "/run/disk"
DRIVE = ["-object", "iothread,id=thread",
         "-drive", f"if=none,id=drive,format=raw,cache=writeback,file={IMAGE}"]
DISK = ("virtio-blk-pci", {"id": "vblk", "addr": "6", "drive": "drive", "iothread": "thread",
                           "disable-legacy": "on"})


def checksum(guest, path, size):
    """Of the start of a file or a disk."""
    return guest.run(f"head -c {size} {path} | sha256sum").out.split()[0]


def fetch(there, here, address, size):
    """Have one of two guests get a file from the other one, which has its address there. They
    are the same."""
    there.run(f"mkdir -p /tmp/www && head -c {size} /dev/urandom > /tmp/www/file && "
              f"httpd -p {address}:80 -h /tmp/www")
    here.run(f"wget -q -O /tmp/file http://{address}/file")
    assert checksum(here, "/tmp/file", size) == checksum(there, "/tmp/www/file", size)
    there.run("killall httpd && rm -r /tmp/www")
    here.run("rm /tmp/file")


@pytest.mark.nightly
def test_vhost_net_and_iothread(boot, l1):
    """Every byte arrives in both directions, and the interrupts go from eventfd to KVM."""
    l1.run(f"truncate -s {16 * MIB} {IMAGE}")
    guest = boot(devices=[CARD, DISK], args=TAP + DRIVE, smp=2,
                 load=["virtio_net", "virtio_blk"])
    l1.run(f"ip addr add {L1_IP}/24 dev tap0 && ip link set tap0 up")
    network_up(guest, L2_IP)
    size = 4 * MIB
    with l1.counting(WAKEUP, MESSAGE) as counts:
        fetch(l1, guest, L1_IP, size)
        fetch(guest, l1, L2_IP, size)
        seen = counts()
        assert seen[WAKEUP] > 0 and seen[MESSAGE] > 0
        guest.run(f"dd if=/dev/urandom of=/dev/vda bs=64k count={size >> 16} oflag=direct")
        assert counts()[WAKEUP] > seen[WAKEUP]
    assert checksum(guest, "/dev/vda", size) == checksum(l1, IMAGE, size)
    l1.run(f"rm {IMAGE}")
