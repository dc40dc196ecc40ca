# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Interrupts that the kernel delivers without QEMU, by routes that the controller keeps: virtio
devices with an iothread, with vhost or with vhost-user, and ivshmem, in a guest with KVM's interrupt
controller.
"""

import contextlib
import json

import pytest

from rig import DISK
from scenario import affinity, move, network_up

ADDRESS = "0000:00:05.0"
L1_IP, L2_IP = "192.168.78.1", "192.168.78.2"
VHOST_USER = "/run/vhost-user-blk"


def delivered(guest):
    """Messages that the controller has delivered itself."""
    return guest.get("stats")["messages"]["delivered"]


@contextlib.contextmanager
def not_by_qemu(guest, irqs):
    """Within, each of these interrupts comes, and none by way of QEMU's main loop."""
    def counts():
        totals = {irq.number: irq.total for irq in guest.interrupts()}
        return [totals[irq] for irq in irqs]

    messages, before = delivered(guest), counts()
    yield
    after = counts()
    assert all(late > early for early, late in zip(before, after)), (before, after)
    assert delivered(guest) == messages


def boot_with_disk(boot, **keywords):
    """A guest with that disk, which an iothread serves."""
    return boot(virq={}, load=["virtio_irq", "virtio_blk"],
                devices=[("virtio-blk-pci", {"id": "vblk", "addr": "5", "drive": "vblk-drive",
                                             "iothread": "io", "num-queues": "1",
                                             "disable-legacy": "on"})],
                args=["-object", "iothread,id=io",
                      "-drive", f"if=none,id=vblk-drive,format=raw,file={DISK}"], **keywords)


def read_all(guest):
    """Checksum of the whole disk, past the page cache."""
    return guest.run("dd if=/dev/vda bs=64k iflag=direct 2>/dev/null | sha256sum").out.split()[0]


def queue_irq(guest, action=r"virtio\d+-req"):
    """The interrupt of the function's queue."""
    irq, = guest.interrupts(chip=f"VIRTIO-PCI-MSIX.*{ADDRESS}", action=action)
    return irq


def where_it_comes(guest, irq, read):
    """The CPUs that have had an interrupt while something is read."""
    def counts():
        return next(line.counts for line in guest.interrupts() if line.number == irq)

    before = counts()
    read(guest)
    return [cpu for cpu, (early, late) in enumerate(zip(before, counts())) if late > early]


@pytest.mark.parametrize("irqchip", ["on", "split"])
def test_iothread(boot, disk, irqchip):
    """A disk: every byte arrives, and no interrupt by way of QEMU, before and after the driver has
    been away."""
    guest = boot_with_disk(boot, irqchip=irqchip)
    for _ in range(2):
        with not_by_qemu(guest, [queue_irq(guest).number]):
            assert read_all(guest) == disk
        guest.rebind("virtio-pci", ADDRESS)


def test_reset_of_the_controller(boot, disk):
    """The controller is reset under a disk that is read: its routes lead nowhere until they are
    armed again, and nothing is lost."""
    guest = boot_with_disk(boot)
    irq = queue_irq(guest).number
    read = "while :; do dd if=/dev/vda bs=64k iflag=direct 2>/dev/null | sha256sum; done"
    with guest.background(read) as output:
        for _ in range(3):
            guest.run("echo 1 > $(echo /sys/bus/virtio/drivers/virtio_irq/virtio*/reset)")
            lines = len(output().splitlines())
            guest.wait_until(lambda: len(output().splitlines()) > lines + 1, "reads go on",
                             timeout=60)
        sums = {line.split()[0] for line in output().splitlines()}
    assert sums == {disk}
    with not_by_qemu(guest, [irq]):
        assert read_all(guest) == disk


def come_where_moved(guest, irq, use):
    """A function's interrupt is moved to and fro, and comes to where it is, when used, without
    QEMU. KVM is told of a route once for each move, before the move is answered."""
    cpu = affinity(guest, irq)
    for _ in range(3):
        cpu = 1 - cpu
        with guest.tracing("virtio_irq_kvm_commit") as told:
            move(guest, irq, cpu)
            assert len(told()) == 1
        assert affinity(guest, irq) == cpu
        # The first one may still have been on its way, as with any other controller
        use(guest)
        with not_by_qemu(guest, [irq]):
            assert where_it_comes(guest, irq, use) == [cpu]


@pytest.fixture
def disk_server(l1, disk):
    """That disk, by another QEMU's server for vhost-user; its checksum."""
    commands = [{"execute": "qmp_capabilities"},
                {"execute": "block-export-add",
                 "arguments": {"type": "vhost-user-blk", "id": "export", "node-name": "disk",
                               "addr": {"type": "unix", "path": VHOST_USER}}}]
    lines = "\n".join(json.dumps(command) for command in commands)
    l1.run(f"echo '{lines}' > /run/disk-server.in")
    l1.run("qemu-system-x86_64 -machine none -nodefaults -display none -qmp stdio -blockdev "
           f"driver=file,node-name=disk,read-only=on,filename={DISK} "
           "< /run/disk-server.in > /run/disk-server.log 2>&1 & echo $! > /run/disk-server.pid")
    try:
        l1.wait_until(lambda: l1.run(f"[ -S {VHOST_USER} ]", check=False).rc == 0,
                      "the disk is served", 30)
        yield disk
    finally:
        l1.run(f"kill $(cat /run/disk-server.pid); cat /run/disk-server.log; rm -f {VHOST_USER}")


def test_vhost_user_blk(disk_server, boot):
    """A disk that another process serves: every byte arrives, and its interrupts do not come by way
    of QEMU, before and after the driver has been away."""
    guest = boot(virq={}, load=["virtio_irq", "virtio_blk"],
                 devices=[("vhost-user-blk-pci", {"id": "vblk", "addr": "5", "chardev": "server",
                                                  "num-queues": "1", "disable-legacy": "on"})],
                 args=["-chardev", f"socket,id=server,path={VHOST_USER}",
                       "-object", "memory-backend-memfd,id=memory,size=256M,share=on",
                       "-machine", "memory-backend=memory"])
    for _ in range(2):
        with not_by_qemu(guest, [queue_irq(guest).number]):
            assert read_all(guest) == disk_server
        guest.rebind("virtio-pci", ADDRESS)


def test_ivshmem(boot, l1):
    """A doorbell, which KVM hears and KVM answers: QEMU is not told of any ring."""
    socket, vectors = "/run/ivshmem", 4
    l1.run(f"ivshmem_server {socket} {vectors} </dev/null >/run/ivshmem.log 2>&1 &")
    l1.wait_until(lambda: l1.run(f"[ -S {socket} ]", check=False).rc == 0, "there is a server")
    guest = boot(virq={}, load=["virtio_irq", "ims_testdev"], smp=2,
                 devices=[("ivshmem-doorbell", {"id": "bell", "addr": "5", "chardev": "server",
                                                "vectors": vectors})],
                 args=["-chardev", f"socket,id=server,path={socket}"])
    irqs = [guest.interrupts(chip=f"VIRTIO-PCI-MSIX.*{ADDRESS}", action=f"^ivshmem-{index}$")
            for index in range(vectors)]
    numbers = [irq.number for irq, in irqs]

    def ring(guest, indices=range(vectors)):
        for index in indices:
            guest.run(f"echo {index} > /sys/bus/pci/devices/{ADDRESS}/ring")

    with not_by_qemu(guest, numbers):
        for _ in range(5):
            ring(guest)
    after = {irq.number: irq.total for irq in guest.interrupts()}
    assert [after[number] for number in numbers] == [5] * vectors
    come_where_moved(guest, numbers[1], ring)
    # With MSI-X off and on again, as new
    guest.rebind("ims-testdev-ivshmem", ADDRESS)
    numbers = [irq.number for irq in guest.interrupts(action="^ivshmem-")]
    assert len(numbers) == vectors
    with not_by_qemu(guest, numbers):
        ring(guest)


def test_vhost_net(boot, l1):
    """A network card that the host's kernel serves: interrupts do not come by way of QEMU, and
    come to where they were moved."""
    guest = boot(virq={}, load=["virtio_irq", "virtio_net"], smp=2,
                 devices=[("virtio-net-pci", {"id": "vnet", "addr": "5", "netdev": "lan",
                                              "romfile": "", "disable-legacy": "on"})],
                 args=["-netdev", "tap,id=lan,ifname=tap0,script=no,downscript=no,vhost=on"])
    l1.run(f"ip addr add {L1_IP}/24 dev tap0 && ip link set tap0 up")
    network_up(guest, L2_IP)
    irq = queue_irq(guest, r"virtio\d+-input\.0").number

    def ping(other):
        other.run(f"ping -c 5 -W 5 {L1_IP}")

    ping(guest)
    come_where_moved(guest, irq, ping)


@pytest.mark.parametrize("still_valid", ["on", "off"])
def test_pairs_change(boot, disk, still_valid):
    """Other pairs, and KVM's route is that of what the function's table holds: none goes by QEMU."""
    guest = boot_with_disk(boot)
    assert read_all(guest) == disk
    with not_by_qemu(guest, [queue_irq(guest).number]):
        for _ in range(3):
            guest.set("change-pairs", f"endpoint={ADDRESS},still-valid={still_valid}")
            guest.wait_until(lambda: not guest.get("stats")["stale"], "the guest has asked again")
            assert read_all(guest) == disk
    assert guest.get("stats")["events"]["stale"] >= 3
