# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Unmodified drivers on the virtio-irq domain: they work, and nothing notices."""

import os
import time

import pytest
from host import Host
from lan import GUEST_IP, HOST_IP
from scenario import (affinity, assert_pair_in_store, assert_route, move, network_up, read_disk,
                      write_disk)
from testdev import Testdev

KIB = 1024
CONTROLLER = "0000:00:02.0"


def test_without_controller(boot, devices):
    """The harness itself: today's behaviour, native interrupts, ims-testdev."""
    devices.virtio_blk().nvme().testdev()
    guest = boot(controller=False)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 8 8")
    dev.cmd("request-all")
    assert dev.fire_and_wait(100)["handled"] == 800
    write_disk(guest, devices, "vblk", "/dev/vda")
    write_disk(guest, devices, "nvme", "/dev/nvme0n1")
    assert not [irq for irq in guest.interrupts() if irq.virtual]


@pytest.mark.parametrize("machine", [pytest.param(None, id="q35", marks=pytest.mark.port), "pc"])
def test_all_served(boot, devices, machine):
    """Disks, network and ims-testdev have their interrupts from virtio-irq, and work."""
    devices.virtio_blk().nvme().virtio_net().testdev()
    guest = boot(machine=machine)
    guest.rebind("nvme", devices.address("nvme"))
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 4 4")
    dev.cmd("request-all")
    dev.fire_and_wait(10)
    guest.wait_until(lambda: guest.run("ls /dev/nvme0n1", check=False).rc == 0, "NVMe is back")
    write_disk(guest, devices, "vblk", "/dev/vda")
    write_disk(guest, devices, "nvme", "/dev/nvme0n1")
    for name in ("vblk", "nvme", "vnet", "testdev"):
        irqs = guest.interrupts(chip=devices.address(name))
        assert irqs, f"{name} has no interrupt"
        assert all(irq.chip.startswith("VIRTIO-PCI-MSIX-") for irq in irqs), irqs
        vectors = Host(guest).vectors(devices.address(name))
        assert len(vectors) >= len(irqs)
    for name in ("vblk", "nvme", "testdev"):
        assert Host(guest).delivered(devices.address(name)) > 0


@pytest.mark.parametrize("name,node", [("vblk", "/dev/vda"), ("nvme", "/dev/nvme0n1")])
@pytest.mark.port("v2m", "its", "imsic", "q35")
def test_disk_checksum(boot, devices, name, node):
    """What is written arrives on the host, what the host has is read."""
    devices.virtio_blk().nvme()
    guest = boot()
    if name == "nvme":
        guest.rebind("nvme", devices.address("nvme"))
        guest.wait_until(lambda: guest.run(f"ls {node}", check=False).rc == 0, "NVMe is back")
    write_disk(guest, devices, name, node, size=8 << 20)
    read_disk(guest, devices, name, node, size=8 << 20)


@pytest.mark.port("its", "imsic", "q35")
def test_network(boot, devices):
    """ping, and files in both directions."""
    devices.virtio_net()
    guest = boot()
    network_up(guest, GUEST_IP)
    guest.run(f"ping -c 5 -i 0.2 -s 1400 -W 5 {HOST_IP}")
    assert devices.lan.pings >= 5
    data = os.urandom(200 * KIB)
    devices.lan.served["down"] = data
    guest.run(f"cd /tmp && tftp -g -r down -l down {HOST_IP} && tftp -p -l down -r up {HOST_IP}",
              timeout=120)
    assert devices.lan.received["up"] == data
    irqs = guest.interrupts(chip=devices.address("vnet"))
    assert irqs and all(irq.virtual for irq in irqs)
    assert sum(irq.total for irq in irqs) > 100


@pytest.mark.stock_only
def test_bound_before_load(boot, devices):
    """A function that has vectors already is left alone and named; unbind and bind move it."""
    devices.nvme()
    guest = boot()
    address = devices.address("nvme")
    irqs = guest.interrupts(chip=address)
    assert irqs and not any(irq.virtual for irq in irqs)
    lines = [line for line in guest.dmesg().splitlines() if address in line and "bind" in line]
    assert lines, "the log does not say how to move the function"
    write_disk(guest, devices, "nvme", "/dev/nvme0n1")
    guest.rebind("nvme", address)
    guest.wait_until(lambda: guest.run("ls /dev/nvme0n1", check=False).rc == 0, "NVMe is back")
    irqs = guest.interrupts(chip=address)
    assert irqs and all(irq.virtual for irq in irqs)
    write_disk(guest, devices, "nvme", "/dev/nvme0n1")


@pytest.mark.debug_kernel
@pytest.mark.port
def test_move(boot, devices):
    """A move changes the host's route; the MSI-X table is not touched, nothing is lost."""
    devices.testdev()
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 4 4")
    dev.cmd("request-all")
    before = dev.vectors()
    for index in range(4):
        assert_pair_in_store(host.vectors(dev.endpoint)[index], before[index])
    for turn in range(4):
        for index in range(4):
            cpu = (turn + index) % 2
            irq = before[index]["virq"]
            move(guest, irq, cpu)
            assert affinity(guest, irq) == cpu
            dev.cmd(f"fire {index} 50")
            dev.settle()
            # Before the message at the latest
            assert_route(host.vectors(dev.endpoint)[index], cpu, guest.platform)
            row = dev.vectors()[index]
            assert row["last_cpu"] == cpu
            assert (row["address"], row["data"]) == (before[index]["address"],
                                                     before[index]["data"])
    assert dev.settle()["handled"] == 4 * 4 * 50


@pytest.mark.debug_kernel
@pytest.mark.port("v2m", "its", "smmu", "q35")
def test_multi_msi(boot, devices):
    """A block of MSI vectors: one address, consecutive data, each with its own route."""
    devices.testdev()
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    assert dev.cmd("alloc msi 8 8").ret == 8
    dev.cmd("request-all")
    vectors = host.vectors(dev.endpoint)
    base = vectors[0]
    assert base["pair-data"] % 8 == 0
    for index in range(8):
        assert vectors[index]["contiguous"]
        assert vectors[index]["pair-address"] == base["pair-address"]
        assert vectors[index]["pair-data"] == base["pair-data"] + index
        assert vectors[index]["pair-data"] <= 0xffff
    for index in range(8):
        dev.cmd(f"move {index} {index % 2}")
    dev.fire_and_wait(100)
    for index, row in dev.vectors().items():
        assert row["handled"] == 100
        assert row["last_cpu"] == index % 2
    irqs = guest.interrupts(chip=dev.address)
    assert len(irqs) == 8 and all(irq.chip.startswith("VIRTIO-PCI-MSI-") for irq in irqs)
    dev.cmd("release")
    guest.wait_until(lambda: not host.vectors(dev.endpoint), "the host has the vectors back", 5)


@pytest.mark.debug_kernel
@pytest.mark.port("its", "imsic", "q35")
def test_dynamic_msix(boot, devices):
    """Vectors that are added and removed one at a time disturb no other one."""
    devices.testdev()
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 2 2")
    dev.cmd("request-all")
    fires = guest.fewer(20000)
    dev.cmd("gap 20000 0 2")
    dev.cmd(f"fire-all {fires}")
    for index in (5, 63, 17):
        assert dev.cmd(f"add {index}").ret == index
        dev.cmd(f"request {index}")
        dev.cmd(f"fire {index} 100")
        assert dev.cmd(f"wait 20000 {index} 1")["handled"] == 100
        assert set(host.vectors(dev.endpoint)) >= {0, 1, index}
    lowest = dev.cmd("add").ret
    assert lowest == 2
    for index in (5, 63, 17):
        dev.cmd(f"free {index}")
        dev.cmd(f"remove {index}")
    dev.cmd("remove 2")
    assert dev.wait(60000, 0, 2)["handled"] == 2 * fires
    guest.wait_until(lambda: set(host.vectors(dev.endpoint)) == {0, 1},
                     "the host has the removed vectors back", 5)


@pytest.mark.debug_kernel
@pytest.mark.port
def test_managed_spread(boot, devices):
    """Managed vectors are spread over the CPUs and deliver where they belong."""
    devices.testdev()
    guest = boot()
    dev = Testdev(guest, devices.address("testdev"))
    assert dev.cmd("alloc msix 2 5 affinity 1 0").ret >= 3
    dev.cmd("request-all")
    dev.fire_and_wait(100)
    cpus = {row["last_cpu"] for index, row in dev.vectors().items() if index}
    assert cpus == {0, 1}


@pytest.mark.parametrize("append", ["", "virtio_irq.strict=1"])
@pytest.mark.parametrize("lazy", ["on", "off"])
def test_allocate_and_release(boot, devices, lazy, append):
    """Nothing is left on the host after a vector's whole life, in any mode."""
    devices.testdev()
    guest = boot(virq={"lazy": lazy}, append=append)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    for _ in range(3):
        dev.cmd("alloc msix 64 64")
        assert len(host.vectors(dev.endpoint)) == 64
        dev.cmd("request-all")
        assert host.stats()["armed"] == 64
        dev.fire_and_wait(20)
        dev.cmd("free-all")
        guest.wait_until(lambda: host.stats()["armed"] == 0, "nothing is armed", 5)
        dev.cmd("release")
        guest.wait_until(lambda: host.stats()["allocated"] == 0, "nothing is allocated", 5)
    assert host.blocked() == 0


def test_scope(boot, devices):
    """A function out of scope keeps its native interrupts."""
    devices.testdev("inside").testdev("outside")
    guest = boot(virq={"scope": devices.address("inside")})
    for name in ("inside", "outside"):
        dev = Testdev(guest, devices.address(name), name)
        dev.cmd("alloc msix 2 2")
        dev.cmd("request-all")
        dev.fire_and_wait(10)
        irqs = guest.interrupts(chip=devices.address(name))
        assert irqs and all(irq.virtual == (name == "inside") for irq in irqs)


@pytest.mark.port("its", "imsic", "q35")
def test_unbind_function(boot, devices):
    """Unbinding a driver gives everything back; binding starts again."""
    devices.testdev()
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    for _ in range(3):
        dev.cmd("alloc msix 16 16")
        dev.cmd("request-all")
        dev.fire_and_wait(10)
        guest.unbind(dev.address)
        guest.wait_until(lambda: host.stats()["endpoints"] == 0, "the endpoint is detached", 5)
        assert host.allocated() == 0
        guest.bind("ims-testdev", dev.address)


@pytest.mark.stock_only
@pytest.mark.port("v2m", "its", "imsic", "q35")
def test_unload(boot, devices):
    """No unload while an interrupt is requested; a clean one otherwise, and back."""
    devices.testdev().virtio_blk()
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 4 4")
    dev.cmd("request-all")
    assert guest.run("rmmod virtio_irq", check=False).rc != 0
    dev.fire_and_wait(100)
    write_disk(guest, devices, "vblk", "/dev/vda")
    guest.unbind(dev.address)
    guest.run("rmmod virtio_blk && rmmod virtio_irq")
    assert host.stats()["endpoints"] == 0
    guest.bind("ims-testdev", dev.address)
    dev.cmd("alloc msix 4 4")
    dev.cmd("request-all")
    dev.fire_and_wait(100)
    assert not any(irq.virtual for irq in guest.interrupts(chip=dev.address))
    dev.cmd("release")
    guest.insmod("virtio_irq")
    guest.rebind("ims-testdev", dev.address)
    dev.cmd("alloc msix 4 4")
    dev.cmd("request-all")
    dev.fire_and_wait(100)
    assert all(irq.virtual for irq in guest.interrupts(chip=dev.address))


@pytest.mark.debug_kernel
@pytest.mark.port("its", "imsic", "q35")
def test_controller_unbound(boot, devices):
    """When the controller goes, its consumers go first; nothing dangles."""
    devices.testdev().virtio_blk()
    guest = boot()
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 4 4")
    dev.cmd("request-all")
    dev.cmd("gap 100000")
    dev.cmd("fire-all 1000000")
    guest.unbind(CONTROLLER)
    assert Host(guest).stats()["endpoints"] == 0
    time.sleep(1)
    assert not [irq for irq in guest.interrupts() if irq.virtual]
    guest.bind("virtio-pci", CONTROLLER)
    guest.run(f"[ -e {dev.path} ] || echo {dev.address} > /sys/bus/pci/drivers/ims-testdev/bind")
    dev.cmd("alloc msix 4 4")
    dev.cmd("request-all")
    dev.fire_and_wait(100)
    assert all(irq.virtual for irq in guest.interrupts(chip=dev.address))


@pytest.mark.port
def test_access_platform(boot, devices):
    """The requests go through the DMA API, mapped once, when the device wants that."""
    devices.testdev()
    guest = boot(virq={"iommu_platform": "on", "disable-legacy": "on"})
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    assert dev.cmd("alloc msix 16 16").ret == 16
    dev.cmd("request-all")
    dev.many([f"move {index} {index % 2}" for index in range(16)])
    assert dev.fire_and_wait(100)["handled"] == 1600
    guest.run("echo 1 > $(echo /sys/bus/virtio/drivers/virtio_irq/virtio*/reset)")
    assert len(host.vectors(dev.endpoint)) == 16
    dev.cmd("free-all")
    dev.cmd("release")
    guest.wait_until(lambda: not host.vectors(dev.endpoint), "nothing is left", 10)
