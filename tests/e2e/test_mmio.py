# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The controller is no PCI function, but on virtio-mmio: found in a device tree or by ACPI, before
the functions that it serves."""

import pytest
from devices import MIB
from host import Host
from machines import MICROVM
from scenario import await_file, read_disk, write_disk
from testdev import Testdev

MODULES = ("virtio_irq", "virtio_mmio", "virtio_blk", "ims_testdev")
# It is in no segment of its own. QEMU's default is the virtio of before 2014
WORDS = {"virq_type": "virtio-irq-test-device",
         "args": ["-global", "virtio-mmio.force-legacy=false"], "load": MODULES}
SCOPE = "0000:00:00.0-0000:00:1f.7"


@pytest.mark.port("v2m", "its")
def test_served(boot, devices, kernel):
    """Disks and ims-testdev work, a refusal is request_irq()'s error, vectors move, and the books
    are empty at the end."""
    devices.virtio_blk().nvme().testdev()
    guest = boot(virq={"scope": SCOPE}, **WORDS,
                 **({"machine": MICROVM, "accel": "tcg"} if kernel == "stock" else {}))
    host = Host(guest)
    device = guest.run("readlink -f /sys/bus/virtio/drivers/virtio_irq/virtio*").out
    assert "virtio-mmio" in device or "LNRO0005" in device, device
    guest.rebind("nvme", devices.address("nvme"))
    await_file(guest, "/dev/nvme0n1")
    for name, node in (("vblk", "/dev/vda"), ("nvme", "/dev/nvme0n1")):
        write_disk(guest, devices, name, node, size=2 * MIB)
        read_disk(guest, devices, name, node, size=2 * MIB)
        assert guest.interrupts(chip=f"VIRTIO-PCI-MSIX-{devices.address(name)}")
        assert host.delivered(devices.address(name))
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 8 8")
    guest.set("commit-quota", host.books()["committed"] + 4)
    dev.many([f"request {index}" for index in range(4)])
    dev.fails("request 4", "EDQUOT")
    guest.set("commit-quota", 0xffffffff)
    dev.cmd("request-all")
    for cpu in (1, 0):
        dev.many([f"move {index} {cpu}" for index in range(8)])
        dev.fire_and_wait(20)
        dev.settle(raised=8)
        assert {row["last_cpu"] for row in dev.vectors().values()} == {cpu}
    dev.cmd("release")
    assert not host.vectors(dev.endpoint)
