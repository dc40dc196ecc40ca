# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Stores other than 0 and PASIDs: virtio-irq, and the stores of ims-testdev."""

import re
import struct

import ims
import pytest
import qmp
import qtest
import virtio_irq as v
from ims import MSI, RECORDS, SLOTS, StoreRig
from rig import EP, OTHER, Rig

BOTH = pytest.mark.parametrize("store", [SLOTS, RECORDS], ids=["slot", "record"])


# What the guest is told

def described(answer):
    """(stores, PASID widths) of an answer to ATTACH."""
    stores = [struct.unpack("<HBBI4x", tlv) for tlv in answer[1].get(2, [])]
    return stores, [tlv[0] for tlv in answer[1].get(3, [])]


@pytest.mark.parametrize("options, testdev, pasid, stores, width", [
    ("", "", True, [(0, 5, 0, 64)], []),
    ("", ",bar-slots=1", True, [(0, 5, 0, 64), (1, 0, 0, 1)], [20]),
    ("", ",memory-slots=2048", True, [(0, 5, 0, 64), (2, 0, 0, 2048)], [20]),
    ("", ",vectors=0,msi=0,bar-slots=2,memory-slots=3", True, [(1, 0, 0, 2), (2, 0, 0, 3)], [20]),
    (",pasid-bits=7", ",bar-slots=2", True, [(0, 5, 0, 64), (1, 0, 0, 2)], [7]),
    ("", ",bar-slots=2", False, [(0, 5, 0, 64), (1, 0, 0, 2)], []),
    ("", ",bar-slots=2,memory-slots=3,memory-pasid=on", True,
     [(0, 5, 0, 64), (1, 0, 0, 2), (2, 0, 2, 3)], [20]),
    ("", ",bar-slots=2,memory-slots=3,memory-pasid=on", False,
     [(0, 5, 0, 64), (1, 0, 0, 2)], []),
    (",pasid-bits=0", ",bar-slots=2,memory-slots=3,memory-pasid=on", False,
     [(0, 5, 0, 64), (1, 0, 0, 2)], []),
])
# pylint: disable-next=too-many-arguments
def test_attach(start, options, testdev, pasid, stores, width):
    """ATTACH says which stores the function has, and which PASIDs."""
    rig = Rig(start, options, testdev=testdev,
              features=1 << v.F_LAZY | (1 << v.F_PASID if pasid else 0))
    assert described(rig.ctl.attach(EP)) == (stores, width)
    # A function that has none is as it always was
    assert described(rig.ctl.attach(OTHER)) == ([(0, 5, 0, 64)], [])
    for store in range(4):
        has = store in [found[0] for found in stores]
        answer = rig.ctl.request(v.alloc(EP, 0, 1, store=store))
        assert answer[0] == (v.S_OK if has else v.S_NOENT)
    for store, _, _, size in stores:
        assert rig.ctl.alloc(EP, size - 1, 2, store=store) == 1
        assert rig.ctl.refused(v.alloc(EP, size, 1, store=store)) == v.S_RANGE


def test_pasid_bits_off(start):
    """Without the feature no PASID is offered, and none is taken."""
    rig = StoreRig(start, ",pasid-bits=0", pasid=False)
    assert not rig.ctl.transport.device_features() >> v.F_PASID & 1
    rig.ctl.alloc(EP, 0, 1, store=SLOTS)
    assert rig.ctl.refused(v.activate(EP, 0, 0x40, store=SLOTS, pasid=1)) == v.S_UNSUPP


def test_all_stores_are_full(start):
    """The default quota is enough for a function with everything."""
    rig = Rig(start, testdev=",vectors=2048,bar-slots=2048,memory-slots=2048")
    rig.ctl.attach(EP)
    for store in range(3):
        assert rig.ctl.alloc(EP, 0, 4096, store=store) == 2048
    assert rig.stats()["allocated"] == 3 * 2048


@pytest.mark.parametrize("options, message", [
    ("bar-slots=2049", "at most 2048"),
    ("memory-slots=2049", "at most 2048"),
])
def test_bad_properties(start, options, message):
    """A property that makes no sense is refused with a reason."""
    machine = start("-device", "ims-testdev," + options, wait=False)
    assert machine.process.wait(qtest.TIMEOUT) == 1
    assert message in machine.stderr()


def test_registers(start):
    """The function says what it has; without stores it has no BAR 2."""
    rig = StoreRig(start, testdev=",bar-addr32=on,memory-data16=on")
    assert [rig.dev.read(0, r) for r in (ims.NUM_SLOTS, ims.NUM_RECORDS, ims.STORE_FLAGS)] == \
        [8, 8, 1 | 8]
    for register, value, kept in ((ims.RECORD_BASE, 0xffffffff, 0xffffffe0),
                                  (ims.RECORD_BASE + 4, 0xffffffff, 0xffffffff),
                                  (ims.RECORD_STRIDE, 0xffffffff, 0xffffffe0),
                                  (0x58, 0xffffffff, 0x800fffff)):
        rig.dev.write(0, register, value)
        assert rig.dev.read(0, register) == kept
    slot = ims.Slot(rig.dev, 7)
    assert slot.get() == ((0, 0), ims.MASK)
    slot.set((0xffffffffffffffff, 0xffffffff), 0xffffffff)
    assert slot.get() == ((0xffffffff, 0xffffffff), 0xfffff003)
    # Beyond the last slot, and beyond a block's registers
    beyond = ims.Slot(rig.dev, 8)
    beyond.set((1, 1))
    assert beyond.get() == ((0, 0), 0) and beyond.counters() == (0, 0, 0, 0)
    assert 2 not in rig.other.bars
    assert [rig.other.read(0, r) for r in (ims.NUM_SLOTS, ims.NUM_RECORDS)] == [0, 0]


# Messages

@BOTH
def test_fire(start, store):
    """Each interrupt is delivered once, the next one after the last was acknowledged."""
    rig = StoreRig(start)
    vector = rig.arm(store, 3)
    vector.write(ims.FIRE, 5)
    for number in range(1, 6):
        assert rig.delivered(vector) == number
        assert vector.counters() == (5 - number, number, number - 1, 0)
        assert vector.read(ims.CLAIM) == 1
    assert vector.read(ims.CLAIM) == 0
    assert rig.messages() == {"delivered": 5}
    name = "slot" if store == SLOTS else "record"
    assert rig.machine.get(f"{name}-acked", "t0") == [0, 0, 0, 5, 0, 0, 0, 0]
    assert rig.machine.get("fired-total", "t0") == 5
    assert rig.machine.get("fired", "t0") == [0] * 64
    rig.machine.set("fire", f"{store}:3,2", "t0")
    assert vector.counters() == (1, 6, 5, 0) and rig.delivered(vector) == 6
    vector.write(ims.CANCEL)
    assert vector.counters() == (0, 6, 5, 1)


def test_host_fire_errors(start):
    """A store or a vector that is not there is named."""
    rig = StoreRig(start)
    for text in ("1:8,1", "3:0,1", "64,1", "1:0", ":1,1", "1:2:3,4", ""):
        with pytest.raises(qmp.QMPError):
            rig.machine.set("fire", text, "t0")
    assert rig.machine.get("fired-total", "t0") == 0


def test_stores_do_not_wait_for_each_other(start):
    """Same index, three stores: three vectors, and sums over all of them."""
    rig = StoreRig(start)
    msix = ims.Vector(rig.dev, MSI, 2)
    slot, record = rig.arm(SLOTS, 2), rig.arm(RECORDS, 2)
    assert slot.pair != record.pair
    for vector in (msix, slot, record):
        vector.write(ims.FIRE, 3)
    # MSI and MSI-X are off, so store 0 cannot send
    assert msix.counters() == (3, 0, 0, 0)
    assert slot.counters() == record.counters() == (2, 1, 0, 0)
    assert rig.messages() == {"delivered": 2}
    record.read(ims.CLAIM)
    slot.write(ims.CANCEL)
    rig.dev.write(0, ims.SNAPSHOT, 1)
    sums = [rig.dev.read(0, ims.SUMS + 8 * i) for i in range(4)]
    assert sums == [3 + 1, 3, 1, 1]
    rig.dev.write(0, ims.CLEAR, 1)
    for vector in (msix, slot, record):
        assert vector.counters() == (0, 0, 0, 0)
    assert rig.machine.get("fired-total", "t0") == 0


def test_drop_disabled(start):
    """What store 0 owes while MSI-X is off is lost, one at a time; the other stores lose nothing,
    nor does store 0 while it is on."""
    rig = StoreRig(start, testdev=",drop-disabled=on")
    msix, slot = ims.Vector(rig.dev, MSI, 2), rig.arm(SLOTS, 2)
    for vector in (msix, slot):
        vector.write(ims.FIRE, 4)
    assert (msix.counters(), slot.counters()) == ((3, 1, 0, 1), (3, 1, 0, 0))
    msix.write(ims.GAP, 1000)
    msix.write(ims.FIRE, 0)
    assert msix.counters() == (2, 2, 0, 2)
    rig.machine.clock_step(1000)
    assert msix.counters() == (1, 3, 0, 3)
    # An entry of the table that is not masked; it leads into memory
    rig.dev.write(1, 2 * 16 + 12, 0)
    control = rig.dev.capability(0x11) + 2
    rig.dev.set_config(control, 1 << 15, 2)
    rig.machine.clock_step(1000)
    assert msix.counters() == (0, 4, 0, 3)
    msix.write(ims.FIRE, 2)
    assert msix.read(ims.CLAIM) == 1
    assert msix.counters() == (2, 4, 1, 3)
    rig.dev.set_config(control, 0, 2)
    assert msix.counters() == (1, 5, 1, 4)
    rig.machine.clock_step(1000)
    assert msix.counters() == (0, 6, 1, 5)
    rig.dev.write(0, ims.SNAPSHOT, 1)
    assert [rig.dev.read(0, ims.SUMS + 8 * i) for i in range(4)] == [3, 7, 1, 5]


@BOTH
def test_gap(start, store):
    """The next interrupt comes when the gap is over, by what the vector holds then."""
    rig = StoreRig(start)
    vector = rig.arm(store, 0)
    vector.write(ims.GAP, 1000)
    vector.write(ims.FIRE, 2)
    vector.read(ims.CLAIM)
    assert vector.read(ims.STATUS) == ims.IN_GAP
    rig.machine.clock_step(999)
    assert vector.counters() == (1, 1, 1, 0)
    rig.machine.clock_step(1)
    assert vector.counters() == (0, 2, 1, 0) and rig.delivered(vector) == 2


@BOTH
def test_mask(start, store):
    """A masked vector fires once, into its pending bit; it leaves when it is unmasked."""
    rig = StoreRig(start)
    vector = rig.arm(store, 1)
    vector.mask()
    vector.write(ims.FIRE, 3)
    assert vector.counters() == (2, 1, 0, 0)
    assert vector.read(ims.STATUS) == ims.OUTSTANDING | ims.PENDING
    assert vector.read(ims.CLAIM) == 0, "it has not left"
    if store == RECORDS:
        assert vector.pending() == 1
    # The message is what is there when it leaves
    pair = rig.ctl.arm(EP, 2, store=store)
    rig.at(store, 1).set(pair)
    assert vector.read(ims.STATUS) == ims.OUTSTANDING
    if store == RECORDS:
        assert vector.pending() == 0
    assert rig.delivered(vector) == 0 and rig.delivered(rig.at(store, 2)) == 1
    assert vector.read(ims.CLAIM) == 1
    assert vector.counters() == (1, 2, 1, 0)
    assert rig.messages() == {"delivered": 2}


@BOTH
def test_cancel_pending(start, store):
    """What is withdrawn was never fired."""
    rig = StoreRig(start)
    vector = rig.arm(store, 1)
    vector.mask()
    vector.write(ims.FIRE, 3)
    vector.write(ims.CANCEL)
    assert vector.counters() == (0, 0, 0, 0) and vector.read(ims.STATUS) == 0
    assert store == SLOTS or vector.pending() == 0
    vector.unmask()
    assert rig.messages() == {}


def test_unmasked_while_it_becomes_pending(start):
    """Who unmasks a record before .pending is set does not kick: it is looked at once more."""
    rig = StoreRig(start, extra=("-device", "nvme,serial=1,addr=6", "-trace", "ims_testdev_record"))
    nvme = qtest.Function(rig.machine, 6).enable()
    # The NVMe registers CAP, VS, INTMS, INTMC look like a record that is unmasked
    # by whoever writes 1 to .pending: "Interrupt Mask Set" and "... Clear"
    nvme.write(0, 0xc, 1)
    assert nvme.read(0, 0xc) == 1
    rig.records.place(nvme.bars[0], 0x20)
    record = rig.records[0]
    record.write(ims.FIRE)
    assert nvme.read(0, 0xc) == 0
    assert record.counters() == (0, 1, 0, 0)
    assert record.read(ims.STATUS) == ims.OUTSTANDING, "it has left"
    accesses = re.findall(r"ims_testdev_record .* (read|write) ", rig.machine.stderr())
    # .pending is cleared before the message leaves
    assert accesses == ["read", "read", "write", "read", "read", "write"]


def test_kick(start):
    """A record is looked at when it is kicked, and a kick too many does no harm."""
    rig = StoreRig(start)
    record = rig.arm(RECORDS, 0)
    record.mask()
    record.write(ims.FIRE, 2)
    record.write(ims.KICK)
    assert record.read(ims.STATUS) == ims.OUTSTANDING | ims.PENDING
    rig.machine.write(record.address + 0xc, bytes(4))
    assert record.pending() == 1 and rig.messages() == {}
    record.write(ims.KICK)
    assert record.pending() == 0 and rig.messages() == {"delivered": 1}
    for _ in range(3):
        record.write(ims.KICK)
        # A slot has no such register
        ims.Slot(rig.dev, 0).write(ims.KICK)
    assert record.counters() == (1, 1, 0, 0) and rig.messages() == {"delivered": 1}


def test_exits(start):
    """Each access to a slot is traced once; a record is written without any."""
    rig = StoreRig(start, extra=("-trace", "ims_testdev_store_*"))

    def exits():
        return rig.machine.stderr().count("ims_testdev_store_")

    assert exits() == 0
    record = rig.arm(RECORDS, 0)
    record.mask()
    record.unmask()
    record.set(record.pair)
    assert exits() == 0
    record.write(ims.FIRE)
    assert exits() == 1
    slot = rig.arm(SLOTS, 0)
    assert exits() == 1 + 5
    slot.read(ims.DATA)
    slot.mask()
    assert exits() == 1 + 5 + 2
    assert "ims_testdev_store_write t0 store 1 vector 0 register 0x2c value 0x1" in \
        rig.machine.stderr()


@BOTH
def test_message_as_it_is(start, store):
    """Without virtio-irq in between it is a write of 4 bytes, and the PASID is lost."""
    rig = StoreRig(start)
    vector = rig.at(store, 0)
    memory = rig.machine.alloc()
    for attached in (True, False):
        rig.machine.write(memory, b"\xff" * 8)
        vector.set((memory, 0x12345678), ims.ctrl(pasid=5))
        vector.write(ims.FIRE)
        vector.read(ims.CLAIM)
        assert rig.machine.read(memory, 8) == b"\x78\x56\x34\x12\xff\xff\xff\xff", attached
        if attached:
            rig.ctl.ok(v.detach(EP))
    assert rig.messages() == {}


# Who may send what

@BOTH
@pytest.mark.parametrize("pasid", [None, 0, 5, 0xfffff])
def test_pasid(start, store, pasid):
    """Exactly the vector's PASID is honoured, others are blocked and counted."""
    rig = StoreRig(start)
    vector = rig.arm(store, 0, pasid=pasid)
    assert rig.vector(0, store).get("pasid") == pasid
    good = bad = 0
    for sent in (None, 0, 5, 7, 0xfffff):
        good, bad = good + (sent == pasid), bad + (sent != pasid)
        vector.set(vector.pair, ims.ctrl(sent))
        vector.write(ims.FIRE)
        # A blocked message is lost, and the function is not told
        assert vector.read(ims.CLAIM) == 1
        assert rig.messages() == {name: n for name, n in
                                  (("delivered", good), ("pasid", bad)) if n}
        # The same by a message that comes from nowhere
        good, bad = good + (sent == pasid), bad + (sent != pasid)
        assert rig.dev.send(vector.pair, sent) == 0
    assert rig.delivered(vector) == good == 2
    assert rig.messages() == {"delivered": 2, "pasid": 8}


@BOTH
def test_pasid_changes(start, store):
    """ACTIVATE changes the PASID of a live vector, and nothing else."""
    rig = StoreRig(start)
    vector = rig.arm(store, 0, pasid=5)
    for number, pasid in enumerate((6, None, 0), 1):
        assert rig.ctl.activate(EP, 0, 0x40, store=store, pasid=pasid) == vector.pair
        vector.write(ims.FIRE)
        vector.write(ims.CANCEL)
        assert rig.delivered(vector) == number - 1
        vector.set(vector.pair, ims.ctrl(pasid))
        vector.write(ims.FIRE)
        vector.write(ims.CANCEL)
        assert rig.delivered(vector) == number
    assert rig.messages() == {"delivered": 3, "pasid": 3}


def test_pasid_statuses(start):
    """A PASID beyond the width, none where there has to be one, one where there is none."""
    rig = StoreRig(start, ",pasid-bits=7", testdev=",memory-pasid=on")
    for store in (SLOTS, RECORDS):
        rig.ctl.alloc(EP, 0, 1, store=store)
        assert rig.ctl.refused(v.activate(EP, 0, 0x40, store=store, pasid=128)) == v.S_RANGE
        rig.ctl.activate(EP, 0, 0x40, store=store, pasid=127)
    assert rig.ctl.refused(v.activate(EP, 0, 0x40, store=RECORDS)) == v.S_INVAL
    rig.ctl.attach(OTHER)
    rig.ctl.alloc(OTHER, 0, 1)
    assert rig.ctl.refused(v.activate(OTHER, 0, 0x40, pasid=1)) == v.S_PERM


def test_pasid_behind_viommu(start):
    """A message with a PASID takes the way of any other: LAZY, bus mastering, remapping."""
    rig = StoreRig(start, extra=("-device", "intel-iommu,intremap=on",
                                 "-trace", "virtio_irq_deliver", "-trace", "virtio_irq_message"),
                   machine="q35,kernel-irqchip=split")
    pair = rig.arm(SLOTS, 0, pasid=5).pair
    rig.ctl.put(v.activate(EP, 0, 0x55, store=SLOTS, pasid=6))
    rig.dev.send(pair, 6)
    assert rig.messages() == {"delivered": 1}
    assert rig.vector(0, SLOTS)["route-data"] == 0x55
    trace = rig.machine.stderr()
    assert "requester=0000:00:04.0 address=0xfee00000 data=0x55" in trace
    assert " pasid=6: delivered" in trace
    rig.dev.master(False)
    assert rig.dev.send(pair, 6) != 0
    rig.dev.master(True)
    # What is no aligned write of 4 bytes is no message; below is who else wants it
    rig.dev.send((pair[0] + 2, pair[1]), 6)
    rig.dev.send((pair[0] + 4, pair[1]), 6)
    assert rig.messages() == {"delivered": 1, "pass": 2}


@BOTH
@pytest.mark.parametrize("pasid", [None, 5])
def test_other_function(start, store, pasid):
    """Another attached function cannot use the pair, PASID or not."""
    rig = StoreRig(start)
    rig.ctl.attach(OTHER)
    vector = rig.arm(store, 0, pasid=pasid)
    rig.other.send(vector.pair, pasid)
    assert rig.messages() == {"freed": 1}
    rig.ctl.ok(v.detach(OTHER))
    rig.other.send(vector.pair, pasid)
    assert rig.messages() == {"freed": 1} and rig.delivered(vector) == 0


@BOTH
def test_freed_slot(start, store):
    """What a slot still holds is blocked once its vector is disarmed or freed."""
    rig = StoreRig(start)
    vector, neighbour = rig.arm(store, 0, pasid=5), rig.arm(store, 1)
    for number, request in enumerate((v.deactivate(EP, 0, store=store),
                                      v.ranged(v.T_FREE, EP, 0, 1, store=store)), 1):
        rig.ctl.ok(request)
        vector.write(ims.FIRE)
        vector.write(ims.CANCEL)
        assert rig.messages()["freed"] == number
        neighbour.write(ims.FIRE)
        assert neighbour.read(ims.CLAIM) == 1 and rig.delivered(neighbour) == number


@BOTH
def test_store_of_32_bit_addresses(start, store):
    """A window that it cannot hold is refused; the upper half does not reach the bus."""
    narrow = ",bar-addr32=on,memory-addr32=on"
    rig = StoreRig(start, ",window=0x7f00000000-0x7f000fffff", testdev=narrow)
    assert rig.ctl.refused(v.alloc(EP, 0, 1, store=store, width=32)) == v.S_RANGE
    vector = rig.arm(store, 0)
    vector.write(ims.FIRE)
    assert rig.messages() == {}
    if store == SLOTS:
        assert vector.get()[0] == (vector.pair[0] & 0xffffffff, vector.pair[1])

    rig = StoreRig(start, testdev=narrow)
    assert rig.ctl.alloc(EP, 0, 1, store=store, width=32) == 1
    address, data = rig.ctl.activate(EP, 0, 0x40, store=store)
    vector = rig.at(store, 0)
    vector.set((address | 0xabcd << 32, data))
    vector.write(ims.FIRE)
    assert rig.delivered(vector) == 1


@BOTH
def test_store_of_16_bit_data(start, store):
    """It gets data that fit, and drops the rest."""
    rig = StoreRig(start, testdev=",bar-data16=on,memory-data16=on")
    wide = rig.arm(store, 1)
    assert wide.pair[1] > 0xffff
    wide.write(ims.FIRE)
    assert rig.messages() == {"freed": 1}
    assert rig.ctl.alloc(EP, 0, 1, store=store, flags=v.ALLOC_DATA16) == 1
    address, data = rig.ctl.activate(EP, 0, 0x40, store=store)
    vector = rig.at(store, 0)
    vector.set((address, data | 0xabcd0000))
    vector.write(ims.FIRE)
    assert rig.delivered(vector) == 1


# What keeps a vector from sending

@BOTH
def test_cannot_send(start, store):
    """What is owed stays owed until there is an address and bus mastering."""
    rig = StoreRig(start)
    vector = rig.at(store, 0)
    address, data = rig.ctl.arm(EP, 0, store=store)
    vector.set((0, data))
    vector.write(ims.FIRE, 2)
    assert vector.counters() == (2, 0, 0, 0)
    rig.dev.master(False)
    if store == SLOTS:
        vector.write(ims.ADDR_LO, address)
    else:
        rig.machine.write(vector.address, struct.pack("<Q", address))
        vector.write(ims.KICK)
    assert vector.counters() == (2, 0, 0, 0)
    vector.mask()
    assert vector.counters() == (2, 0, 0, 0), "nor does it become pending"
    vector.unmask()
    rig.dev.master(True)
    assert vector.counters() == (1, 1, 0, 0) and rig.delivered(vector) == 1


@BOTH
def test_mask_what_is_owed(start, store):
    """What could not be sent becomes pending when it is masked."""
    rig = StoreRig(start)
    vector = rig.at(store, 0)
    vector.pair = rig.ctl.arm(EP, 0, store=store)
    vector.unmask()
    vector.write(ims.FIRE, 2)
    vector.mask()
    if store == RECORDS:
        vector.write(ims.KICK)
    assert vector.counters() == (1, 1, 0, 0)
    assert vector.read(ims.STATUS) == ims.OUTSTANDING | ims.PENDING
    vector.set(vector.pair)
    assert rig.delivered(vector) == 1


@BOTH
def test_pending_cannot_leave(start, store):
    """What is pending when it cannot be sent leaves when it can."""
    rig = StoreRig(start)
    vector = rig.arm(store, 0)
    vector.mask()
    vector.write(ims.FIRE)
    rig.dev.master(False)
    vector.unmask()
    assert vector.read(ims.STATUS) & (ims.OUTSTANDING | ims.PENDING) == 3
    rig.dev.master(True)
    assert vector.read(ims.STATUS) == ims.OUTSTANDING and rig.delivered(vector) == 1
    vector.read(ims.CLAIM)
    vector.mask()
    vector.write(ims.FIRE)
    vector.set((0, 0))
    assert vector.read(ims.STATUS) == ims.OUTSTANDING | ims.PENDING
    vector.set(vector.pair)
    assert vector.read(ims.STATUS) == ims.OUTSTANDING and rig.delivered(vector) == 2


def test_dma_error(start):
    """A record that cannot be accessed is an error until it can be."""
    rig = StoreRig(start)
    record = rig.arm(RECORDS, 1)
    hole = 0x7000000000
    rig.records.place(hole, 0x60)
    record.write(ims.FIRE, 2)
    assert record.counters() == (2, 0, 0, 0)
    assert record.read(ims.STATUS) == ims.DMA_ERROR
    rig.records.place(rig.records.base, 0)
    record.write(ims.KICK)
    assert record.counters() == (2, 0, 0, 0)
    rig.records.place(rig.records.base, 0x60)
    record.write(ims.KICK)
    assert record.counters() == (1, 1, 0, 0)
    assert record.read(ims.STATUS) == ims.OUTSTANDING and rig.delivered(record) == 1
    # Pending, and withdrawn while the memory is away
    assert [record.read(ims.CLAIM) for _ in range(3)] == [1, 1, 0]
    record.mask()
    record.write(ims.FIRE, 2)
    rig.records.place(hole, 0x60)
    record.write(ims.KICK)
    assert record.read(ims.STATUS) == ims.OUTSTANDING | ims.PENDING | ims.DMA_ERROR
    record.write(ims.CANCEL)
    assert record.counters() == (0, 2, 2, 0)
    assert record.pending() == 1, "where it was, out of reach"
    rig.records.place(rig.records.base, 0x60)
    record.unmask()
    assert record.pending() == 1 and rig.delivered(record) == 2


def test_read_only_record(start):
    """Memory that can only be read: a masked record cannot become pending."""
    rig = StoreRig(start)
    record = rig.arm(RECORDS, 0)
    # The BIOS, somewhere where it looks like a masked record
    rom = next(0xfffc0000 + at for at in range(0, 0x3ff00, 0x20)
               if rig.machine.read(0xfffc0000 + at + 0xc, 1)[0] & 1)
    before = rig.machine.read(rom, 0x20)
    rig.records.place(rom, 0x20)
    record.write(ims.FIRE)
    assert record.counters() == (1, 0, 0, 0) and record.read(ims.STATUS) == ims.DMA_ERROR
    assert rig.machine.read(rom, 0x20) == before
    assert rig.messages() == {}


def test_record_in_own_registers(start):
    """DMA of the function to itself is an error, from a timer, too."""
    rig = StoreRig(start)
    slot, record = rig.arm(SLOTS, 0), rig.arm(RECORDS, 0)
    slot.write(ims.FIRE)
    record.write(ims.GAP, 1000)
    record.write(ims.FIRE, 2)
    record.read(ims.CLAIM)
    rig.records.place(rig.dev.bars[2], 0x20)
    rig.machine.clock_step(1000)
    assert record.counters() == (1, 1, 1, 0) and record.read(ims.STATUS) == ims.DMA_ERROR
    assert slot.counters() == (0, 1, 0, 0), "nobody has read its CLAIM"


def test_restless_record(start):
    """A record that is never twice the same is given up, and looked at again later."""
    rig = StoreRig(start)
    # CLAIM is where a record has its ctrl: each look at it acknowledges one
    # interrupt of the other function, which fires the next one
    msix = rig.other.capability(0x11)
    rig.other.set_config(msix + 2, 1 << 15, 2)
    rig.other.write(1, 0xc, 0)
    restless = ims.Vector(rig.other, MSI, 0)
    restless.write(ims.FIRE, 20)
    assert restless.counters() == (19, 1, 0, 0)
    rig.records.place(rig.other.bars[0] + 0x1000, 0x20)
    record = rig.records[0]
    record.write(ims.FIRE)
    assert restless.counters() == (11, 9, 8, 0)
    assert record.counters() == (1, 0, 0, 0) and record.read(ims.STATUS) == ims.IN_GAP
    rig.machine.clock_step(1000)
    assert restless.counters() == (3, 17, 16, 0)
    assert record.counters() == (1, 0, 0, 0)
    # Nothing is left to change: the record holds address 20 << 32, data 20
    rig.machine.clock_step(1000)
    assert restless.counters() == (0, 20, 20, 0)
    assert record.counters() == (0, 1, 0, 0) and record.read(ims.STATUS) == ims.OUTSTANDING
