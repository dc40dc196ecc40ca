# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""More than 255 CPUs without an emulated IOMMU: KVM's extended destination ID, which QEMU has
with kernel-irqchip=split. Two CPUs whose APIC IDs are so high are enough.
"""

import contextlib

from rig import fire_each
from scenario import affinity, move, network_up
from test_irqfd import L1_IP, L2_IP, not_by_qemu, queue_irq
from testdev import Testdev

# A socket has room for 256 APIC IDs, so that those of the second one begin behind 255
FIRST_HIGH_ID = 256
TOPOLOGY = "1,maxcpus=258,sockets=2,cores=129,threads=1"
HIGH_CPUS = [("host-x86_64-cpu", {"id": f"high{core}", "socket-id": 1, "core-id": core,
                                  "thread-id": 0}) for core in range(2)]
EMULATED = "0000:00:06.0"


def destination(vector):
    """The APIC ID in a route: its upper bits are in bits 11..5 of the address."""
    address = vector["route-address"]
    return address >> 12 & 0xff | (address >> 5 & 0x7f) << 8


def apic_ids(guest):
    """By CPU."""
    text = guest.run("awk '/^apicid/ { print $3 }' /proc/cpuinfo").out
    return [int(word) for word in text.split()]


def check_vectors(guest, endpoint, testdev, ids):
    """Each of some vectors goes to each CPU and back to its first, and comes there."""
    count = len(ids)
    for turn in range(count + 1):
        cpus = [(index + turn) % count for index in range(count)]
        for index, cpu in enumerate(cpus):
            move(guest, testdev.virq(index), cpu)
            assert affinity(guest, testdev.virq(index)) == cpu
        routes = {vector["index"]: destination(vector) for vector in guest.get("vectors")
                  if vector["endpoint"] == endpoint}
        assert [routes[index] for index in range(count)] == [ids[cpu] for cpu in cpus]
        assert fire_each(testdev, count) == [1] * count
        rows = testdev.vectors()
        assert [rows[index]["last_cpu"] for index in range(count)] == cpus


def test_high_apic_ids(boot, rig, l1):
    """Vectors of an emulated function, of one that is passed through and of vhost go to CPUs with
    high APIC IDs and back; those that KVM delivers do so there as well."""
    guest = boot(virq={}, irqchip="split", smp=TOPOLOGY, append="possible_cpus=4", memory=384,
                 load=["virtio_irq", "ims_testdev", "virtio_net"],
                 devices=[*HIGH_CPUS, *rig.vfio("testdev"),
                          ("ims-testdev", {"id": "emulated", "addr": EMULATED[-4:-2],
                                           "vectors": 16}),
                          ("virtio-net-pci", {"id": "vnet", "addr": "5", "netdev": "lan",
                                              "romfile": "", "disable-legacy": "on"})],
                 args=["-netdev", "tap,id=lan,ifname=tap0,script=no,downscript=no,vhost=on"])
    ids = apic_ids(guest)
    assert ids == [0, FIRST_HIGH_ID, FIRST_HIGH_ID + 1]

    for address in (EMULATED, rig.devices.address("testdev")):
        testdev = Testdev(guest, address)
        testdev.cmd("alloc msix 3 3")
        testdev.cmd("request-all")
        passed_through = address != EMULATED
        with not_by_qemu(guest, [testdev.virq(index) for index in range(3)]) \
                if passed_through else contextlib.nullcontext():
            check_vectors(guest, address, testdev, ids)

    l1.run(f"ip addr add {L1_IP}/24 dev tap0 && ip link set tap0 up")
    network_up(guest, L2_IP)
    irq = queue_irq(guest, r"virtio\d+-input\.0").number
    for cpu in (1, 2, 0):
        move(guest, irq, cpu)
        assert affinity(guest, irq) == cpu
        guest.run(f"ping -c 2 -W 5 {L1_IP}")
        with not_by_qemu(guest, [irq]):
            guest.run(f"ping -c 3 -W 5 {L1_IP}")
