# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""virtio-irq-pci and virtio-irq-device: transport, sources, delivery; virtio-irq-test-pci.

What requests mean is tested with the device core; here it is only what QEMU adds.
"""

import random
import re
import struct

import pytest
import qmp
import qtest
import virtio_irq as v
from rig import EP, MSEC, OTHER, Rig


# Discovery

def test_identity(start):
    """IDs, class, features, queues and configuration are those of the specification."""
    rig = Rig(start, controller="virtio-irq-pci")
    assert rig.function.config(0) == (0x1040 + v.DEVICE_ID) << 16 | 0x1af4
    assert rig.function.config(8) >> 8 == 0x088000
    features = rig.ctl.transport.device_features()
    assert features & 0xffff == (1 << v.F_EVENTQ | 1 << v.F_ISOLATED | 1 << v.F_LAZY |
                                 1 << v.F_PASID)
    assert features >> qtest.F_VERSION_1 & 1 and features >> qtest.F_RING_RESET & 1
    assert not features >> 35 & 1, "VIRTIO_F_IN_ORDER"
    assert rig.ctl.transport.queue_max(v.REQUESTQ) >= 256
    assert rig.ctl.transport.queue_max(v.EVENTQ) == 64
    config = rig.ctl.transport.config(0, 216)
    assert struct.unpack_from("<4IH", config) == (65536, 1024, 4096, v.TLV_SIZE, 0)
    assert not any(config[18:])
    msix = rig.function.capability(0x11)
    assert rig.function.config(msix + 2, 2) & 0x7ff == 1, "two, the other one for events"


def test_production(start):
    """The device of production has nothing that makes it do wrong, and cannot be made to fail."""
    rig = Rig(start, controller="virtio-irq-pci")
    names = {prop["name"] for prop in rig.machine.qmp.execute(
        "qom-list", path="/machine/peripheral/irq")}
    assert not names & {"refuse", "malform", "delay", "mute", "needs-reset", "injected"}
    assert names >= {"stats", "endpoints", "vectors", "vector-quota", "scope", "change-pairs",
                     "revoke", "unrevoke", "enforce-quotas"}
    rig.ctl.attach(EP)
    rig.dev.send(rig.ctl.arm(EP, 0))
    assert rig.vector()["delivered"] == 1


def test_help(start):
    """-device virtio-irq-pci,help: what each property means, and what it is unless set."""
    machine = start("-device", "virtio-irq-pci,help", wait=False)
    assert machine.process.wait(qtest.TIMEOUT) == 0
    lines = {line.split("=")[0].strip(): line for line in machine.stderr().splitlines()
             if "=<" in line}
    for name in ("max-vectors", "max-endpoints", "max-count", "lazy", "events", "pasid-bits",
                 "scope", "window", "route-window", "vector-quota", "endpoint-quota",
                 "commit-quota", "commit-pool", "enforce-quotas"):
        assert re.search(r" - .+\(default( on x86)?: .+\)$", lines[name]), lines[name]


def test_scope_must_be_accepted(start):
    """A driver that does not accept SCOPE does not get FEATURES_OK (DEV-12)."""
    rig = Rig(start, ",scope=0000:00:04.0", features=1 << v.F_SCOPE)
    transport = rig.ctl.transport
    status = qtest.STATUS_ACKNOWLEDGE | qtest.STATUS_DRIVER
    for features, accepted in ((0, False), (1 << v.F_LAZY, False), (1 << v.F_SCOPE, True)):
        transport.set_status(0)
        transport.set_status(status)
        transport.set_features(features | 1 << qtest.F_VERSION_1)
        transport.set_status(status | qtest.STATUS_FEATURES_OK)
        assert bool(transport.status() & qtest.STATUS_FEATURES_OK) == accepted


def test_scope(start):
    """scope= is in the configuration and limits ATTACH."""
    rig = Rig(start, ",scope=0000:00:04.0;0000:00:06.0-0000:01:1f.7",
              features=1 << v.F_SCOPE | 1 << v.F_LAZY)
    config = rig.ctl.transport.config(0, 216)
    assert struct.unpack_from("<H", config, 16) == (2,)
    assert struct.unpack_from("<BxxxHHHxxI", config, 24) == (1, 0, EP, EP, EP)
    assert struct.unpack_from("<BxxxHHHxxI", config, 40) == (1, 0, 0x30, 0x1ff, 0x30)
    assert not any(config[56:])
    rig.ctl.attach(EP)
    assert rig.ctl.refused(v.attach(OTHER)) == v.S_PERM
    assert rig.ctl.refused(v.attach(0x30)) == v.S_NOENT


@pytest.mark.parametrize("options, message", [
    ("scope=0000:00:04.8", "not a range of PCI functions"),
    ("scope=0001:00:04.0", "segment"),
    ("scope=0000:00:05.0-0000:00:04.0", "not a range"),
    ("scope=", "not a range"),
    ("scope=" + ";".join(["0000:00:04.0"] * 13), "at most 12"),
    ("window=0xfee00000", "not a range"),
    ("window=0xfee00000-0xfee00fff0", "page's boundary"),
    ("window=0x100000-0x1fffff", "guest RAM"),
    ("window=0xfee00000-0xfee00fff,max-count=0", "max-count must be"),
    ("max-vectors=4194305", "max-vectors must be"),
    ("max-endpoints=0", "max-endpoints must be"),
    ("pasid-bits=21", "pasid-bits must be"),
    ("max-vectors=100,vector-quota=101", "only 100 vectors"),
    ("refuse=nothing=quota", "TYPE"),
    ("mute=loud", "silent or stall"),
])
def test_bad_properties(start, options, message):
    """A property that makes no sense is refused with a reason."""
    machine = start("-device", "virtio-irq-test-pci," + options, wait=False)
    assert machine.process.wait(qtest.TIMEOUT) == 1
    assert message in machine.stderr()


# Endpoints

def test_attach(rig):
    """Window, store and MSI's block size are what the function has."""
    flags, tlvs = rig.ctl.attach(EP)
    assert flags == 0
    assert [struct.unpack("<4xQQ", tlv) for tlv in tlvs[1]] == [v.WINDOW]
    assert [struct.unpack("<HBBI4x", tlv) for tlv in tlvs[2]] == [(0, 5, 0, 64)]
    assert rig.ctl.attach(EP) == (flags, tlvs)
    assert rig.stats()["endpoints"] == 1


def test_stores(start):
    """Store 0 by capability: MSI alone, MSI-X alone, none; blocks as MSI can (DEV-30, DEV-164)."""
    rig = Rig(start, extra=("-device", "edu,addr=6", "-device", "nec-usb-xhci,msi=off,addr=7",
                            "-device", "rtl8139,addr=8",
                            "-device", "ims-testdev,vectors=0,msi=4,addr=9",
                            "-device", "ims-testdev,vectors=3,msi=8,addr=0xa"))
    stores = [rig.ctl.attach(slot << 3)[1].get(2) for slot in (6, 7, 8, 9, 10)]
    assert struct.unpack("<HBBI4x", stores[0][0]) == (0, 0, 0, 1)
    assert struct.unpack("<HBBI4x", stores[1][0])[1:] == (0, 0, 16)
    assert struct.unpack("<HBBI4x", stores[3][0]) == (0, 2, 0, 4)
    assert struct.unpack("<HBBI4x", stores[4][0]) == (0, 3, 0, 8)
    assert stores[2] is None
    assert rig.ctl.refused(v.alloc(8 << 3, 0, 1)) in (v.S_NOENT, v.S_RANGE, v.S_UNSUPP)


def test_attach_refused(start):
    """What is no function is NOENT, what is never served is PERM."""
    rig = Rig(start, extra=("-device", "pci-bridge,chassis_nr=1,id=br,addr=6",
                            "-device", "ims-testdev,bus=br,addr=1"))
    for endpoint, status in ((0, v.S_PERM), (3 << 3, v.S_PERM), (6 << 3, v.S_PERM),
                             (9 << 3, v.S_NOENT), (1 << 16 | EP, v.S_PERM),
                             (0xffffffff, v.S_PERM), (0x0108, v.S_NOENT)):
        assert rig.ctl.refused(v.attach(endpoint)) == status, hex(endpoint)
    assert rig.stats()["endpoints"] == 0
    # Without a bus number the function behind the bridge looks like 00:01.0
    rig.machine.qmp.execute("qom-list", path="/machine/peripheral/br")
    qtest.make_bridge(rig.machine, 6, 1)
    rig.ctl.attach(0x0108)


def test_renumbered_bus(start):
    """A function is attached under one name only."""
    rig = Rig(start, extra=("-device", "pci-bridge,chassis_nr=1,id=br,addr=6",
                            "-device", "ims-testdev,bus=br,addr=1"))
    qtest.make_bridge(rig.machine, 6, 1)
    rig.ctl.attach(0x0108)
    qtest.make_bridge(rig.machine, 6, 2)
    assert rig.ctl.refused(v.attach(0x0208)) == v.S_BUSY
    rig.ctl.ok(v.detach(0x0108))
    rig.ctl.attach(0x0208)


# Messages

def test_delivery(rig):
    """A pair delivers its route and is counted; another value or address is not it."""
    rig.ctl.attach(EP)
    pair = rig.ctl.arm(EP, 5)
    assert pair[0] == v.WINDOW[0] + 4
    assert rig.dev.send(pair) == 0
    vector = rig.vector(5)
    assert vector == {
        "endpoint": "0000:00:04.0", "store": 0, "index": 5, "armed": True, "committed": True,
        "contiguous": False, "pair-address": pair[0], "pair-data": pair[1],
        "route-address": 0xfee00000, "route-data": 0x40, "delivered": 1, "routed": 1,
    }
    rig.dev.send((pair[0], pair[1] ^ 1))
    rig.dev.send((pair[0] + 4, pair[1]))
    assert rig.messages() == {"delivered": 1, "freed": 1, "pass": 1}
    assert rig.vector(5)["delivered"] == 1


def test_msi(rig):
    """The function's own MSI goes through its pair, data bits replaced by the function."""
    rig.ctl.attach(EP)
    assert rig.ctl.alloc(EP, 0, 4, flags=v.ALLOC_CONTIGUOUS | v.ALLOC_DATA16, width=32) == 4
    pairs = [rig.ctl.activate(EP, i, 0x40 + i) for i in range(4)]
    assert [pair[1] - pairs[0][1] for pair in pairs] == [0, 1, 2, 3] and pairs[0][1] % 4 == 0
    msi = rig.dev.capability(0x05)
    rig.dev.set_config(msi + 4, pairs[0][0] & 0xffffffff)
    rig.dev.set_config(msi + 8, 0)
    rig.dev.set_config(msi + 12, pairs[0][1], 2)
    rig.dev.set_config(msi + 2, 2 << 4 | 1, 2)
    rig.dev.write(0, 0x1000 + 3 * 0x20, 1)
    assert rig.vector(3)["delivered"] == 1
    assert rig.messages() == {"delivered": 1}


def test_unattached_is_untouched(rig):
    """Before ATTACH and after DETACH messages are the function's own, and the latter counted."""
    rig.ctl.attach(EP)
    pair = rig.ctl.arm(EP, 0)
    rig.other.send(pair)
    assert rig.messages() == {} and rig.raw() == {"inert": 0, "live": 0}
    rig.ctl.ok(v.detach(EP))
    rig.dev.send(pair)
    assert rig.messages() == {} and rig.raw() == {"inert": 1, "live": 0}
    for message in ((0xfee00000, 0x40), (pair[0], pair[1] & ~0x700), (pair[0] | 8, pair[1]),
                    (pair[0] | 0x10, pair[1]), (pair[0] | 0x1000, pair[1]),
                    (pair[0] | 0x20, pair[1]), (pair[0] & ~4, pair[1])):
        rig.dev.send(message)
    assert rig.raw() == {"inert": 1, "live": 7}
    rig.ctl.attach(EP)
    rig.dev.send(pair)
    assert rig.messages() == {"freed": 1} and rig.raw() == {"inert": 1, "live": 7}


def regions(rig):
    """How many functions have a region in their address space."""
    return rig.machine.qmp.execute("human-monitor-command", command_line="info mtree").count(
        "virtio-irq-source")


def test_regions(start):
    """Regions come with a driver, all at once, and go with a reset of the machine."""
    rig = Rig(start, ",scope=0000:00:04.0-0000:00:05.0",
              extra=("-device", "ims-testdev,id=t2,addr=7"),
              features=1 << v.F_SCOPE)
    assert regions(rig) == 2
    rig.ctl.attach(EP)
    rig.ctl.ok(v.detach(EP))
    rig.ctl.start(1 << v.F_SCOPE)
    assert regions(rig) == 2
    # One that comes later
    rig.machine.qmp.execute("device_del", id="t1")
    eject(rig.machine, 5)
    rig.machine.wait_for(lambda: regions(rig) == 1)
    rig.machine.qmp.execute("device_add", driver="ims-testdev", id="t1", addr="5")
    other = v.Testdev(rig.machine, 5).enable()
    rig.ctl.attach(OTHER)
    other.send(rig.ctl.arm(OTHER, 0))
    assert rig.messages() == {"delivered": 1} and regions(rig) == 2
    rig.machine.qmp.execute("system_reset")
    rig.machine.wait_for(lambda: regions(rig) == 0)


def test_inert_pair(start):
    """A pair that reaches the platform by itself ends nowhere: logical, destination 0 (DEV-158)."""
    rig = Rig(start, extra=("-trace", "apic_deliver_irq", "-trace", "apic_mem_writel"))
    rig.ctl.attach(EP)
    pairs = [rig.ctl.arm(EP, index) for index in range(3)]
    for pair in pairs:
        rig.dev.send(pair)
    trace = rig.machine.stderr()
    assert len(re.findall("apic_deliver_irq .*vector 64", trace)) == 3, trace
    rig.ctl.ok(v.detach(EP))
    for pair in pairs:
        rig.dev.send(pair)
    rest = rig.machine.stderr()[len(trace):]
    found = re.findall(r"apic_deliver_irq dest (\d+) dest_mode (\d+) ", rest)
    assert found == [("0", "1")] * 3, rest
    assert "apic_mem_writel" not in rest


def test_source(rig):
    """Another attached function cannot use the pair."""
    rig.ctl.attach(EP)
    rig.ctl.attach(OTHER)
    pair = rig.ctl.arm(EP, 0)
    rig.other.send(pair)
    assert rig.messages() == {"freed": 1}
    assert rig.vector()["delivered"] == 0


def test_bus_master_off(rig):
    """A function that may not write does not deliver."""
    rig.ctl.attach(EP)
    pair = rig.ctl.arm(EP, 0)
    rig.dev.master(False)
    assert rig.dev.send(pair) != 0
    assert rig.messages() == {}
    rig.dev.master(True)
    rig.dev.send(pair)
    assert rig.messages() == {"delivered": 1}


def test_other_sizes(start):
    """Only one aligned 4-byte write is a message; plain DMA without requester ID is one."""
    rig = Rig(start, extra=("-device", "edu,addr=6,dma_mask=0xffffffff"))
    edu = qtest.Function(rig.machine, 6).enable()
    rig.ctl.attach(6 << 3)
    address, data = rig.ctl.arm(6 << 3, 0)

    def dma(to, content):
        buffer = rig.machine.alloc()
        rig.machine.write(buffer, content)
        for source, target, direction in ((buffer, 0x40000, 0), (0x40000, to, 2)):
            edu.write(0, 0x80, source)
            edu.write(0, 0x88, target)
            edu.write(0, 0x90, len(content))
            edu.write(0, 0x98, direction | 1)
            rig.machine.clock_step(200 * MSEC)

    message = struct.pack("<I", data)
    dma(address, message)
    assert rig.messages() == {"delivered": 1}
    for number, (to, content) in enumerate((
            (address, message + bytes(4)), (address - 4, bytes(4) + message),
            (address, message[:2]), (address, message[:1]), (address - 2, message)), 1):
        dma(to, content)
        assert rig.messages() == {"delivered": 1, "pass": number}


def test_window_above_4g(start):
    """window= moves the pairs; a store that cannot hold them gets an error."""
    rig = Rig(start, ",window=0x7f00000000-0x7f000fffff")
    _, tlvs = rig.ctl.attach(EP)
    assert struct.unpack("<4xQQ", tlvs[1][0]) == (0x7f00000000, 0x7f000fffff)
    assert rig.ctl.refused(v.alloc(EP, 0, 1, width=32)) == v.S_RANGE
    pair = rig.ctl.arm(EP, 0)
    assert pair[0] == 0x7f00000004
    rig.dev.send(pair)
    assert rig.vector()["delivered"] == 1


def test_route_window(rig):
    """A route that is no message of the platform's is refused."""
    rig.ctl.attach(EP)
    rig.ctl.alloc(EP, 0, 1)
    for address in (0, 0x1000000, 0xfee00002, 0xfedffffc, 0xfef00000, 0x1fee00000):
        assert rig.ctl.refused(v.activate(EP, 0, 0x40, address=address)) == v.S_RANGE
    rig.ctl.activate(EP, 0, 0x40, address=0xfeeffffc)


def test_behind_viommu(start):
    """Pairs are taken in front of a vIOMMU, routes go through its interrupt remapping."""
    rig = Rig(start, extra=("-device", "intel-iommu,intremap=on", "-trace", "virtio_irq_deliver",
                            "-trace", "vtd_ir_*"),
              machine="q35,kernel-irqchip=split")
    rig.ctl.attach(EP)
    rig.dev.send(rig.ctl.arm(EP, 0))
    assert rig.messages() == {"delivered": 1}
    trace = rig.machine.stderr()
    assert re.search(r"virtio_irq_deliver .*requester=0000:00:04.0", trace)


# LAZY

def test_lazy(rig):
    """What waits in the ring when a message comes takes effect before it."""
    rig.ctl.attach(EP)
    pair = rig.ctl.arm(EP, 0)
    kicks = rig.stats()["kicks"]
    rig.ctl.put(v.activate(EP, 0, 0x55))
    assert rig.vector()["route-data"] == 0x40
    rig.dev.send(pair)
    assert rig.vector()["route-data"] == 0x55 and rig.vector()["delivered"] == 1
    rig.ctl.put(v.deactivate(EP, 0))
    rig.dev.send(pair)
    assert rig.messages() == {"delivered": 1, "freed": 1}
    assert len(rig.ctl.answers()) == 2
    assert rig.stats()["kicks"] == kicks


def test_lazy_detach(rig):
    """The message of a function that the ring detaches goes on as if never attached."""
    rig.ctl.attach(EP)
    pair = rig.ctl.arm(EP, 0)
    rig.ctl.put(v.detach(EP))
    assert rig.dev.send(pair) == 0
    assert rig.messages() == {}
    assert rig.stats()["endpoints"] == 0


@pytest.mark.parametrize("options, features", [(",lazy=off", 0), ("", 0)])
def test_not_lazy(start, options, features):
    """Without the feature nothing happens before the notification."""
    rig = Rig(start, options, features=features)
    offered = rig.ctl.transport.device_features() >> v.F_LAZY & 1
    assert offered == (options == "")
    rig.ctl.attach(EP)
    pair = rig.ctl.arm(EP, 0)
    rig.ctl.put(v.deactivate(EP, 0))
    rig.dev.send(pair)
    assert rig.messages() == {"delivered": 1}
    assert not rig.ctl.answers()
    rig.ctl.kick()
    assert len(rig.ctl.answers()) == 1
    rig.dev.send(pair)
    assert rig.messages() == {"delivered": 1, "freed": 1}


# The queue

def test_turns(start):
    """A notification does some 4096 vectors' work, and the main loop the rest (DEV-155)."""
    rig = Rig(start, testdev=",bar-slots=2048", extra=("-trace", "virtio_notify"))
    rig.ctl.attach(EP)
    for number in range(126):
        rig.ctl.put(v.alloc(EP, 0, 2048, store=1) if number % 2 == 0
                    else v.ranged(v.T_FREE, EP, 0, 2048, store=1))
    before = rig.machine.stderr().count("virtio_notify")
    rig.ctl.kick()
    rig.machine.wait_for(lambda: rig.ctl.requestq.used_index() == 127)
    assert [answer[0] for answer in rig.ctl.answers().values()] == [v.S_OK] * 126
    # At the end of each turn the driver is told. Two of these requests are 4096 vectors
    turns = rig.machine.stderr().count("virtio_notify") - before
    assert 126 / 3 <= turns <= 126


def test_reads(start):
    """A read of the window is what it would be without us (DEV-170)."""
    rig = Rig(start, extra=("-device", "edu,addr=6,dma_mask=0xffffffff"))
    edu = qtest.Function(rig.machine, 6).enable()

    def read(address):
        buffer = rig.machine.alloc()
        for source, target, direction in ((address, 0x40000, 0), (0x40000, buffer, 2)):
            edu.write(0, 0x80, source)
            edu.write(0, 0x88, target)
            edu.write(0, 0x90, 8)
            edu.write(0, 0x98, direction | 1)
            rig.machine.clock_step(200 * MSEC)
        return rig.machine.read(buffer, 8)

    addresses = (0xfee00000, 0xfee00004, 0xfee00030, 0xfee10000)
    before = [read(address) for address in addresses]
    rig.ctl.attach(6 << 3)
    rig.ctl.arm(6 << 3, 0)
    assert [read(address) for address in addresses] == before
    assert rig.messages() == {}


def test_ring_in_one_kick(start):
    """A full ring is served by one notification, which the trace shows once."""
    rig = Rig(start, extra=("-trace", "virtio_irq_kick"))
    for number in range(256 // 2):
        rig.ctl.put(v.attach(number))
    rig.ctl.kick()
    assert len(rig.ctl.answers()) == 128
    assert rig.stats()["kicks"] == 1
    assert rig.machine.stderr().count("virtio_irq_kick") == 1


def test_before_driver_ok(rig):
    """Nothing is taken from the ring before DRIVER_OK."""
    status = rig.ctl.transport.status()
    rig.ctl.transport.set_status(0)
    rig.ctl.transport.set_status(status & ~qtest.STATUS_DRIVER_OK)
    rig.ctl.restart_queue()
    rig.ctl.put(v.attach(EP))
    rig.ctl.kick()
    assert not rig.ctl.answers()


def test_scattered_request(rig):
    """Where the guest cuts its buffers is its own business."""
    memory = rig.machine.alloc()
    rig.machine.write(memory, v.attach(EP))
    buffers = [(memory + i, 1, False) for i in range(16)]
    buffers += [(memory + 256 + 8 * i, 8, True) for i in range((16 + v.TLV_SIZE) // 8)]
    rig.ctl.requestq.add(buffers)
    rig.ctl.kick()
    assert list(rig.ctl.requestq.reap().values()) == [16 + v.TLV_SIZE]
    assert rig.machine.read(memory + 256, 1) == bytes([v.S_OK])
    assert rig.stats()["endpoints"] == 1


@pytest.mark.parametrize("request_, rsp_size, answer", [
    (b"", 8, bytes([v.S_INVAL] + [0] * 7)),
    (v.attach(EP)[:-1], 128, bytes([v.S_INVAL] + [0] * 7)),
    (v.attach(EP) + b"\0", 128, bytes([v.S_INVAL] + [0] * 7)),
    (v.activate(EP, 0, 0) + b"\0", 128, bytes([v.S_INVAL] + [0] * 7)),
    (b"\x63" + v.attach(EP)[1:], 128, bytes([v.S_UNSUPP] + [0] * 7)),
    (v.attach(EP), 7, b""),
    (v.attach(EP), 0, b""),
])
def test_malformed(rig, request_, rsp_size, answer):
    """A request that is not well formed changes nothing, whatever room its answer has."""
    assert rig.ctl.request(request_, rsp_size) == answer
    assert rig.stats()["endpoints"] == 0
    rig.ctl.attach(EP)


def test_huge_buffers(rig):
    """A gigantic request and a gigantic answer cost nothing."""
    memory = rig.machine.alloc()
    rig.machine.write(memory, v.attach(EP))
    size = 0x3000000
    rig.ctl.requestq.add([(0x100000, size, False), (0x100000, size, True)])
    rig.ctl.requestq.add([(memory, 16, False), (0x3000000, 0x800000, True)])
    rig.ctl.kick()
    assert sorted(rig.ctl.requestq.reap().values()) == [8, 16 + v.TLV_SIZE]


@pytest.mark.parametrize("breakage", ["loop", "unmapped", "head", "order", "zero"])
def test_broken_ring(rig, breakage):
    """A bad ring needs a reset; until then armed pairs deliver, and then all is new."""
    rig.ctl.attach(EP)
    pair = rig.ctl.arm(EP, 0)
    queue, memory = rig.ctl.requestq, rig.machine.alloc()
    if breakage == "loop":
        queue.set_desc(10, memory, 16, qtest.DESC_NEXT, 10)
    elif breakage == "unmapped":
        queue.set_desc(10, 1 << 60, 16, qtest.DESC_NEXT, 11)
    elif breakage == "order":
        queue.set_desc(10, memory, 8, qtest.DESC_NEXT | qtest.DESC_WRITE, 11)
        queue.set_desc(11, memory, 8)
    elif breakage == "zero":
        queue.set_desc(10, memory, 0)
    queue.publish(0x1000 if breakage == "head" else 10)
    rig.ctl.kick()
    assert rig.ctl.transport.status() & qtest.STATUS_NEEDS_RESET
    rig.dev.send(pair)
    assert rig.vector()["delivered"] == 1
    rig.ctl.start(1 << v.F_LAZY)
    assert rig.stats()["endpoints"] == 0
    rig.ctl.attach(EP)


@pytest.mark.parametrize("lazy", [True, False])
def test_queue_reset(start, lazy):
    """Drops what was not answered; with LAZY, what disarms is carried out (DEV-161)."""
    rig = Rig(start, features=1 << v.F_LAZY if lazy else 0)
    rig.ctl.attach(EP)
    rig.ctl.attach(OTHER)
    assert rig.ctl.alloc(EP, 2, 3) == 3
    pairs = [rig.ctl.activate(EP, index, 0x50) for index in (2, 3, 4)]
    other = rig.ctl.arm(OTHER, 20)
    pair = rig.ctl.arm(EP, 0)
    rig.machine.set("delay", "alloc@1x1=100")
    rig.ctl.put(v.alloc(EP, 1, 1))
    rig.ctl.kick()
    rig.ctl.put(v.deactivate(EP, 2))
    rig.ctl.put(v.alloc(EP, 10, 1))
    rig.ctl.put(v.ranged(v.T_FREE, EP, 3, 1))
    rig.ctl.put(v.deactivate(EP, 4) + b"\0")
    rig.ctl.put(v.detach(OTHER))
    assert rig.stats()["held"] == 1
    rig.ctl.transport.reset_queue(v.REQUESTQ)
    assert rig.stats()["held"] == 0
    rig.dev.send(pair)
    assert rig.vector()["delivered"] == 1
    for each in pairs:
        rig.dev.send(each)
    rig.other.send(other)
    stats = rig.stats()
    assert (stats["messages"]["delivered"], stats["messages"]["freed"], stats["raw"]["inert"],
            stats["allocated"]) == ((2, 2, 1, 4) if lazy else (5, 0, 0, 6))
    used = rig.machine.read(rig.ctl.requestq.used, 64)
    rig.machine.clock_step(200 * MSEC)
    assert rig.machine.read(rig.ctl.requestq.used, 64) == used
    rig.ctl.restart_queue()
    assert rig.ctl.alloc(EP, 1, 1) == 1
    assert rig.ctl.activate(EP, 0, 0x41) == pair


def test_reset(rig):
    """Device reset drops everything, held answers too."""
    for way in ("status", "machine"):
        rig.ctl.attach(EP)
        pair = rig.ctl.arm(EP, 0)
        rig.machine.set("delay", "alloc=100")
        rig.ctl.put(v.alloc(EP, 1, 1))
        rig.ctl.kick()
        assert rig.stats()["held"] == 1
        if way == "status":
            rig.ctl.transport.set_status(0)
        else:
            rig.machine.qmp.execute("system_reset")
            rig.machine.wait_for(lambda: not rig.stats()["endpoints"])
            for function in (rig.function, rig.dev, rig.other):
                function.enable()
        stats = rig.stats()
        assert [stats[n] for n in ("endpoints", "allocated", "armed", "held")] == [0] * 4
        rig.dev.send(pair)
        assert rig.messages() == {}
        assert rig.raw()["inert"] == 1, "a reset of the machine makes functions new"
        rig.machine.clock_step(200 * MSEC)
        rig.machine.set("delay", "")
        rig.ctl.start(1 << v.F_LAZY)


# Limits and the tester

def test_quotas(rig):
    """Quotas change at run time."""
    rig.ctl.attach(EP)
    rig.machine.set("vector-quota", 8)
    assert rig.ctl.alloc(EP, 0, 64) == 8
    assert rig.ctl.refused(v.alloc(EP, 8, 1)) == v.S_QUOTA
    rig.machine.set("vector-quota", 10)
    rig.machine.set("endpoint-quota", 9)
    assert rig.ctl.alloc(EP, 8, 5) == 1
    rig.machine.set("commit-quota", 1)
    rig.ctl.activate(EP, 0, 0x40)
    assert rig.ctl.refused(v.activate(EP, 1, 0x41)) == v.S_QUOTA
    rig.machine.set("commit-quota", 5)
    rig.machine.set("commit-pool", 1)
    assert rig.ctl.refused(v.activate(EP, 1, 0x41)) == v.S_NOSPC
    rig.machine.set("commit-pool", 2)
    rig.ctl.activate(EP, 1, 0x41)
    assert rig.machine.get("commit-pool") == 2
    with pytest.raises(qmp.QMPError):
        rig.machine.set("vector-quota", -1)


def test_quota_options(start):
    """They are options too, and are kept by a reset."""
    rig = Rig(start, ",vector-quota=3,commit-pool=1,refuse=activate@2x1=nomem")
    rig.machine.qmp.execute("system_reset")
    for function in (rig.function, rig.dev):
        rig.machine.wait_for(lambda: True)
        function.enable()
    rig.ctl.start(1 << v.F_LAZY)
    rig.ctl.attach(EP)
    assert rig.ctl.alloc(EP, 0, 64) == 3
    rig.ctl.activate(EP, 0, 0x40)
    assert rig.ctl.refused(v.activate(EP, 1, 0x40)) == v.S_NOMEM
    assert rig.ctl.refused(v.activate(EP, 1, 0x40)) == v.S_NOSPC


def test_limits_are_counted(start):
    """Which limit has refused, and whom."""
    rig = Rig(start, ",max-vectors=6,max-endpoints=2",
              extra=("-device", "ims-testdev,id=t2,addr=6"))
    rig.ctl.attach(EP)
    rig.ctl.attach(OTHER)
    assert rig.ctl.refused(v.attach(6 << 3)) == v.S_NOSPC
    expected = dict.fromkeys(rig.stats()["limited"], 0)
    assert sorted(expected) == ["commit-pool", "commit-quota", "endpoint-quota", "max-endpoints",
                                "max-vectors", "vector-quota"]
    expected["max-endpoints"] = 1
    assert rig.stats()["limited"] == expected
    for name, value, request, status in (
            ("endpoint-quota", 0, v.alloc(EP, 0, 1), v.S_QUOTA),
            ("vector-quota", 0, v.alloc(EP, 0, 1), v.S_QUOTA),
            (None, None, v.alloc(EP, 0, 6), v.S_OK),
            ("max-vectors", None, v.alloc(OTHER, 0, 1), v.S_NOSPC),
            ("commit-quota", 0, v.activate(EP, 0, 0x40), v.S_QUOTA),
            ("commit-pool", 0, v.activate(EP, 0, 0x40), v.S_NOSPC)):
        if value is not None:
            rig.machine.set(name, value)
        assert rig.ctl.request(request)[0] == status
        if value is not None:
            rig.machine.set(name, (1 << 32) - 1)
        if name:
            expected[name] += 1
        assert rig.stats()["limited"] == expected
    assert rig.machine.get("endpoints") == [
        {"endpoint": "0000:00:04.0", "allocated": 6, "refused": 4, "limited": 4},
        {"endpoint": "0000:00:05.0", "allocated": 0, "refused": 1, "limited": 1}]
    with pytest.raises(qmp.QMPError, match="only 6 vectors"):
        rig.machine.set("vector-quota", 7)
    assert rig.machine.get("vector-quota") == (1 << 32) - 1


def test_many_vectors(start):
    """The table of vectors ends somewhere: each takes its time."""
    rig = Rig(start, testdev=",vectors=2048,bar-slots=2048,memory-slots=2048")
    rig.ctl.attach(EP)
    for store in range(3):
        rig.ctl.alloc(EP, 0, 2048, store=store)
    assert rig.stats()["allocated"] == 3 * 2048
    assert len(rig.machine.get("vectors")) == 4096


def test_refuse(rig):
    """The n-th request of a type is refused."""
    rig.ctl.attach(EP)
    rig.machine.set("refuse", "alloc@2x1=quota")
    assert rig.machine.get("refuse") == "alloc@2x1=quota"
    assert rig.ctl.alloc(EP, 0, 1) == 1
    assert rig.ctl.refused(v.alloc(EP, 1, 1)) == v.S_QUOTA
    assert rig.machine.get("refuse") == ""
    assert rig.ctl.alloc(EP, 1, 1) == 1
    assert rig.machine.get("injected") == {"refused": 1, "malformed": 0, "delayed": 0}
    with pytest.raises(qmp.QMPError, match="refuse"):
        rig.machine.set("refuse", "alloc=sometimes")


def test_malform(rig):
    """Used lengths and contents go wrong as told."""
    rig.ctl.attach(EP)
    rig.ctl.alloc(EP, 0, 1)
    for how, length in (("short", 23), ("long", 25), ("empty", 0)):
        rig.machine.set("malform", f"activate@1x1={how}")
        assert len(rig.ctl.request(v.activate(EP, 0, 0x40))) == length
    rig.machine.set("malform", "activate@1x1=long")
    head = rig.ctl.put(v.activate(EP, 0, 0x40), rsp_size=24)
    rig.ctl.kick()
    assert rig.ctl.requestq.reap() == {head: 25}
    rig.machine.set("malform", "activate@1x1=window")
    address, _ = struct.unpack("<8xQIxxxx", rig.ctl.request(v.activate(EP, 0, 0x40)))
    assert not v.WINDOW[0] <= address <= v.WINDOW[1]


def test_delay(rig):
    """One answer is late, others pass it, and it comes exactly in time."""
    rig.ctl.attach(EP)
    rig.machine.set("delay", "alloc@1x1=100")
    late = rig.ctl.put(v.alloc(EP, 0, 2))
    rig.ctl.kick()
    assert not rig.ctl.answers()
    rig.ctl.activate(EP, 0, 0x40)
    rig.machine.clock_step(99 * MSEC)
    assert not rig.ctl.answers()
    rig.machine.clock_step(1 * MSEC)
    answers = rig.ctl.answers()
    assert list(answers) == [late] and answers[late][0] == v.S_OK
    assert rig.machine.get("injected")["delayed"] == 1


def test_mute_silent(rig):
    """Requests take effect, answers come when the device speaks again."""
    rig.ctl.attach(EP)
    rig.machine.set("mute", "silent")
    assert rig.machine.get("mute") == "silent"
    heads = [rig.ctl.put(v.alloc(EP, 0, 1)), rig.ctl.put(v.activate(EP, 0, 0x40))]
    rig.ctl.kick()
    assert not rig.ctl.answers()
    assert rig.vector()["armed"] and rig.stats()["held"] == 2
    rig.machine.set("mute", "off")
    assert sorted(rig.ctl.answers()) == sorted(heads)


def test_mute_stall(rig):
    """Notifications do nothing; LAZY holds all the same."""
    rig.ctl.attach(EP)
    pair = rig.ctl.arm(EP, 0)
    rig.machine.set("mute", "stall")
    rig.ctl.put(v.alloc(EP, 1, 1))
    rig.ctl.kick()
    assert rig.stats()["allocated"] == 1 and not rig.ctl.answers()
    rig.dev.send(pair)
    assert rig.stats()["allocated"] == 2 and rig.vector()["delivered"] == 1
    rig.ctl.put(v.alloc(EP, 2, 1))
    rig.ctl.kick()
    assert not rig.ctl.answers()
    rig.machine.set("mute", "off")
    rig.machine.wait_for(lambda: rig.stats()["allocated"] == 3)
    assert [answer[0] for answer in rig.ctl.answers().values()] == [v.S_OK] * 2


def test_needs_reset(rig):
    """A device that asks for a reset answers no more; LAZY and armed pairs stay (DEV-97)."""
    rig.ctl.attach(EP)
    pairs = [rig.ctl.arm(EP, index) for index in range(2)]
    rig.machine.set("needs-reset", True)
    assert rig.ctl.transport.status() & qtest.STATUS_NEEDS_RESET
    rig.dev.send(pairs[0])
    assert rig.messages() == {"delivered": 1}
    rig.ctl.put(v.deactivate(EP, 0))
    rig.ctl.kick()
    rig.dev.send(pairs[0])
    rig.dev.send(pairs[1])
    assert rig.messages() == {"delivered": 2, "freed": 1}
    assert not rig.ctl.answers()
    with pytest.raises(qmp.QMPError, match="only a reset"):
        rig.machine.set("needs-reset", False)
    rig.ctl.start(1 << v.F_LAZY)
    assert rig.machine.get("needs-reset") is False
    assert not rig.ctl.transport.status() & qtest.STATUS_NEEDS_RESET
    rig.ctl.attach(EP)


# Two controllers

@pytest.mark.parametrize("first, second", [
    ("", ""), ("", ",scope=0000:00:05.0"), (",scope=0000:00:04.0", ""),
    (",scope=0000:00:03.0-0000:00:05.0", ",scope=0000:00:01.0;0000:00:05.0-0000:00:06.0"),
])
def test_overlapping_scopes(start, first, second):
    """Two controllers that serve the same function: the second does not start (DEV-22)."""
    machine = start("-device", f"virtio-irq-pci,id=one{first}",
                    "-device", f"virtio-irq-pci,id=two{second}", wait=False)
    assert machine.process.wait(qtest.TIMEOUT) == 1
    assert "'one' serves some of these functions already" in machine.stderr()


def test_two_controllers(start):
    """Each serves its own scope, and neither serves the other's function."""
    rig = Rig(start, ",scope=0000:00:04.0;0000:00:07.0",
              extra=("-device", "virtio-irq-pci,id=second,addr=7,scope=0000:00:05.0"),
              features=1 << v.F_SCOPE)
    second = v.Controller(qtest.PCITransport(qtest.Function(rig.machine, 7).enable()),
                          1 << v.F_SCOPE)
    rig.ctl.attach(EP)
    second.attach(OTHER)
    for ctl, endpoint in ((rig.ctl, OTHER), (second, EP), (rig.ctl, 7 << 3), (second, 3 << 3)):
        assert ctl.refused(v.attach(endpoint)) == v.S_PERM
    rig.dev.send(rig.ctl.arm(EP, 0))
    rig.other.send(second.arm(OTHER, 0))
    assert rig.stats()["messages"]["delivered"] == 1
    assert rig.machine.get("stats", "second")["messages"]["delivered"] == 1


def test_function_changes_controller(start):
    """A bus gets another number, and its function another controller: one has it at a time."""
    rig = Rig(start, ",scope=0000:01:00.0-0000:01:1f.7",
              extra=("-device", "virtio-irq-pci,id=second,addr=7,"
                     "scope=0000:02:00.0-0000:02:1f.7",
                     "-device", "pci-bridge,chassis_nr=1,id=br,addr=6",
                     "-device", "ims-testdev,bus=br,addr=1"), features=1 << v.F_SCOPE)
    second = v.Controller(qtest.PCITransport(qtest.Function(rig.machine, 7).enable()),
                          1 << v.F_SCOPE)
    qtest.make_bridge(rig.machine, 6, 1)
    rig.ctl.attach(0x0108)
    v.Testdev(rig.machine, 1, bus=1).enable().send(rig.ctl.arm(0x0108, 0))
    assert rig.stats()["messages"]["delivered"] == 1
    qtest.make_bridge(rig.machine, 6, 2)
    assert second.refused(v.attach(0x0208)) == v.S_BUSY
    rig.ctl.ok(v.detach(0x0108))
    second.attach(0x0208)
    v.Testdev(rig.machine, 1, bus=2).enable().send(second.arm(0x0208, 0))
    assert rig.machine.get("stats", "second")["messages"]["delivered"] == 1
    assert regions(rig) == 1


# Coming and going

def eject(machine, slot):
    """What the guest's ACPI does for bus 0 of a "pc": docs/specs/acpi_pci_hotplug.rst."""
    machine.command("outl", 0xae10, 0)
    machine.command("outl", 0xae08, 1 << slot)


def test_function_unplugged(rig):
    """Its vectors go with it; a new one in its place starts empty."""
    rig.ctl.attach(EP)
    rig.ctl.arm(EP, 0)
    rig.machine.qmp.execute("device_del", id="t0")
    eject(rig.machine, 4)
    rig.machine.wait_for(lambda: not rig.stats()["endpoints"])
    assert rig.stats()["allocated"] == 0
    rig.ctl.ok(v.ranged(v.T_FREE, EP, 0, 1))
    rig.ctl.ok(v.detach(EP))
    assert rig.ctl.refused(v.attach(EP)) == v.S_NOENT
    rig.machine.qmp.execute("device_add", driver="ims-testdev", id="t0", addr="4")
    dev = v.Testdev(rig.machine, 4).enable()
    rig.ctl.attach(EP)
    dev.send(rig.ctl.arm(EP, 0))
    assert rig.vector()["delivered"] == 1


def test_function_switched_off(start):
    """A function whose slot has no power is not there (DEV-136)."""
    rig = Rig(start, machine="q35", extra=(
        "-device", "pcie-root-port,id=rp,chassis=1,addr=6", "-device", "ims-testdev,bus=rp"))
    port = qtest.make_bridge(rig.machine, 6, 1)
    control = port.capability(0x10) + 0x18
    rig.ctl.attach(0x100)
    rig.ctl.ok(v.detach(0x100))
    powered = port.config(control, 2)
    port.set_config(control, powered | 1 << 10, 2)
    assert rig.ctl.refused(v.attach(0x100)) == v.S_NOENT
    port.set_config(control, powered, 2)
    rig.ctl.attach(0x100)


def test_controller_unplugged(rig):
    """The functions that it served are left as they were."""
    rig.ctl.attach(EP)
    pair = rig.ctl.arm(EP, 0)
    rig.machine.set("delay", "alloc=100")
    rig.ctl.put(v.alloc(EP, 1, 1))
    rig.ctl.kick()
    rig.machine.qmp.execute("device_del", id="irq")
    eject(rig.machine, 3)
    rig.machine.wait_for(lambda: not rig.function.exists())
    assert rig.dev.send(pair) == 0
    rig.machine.clock_step(200 * MSEC)
    assert regions(rig) == 0
    rig.machine.qmp.execute("device_add", driver="virtio-irq-test-pci", id="irq", addr="3")
    assert rig.stats()["endpoints"] == 0


def test_mmio(start):
    """The bare device on virtio-mmio serves PCI functions that scope= names."""
    machine = start("-device", "virtio-irq-device,id=irq,scope=0000:00:01.0-0000:00:1f.7",
                    "-device", "ims-testdev,addr=1",
                    "-global", "virtio-mmio.force-legacy=false", machine="microvm,pcie=on")
    transports = [0xfeb00000 + 0x200 * i for i in range(24)]
    base = next(base for base in transports if machine.mmio_read(base + 8, 4) == v.DEVICE_ID)
    ctl = v.Controller(qtest.MMIOTransport(machine, base), 1 << v.F_LAZY | 1 << v.F_SCOPE)
    assert struct.unpack_from("<H", ctl.transport.config(16, 2)) == (1,)
    # ECAM, hw/i386/microvm.c
    for offset, value in ((0x10, 0xc1000000), (0x14, 0xc1100000), (4, 6)):
        machine.mmio_write(0xe0000000 + (1 << 15) + offset, 4, value)
    dev = v.Testdev(machine, 1)
    dev.bars = {0: 0xc1000000}
    ctl.attach(1 << 3)
    dev.send(ctl.arm(1 << 3, 0))
    assert machine.get("stats")["messages"]["delivered"] == 1


@pytest.mark.parametrize("options, message", [
    (("virtio-irq-device,scope=0000:00:01.0",), "virtio 1"),
    (("virtio-irq-device", "-global", "virtio-mmio.force-legacy=false"), "needs scope="),
])
def test_mmio_refused(start, options, message):
    """What virtio-mmio must have."""
    machine = start("-device", *options, machine="microvm,pcie=on", wait=False)
    assert machine.process.wait(qtest.TIMEOUT) == 1
    assert message in machine.stderr()


# A hostile guest

@pytest.mark.parametrize("seed", range(4))
def test_fuzz(start, seed):
    """Random requests in random buffers of a random ring, messages in between."""
    features = 1 << v.F_LAZY | 1 << v.F_PASID
    rig = Rig(start, features=features, testdev=",bar-slots=16,memory-slots=16,memory-pasid=on")
    source = random.Random(seed)
    endpoints = [EP, OTHER, 3 << 3, 0]
    memory = rig.machine.alloc(0x10000)

    def request():
        endpoint = source.choice(endpoints)
        store = source.choice((0, 0, 1, 2, 2, 7))
        first, count = source.randrange(20 if store else 80), source.randrange(20)
        good = source.choice([
            v.attach(endpoint), v.detach(endpoint), v.deactivate(endpoint, first, store),
            v.alloc(endpoint, first, count, source.randrange(8), store, source.choice((32, 64))),
            v.activate(endpoint, first, 0x40, store=store,
                       pasid=source.choice((None, None, 0, 5, 1 << 20))),
            v.ranged(source.choice((v.T_COMMIT, v.T_RELEASE, v.T_FREE)), endpoint, first, count,
                     store)])
        bad = bytearray(good)
        if source.random() < .3:
            bad[source.randrange(len(bad))] = source.randrange(256)
        return bytes(bad[:source.choice((len(bad), len(bad), source.randrange(33)))])

    for _ in range(150):
        queue = rig.ctl.requestq
        for _ in range(source.randrange(1, 4)):
            data = request()
            where = memory + source.randrange(0x100) * 64
            rig.machine.write(where, data)
            if source.random() < .03:
                for index in range(4):
                    queue.set_desc(index, source.choice((memory, 1 << 50)),
                                   source.choice((0, 16, 1 << 31)), source.randrange(8),
                                   source.randrange(300))
                queue.publish(source.randrange(300))
            else:
                writable = source.choice((8, 8, 16, 24, v.RSP_SIZE, 1))
                queue.set_desc(20, where, max(len(data), 1), qtest.DESC_NEXT, 21)
                queue.set_desc(21, where + 32, writable, qtest.DESC_WRITE)
                queue.publish(20)
        if source.random() < .8:
            rig.ctl.kick()
        rig.dev.send((0xfee00004 + 4 * source.randrange(2), source.randrange(40)),
                     source.choice((None, 0, 5)))
        if rig.ctl.transport.status() & qtest.STATUS_NEEDS_RESET:
            rig.ctl.start(features)
        elif source.random() < .1:
            rig.ctl.transport.reset_queue(v.REQUESTQ)
            rig.ctl.restart_queue()
    rig.ctl.start(features)
    rig.ctl.attach(EP)
    rig.dev.send(rig.ctl.arm(EP, 0))
    assert rig.vector()["delivered"] == 1
