# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""CPUs and functions that come and go under load."""

import pytest
from host import Host
from scenario import write_disk
from testdev import Testdev

TIMES = 20

IO = """
while :; do
	dd if={node} of=/dev/null bs=64k count=32 iflag=direct 2>/dev/null || exit 1
	dd if=/dev/zero of={node} bs=64k count=32 seek=64 oflag=direct conv=notrunc 2>/dev/null || exit 1
	count=$((count + 1))
	echo $count > /tmp/io.{name}
done
"""


def progress(guest, name):
    """Rounds of IO so far."""
    result = guest.run(f"cat /tmp/io.{name}", check=False)
    return int(result.out or 0) if result.rc == 0 else 0


def nvme_online(guest):
    """The disk is there."""
    return guest.run("ls /dev/nvme0n1", check=False).rc == 0


@pytest.mark.port("v2m", "its", "imsic", "q35")
def test_cpu_hotplug_under_io(boot, devices):
    """CPU 1 goes and comes 20 times under disk I/O and ims-testdev's fire."""
    devices.virtio_blk().nvme().testdev()
    guest = boot()
    host = Host(guest)
    guest.rebind("nvme", devices.address("nvme"))
    guest.wait_until(lambda: nvme_online(guest), "NVMe is back")
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 16 16")
    dev.cmd("request-all")
    before = host.stats()
    dev.cmd("gap 200000")
    dev.cmd("fire-all 200000")
    with guest.background(IO.format(node="/dev/vda", name="vblk")), \
            guest.background(IO.format(node="/dev/nvme0n1", name="nvme")):
        for _ in range(TIMES):
            marks = [progress(guest, name) for name in ("vblk", "nvme")]
            for online in (0, 1):
                guest.run(f"echo {online} > /sys/devices/system/cpu/cpu1/online")
                if not online:
                    assert all(row["affinity"] == 0 for row in dev.vectors().values())
            guest.wait_until(lambda: all(  # pylint: disable=cell-var-from-loop
                progress(guest, name) > mark for name, mark in zip(("vblk", "nvme"), marks)),
                "disk I/O goes on", 60)
            dev.many([f"move {index} 1" for index in range(0, 16, 2)])
    dev.cmd("cancel")
    reply = dev.cmd("wait 20000")
    assert reply["handled"] > 0
    assert reply["fired"] == reply["handled"] + reply["abandoned"]
    # What was on its way when it was cancelled finds nothing to handle
    assert reply["spurious"] <= reply["abandoned"]
    write_disk(guest, devices, "vblk", "/dev/vda")
    write_disk(guest, devices, "nvme", "/dev/nvme0n1")
    after = host.stats()
    assert (after["allocated"], after["armed"]) == (before["allocated"], before["armed"])


@pytest.mark.port("its", "imsic", "q35")
def test_no_interrupt_lost_by_offlining(boot, devices):
    """Every interrupt fired while CPU 1 goes and comes is handled."""
    devices.testdev()
    guest = boot()
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 16 16")
    dev.cmd("request-all")
    dev.cmd("gap 100000")
    for _ in range(TIMES):
        dev.many([f"move {index} 1" for index in range(16)])
        dev.cmd("fire-all 500")
        guest.run("echo 0 > /sys/devices/system/cpu/cpu1/online; "
                  "echo 1 > /sys/devices/system/cpu/cpu1/online")
        dev.settle(60000)
    assert dev.settle()["handled"] == TIMES * 16 * 500


def test_nvme_rebind(boot, devices):
    """NVMe is unbound and bound 20 times: the host's count is back to where it was."""
    devices.nvme()
    guest = boot()
    host = Host(guest)
    address = devices.address("nvme")
    guest.unbind(address)
    guest.wait_until(lambda: not host.vectors(address), "the host has no vector of it", 5)
    start = host.stats()
    for turn in range(TIMES):
        guest.bind("nvme", address)
        guest.wait_until(lambda: nvme_online(guest), "NVMe is there")
        assert len(guest.interrupts(chip=f"VIRTIO.*{address}")) == 3
        if turn % 5 == 0:
            write_disk(guest, devices, "nvme", "/dev/nvme0n1", size=1 << 20)
        guest.unbind(address)
        guest.wait_until(lambda: not host.vectors(address), "the host has no vector of it", 5)
    end = host.stats()
    for counter in ("endpoints", "allocated", "committed", "armed"):
        assert end[counter] == start[counter], counter


def test_virtio_blk_rebind(boot, devices):
    """The same for a virtio disk, by its virtio driver and by its PCI driver."""
    devices.virtio_blk()
    guest = boot()
    host = Host(guest)
    address = devices.address("vblk")
    start = host.stats()
    for turn in range(TIMES):
        guest.run(f"cd /sys/bus/pci/devices/{address}/ && v=$(echo virtio*) && "
                  "cd /sys/bus/virtio/drivers/virtio_blk && echo $v > unbind && echo $v > bind")
        if turn % 5 == 0:
            guest.rebind("virtio-pci", address)
            write_disk(guest, devices, "vblk", "/dev/vda", size=1 << 20)
    guest.wait_until(lambda: host.stats()["allocated"] == start["allocated"],
                     "the host's count is what it was", 5)
    assert host.stats()["endpoints"] == start["endpoints"]
