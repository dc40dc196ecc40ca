# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The stores of ims-testdev: reset, migration, a hostile guest."""

import random
import struct

import ims
import pytest
import qtest
import virtio_irq as v
from ims import MSI, RECORDS, SLOTS, StoreRig
from rig import EP, MSEC
from test_migration import load, save

def reset_machine(rig):
    """System reset; the stores' function is enabled again, and not attached."""
    rig.machine.qmp.execute("system_reset")
    rig.machine.wait_for(lambda: not rig.stats()["endpoints"])
    for function in (rig.function, rig.dev, rig.other):
        function.enable()
    rig.ctl.start(1 << v.F_LAZY | 1 << v.F_PASID)
    rig.ctl.attach(EP)


def test_reset(start):
    """Slots are masked and empty, there are no records, nothing is owed; memory is untouched."""
    rig = StoreRig(start)
    vectors = [rig.arm(store, 1, pasid=5) for store in (SLOTS, RECORDS)]
    masked = [rig.arm(store, 2) for store in (SLOTS, RECORDS)]
    for vector in masked:
        vector.mask()
    for vector in vectors + masked:
        vector.write(ims.GAP, 5)
        vector.write(ims.FIRE, 2)
    rig.records.place(0x7000000000, 0x60)
    rig.records[3].write(ims.FIRE)
    rig.records.place(rig.records.base, 0x60)
    rig.dev.send((0, 0), 5)
    before = rig.machine.read(rig.records.base, 8 * 0x60)
    reset_machine(rig)
    for vector in vectors + masked + [rig.records[3]]:
        assert vector.counters() == (0, 0, 0, 0)
        assert vector.read(ims.STATUS) == vector.read(ims.GAP) == 0
    assert ims.Slot(rig.dev, 1).get() == ((0, 0), ims.MASK)
    assert [rig.dev.read(0, r) for r in (ims.RECORD_BASE, ims.RECORD_STRIDE, 0x58)] == [0] * 3
    assert rig.machine.read(rig.records.base, 8 * 0x60) == before
    assert masked[1].pending() == 1, "a reset does no DMA"
    # What the records still hold is stale now
    assert rig.stats()["allocated"] == 0
    messages = rig.messages().get("freed", 0)
    rig.records.place(rig.records.base, 0x60)
    vectors[1].write(ims.FIRE)
    assert rig.messages()["freed"] == messages + 1


@pytest.mark.parametrize("size", [1, 2, 4])
def test_function_level_reset(start, size):
    """It resets the function alone: the controller's vectors are what they were."""
    rig = StoreRig(start)
    slot, msi = rig.arm(SLOTS, 1), ims.Vector(rig.dev, MSI, 3)
    slot.write(ims.GAP, MSEC)
    slot.write(ims.FIRE, 2)
    # Enabled, and all of it masked: one is pending
    msix = rig.dev.capability(0x11) + 2
    rig.dev.set_config(msix, 0xc000, 2)
    msi.write(ims.FIRE, 4)
    # Control register of the Advanced Features capability
    control = rig.dev.capability(0x13) + 4
    rig.dev.set_config(control, 0, size)
    assert slot.counters() == (1, 1, 0, 0) and msi.counters() == (3, 1, 0, 0)
    rig.dev.set_config(control, 1, size)
    assert rig.dev.config(control, 1) == 0
    assert rig.dev.config(qtest.COMMAND, 2) == 0 and not rig.dev.config(msix, 2) & 0xc000
    rig.dev.enable()
    for vector in (slot, msi):
        assert vector.counters() == (0, 0, 0, 0)
        assert vector.read(ims.STATUS) == vector.read(ims.GAP) == 0
    assert slot.get() == ((0, 0), ims.MASK)
    rig.machine.clock_step(10 * MSEC)
    assert rig.delivered(slot) == 1
    slot.set(slot.pair)
    slot.write(ims.FIRE)
    assert rig.delivered(slot) == 2


def test_unplugged(start):
    """A function that goes while its vectors wait for gaps takes them along."""
    rig = StoreRig(start)
    for store in (SLOTS, RECORDS):
        vector = rig.arm(store, 0, pasid=1)
        vector.write(ims.GAP, MSEC)
        vector.write(ims.FIRE, 2)
        vector.read(ims.CLAIM)
        assert vector.read(ims.STATUS) == ims.IN_GAP
    rig.machine.qmp.execute("device_del", id="t0")
    # What the guest's ACPI does for bus 0 of a "pc": docs/specs/acpi_pci_hotplug.rst
    rig.machine.command("outl", 0xae10, 0)
    rig.machine.command("outl", 0xae08, 1 << 4)
    rig.machine.wait_for(lambda: not rig.stats()["endpoints"])
    assert rig.stats()["allocated"] == 0
    rig.machine.clock_step(10 * MSEC)
    assert rig.messages() == {"delivered": 2}


# Migration

@pytest.fixture(name="moving")
def moving_rig(start):
    """Vectors of both stores in every state."""
    rig = StoreRig(start)
    rig.vectors = {}
    for store in (SLOTS, RECORDS):
        for index, name in enumerate(("out", "pending", "owed", "gap")):
            vector = rig.vectors[store, name] = rig.arm(store, index, pasid=index + 5)
            vector.write(ims.GAP, 1000 if name == "gap" else 0)
            if name == "pending":
                vector.mask(ims.ctrl(index + 5))
            elif name == "owed":
                vector.set((0, vector.pair[1]), ims.ctrl(index + 5))
            vector.write(ims.FIRE, 3)
            if name == "gap":
                vector.read(ims.CLAIM)
    rig.dev.send((0x100, 0), 9)
    return rig


def test_migration(start, moving, tmp_path):
    """Every vector goes on where it was, with its PASID."""
    rig = moving
    before = {key: (vector.counters(), vector.read(ims.STATUS), vector.get())
              for key, vector in rig.vectors.items()}
    vectors = rig.machine.get("vectors")
    assert {vec["pasid"] for vec in vectors} == {5, 6, 7, 8}
    save(rig, tmp_path / "state")
    load(start, rig, tmp_path / "state")

    def places(found):
        return sorted((vec["store"], vec["index"], vec["pasid"], vec["pair-data"], vec["armed"])
                      for vec in found)

    assert places(rig.machine.get("vectors")) == places(vectors)
    assert {key: (vector.counters(), vector.read(ims.STATUS), vector.get())
            for key, vector in rig.vectors.items()} == before
    assert rig.dev.read(0, 0x58) == 9 | 1 << 31
    assert rig.messages() == {}
    for store in (SLOTS, RECORDS):
        out, pending, owed, gap = [rig.vectors[store, name]
                                   for name in ("out", "pending", "owed", "gap")]
        # Counters of the device begin anew
        assert out.read(ims.CLAIM) == 1 and rig.delivered(out) == 1
        pending.unmask(ims.ctrl(6))
        assert rig.delivered(pending) == 1
        assert pending.read(ims.STATUS) == ims.OUTSTANDING
        owed.set(owed.pair, ims.ctrl(7))
        if store == RECORDS:
            owed.write(ims.KICK)
        assert rig.delivered(owed) == 1
        assert rig.delivered(gap) == 0
    rig.machine.clock_step(1000)
    for store in (SLOTS, RECORDS):
        assert rig.delivered(rig.vectors[store, "gap"]) == 1
    # Two of each are those from before
    assert rig.messages() == {"delivered": 8}


@pytest.mark.parametrize("old, new, attached, message", [
    ("bar-slots=8", "bar-slots=9", True, "does not exist here"),
    ("bar-slots=8", "bar-slots=9", False, "stores[1].nr_vectors"),
    ("memory-slots=8", "memory-slots=7", True, "does not exist here"),
    ("memory-slots=8", "memory-slots=7", False, "stores[2].nr_vectors"),
    (",bar-slots=8,memory-slots=8", "", False, "ims-testdev"),
    ("addr=3", "addr=3,pasid-bits=19", True, "does not exist here"),
    ("addr=3", "addr=3,pasid-bits=0", False, "virtio-irq"),
])
# pylint: disable-next=too-many-arguments
def test_migration_to_another(start, moving, tmp_path, old, new, attached, message):
    """A destination whose stores or PASIDs differ says so and gives up."""
    if not attached:
        moving.ctl.ok(v.detach(EP))
    save(moving, tmp_path / "state")
    arguments = [word.replace(old, new) for word in moving.arguments]
    assert arguments != list(moving.arguments)
    machine = start(*arguments, incoming=f"exec:cat {tmp_path}/state", wait=False)
    assert machine.process.wait(qtest.TIMEOUT) == 1
    assert message in machine.stderr()


def slot_state(rig, name, **changes):
    """What the stream has of a slot beyond its counters."""
    (address, data), control = rig.vectors[SLOTS, name].get()
    state = {"pending": 0, "error": 0, "address": address, "data": data, "control": control}
    return struct.pack(">BBQII", *{**state, **changes}.values())


@pytest.mark.parametrize("options, name, changes, message", [
    ("", "gap", {"pending": 1}, "vector 3 of store 1 is pending without"),
    ("", "out", {"control": 5 << 12 | 4}, "slot 0 holds what it cannot hold"),
    (",bar-addr32=on", "out", {"address": 1 << 32}, "slot 0 holds what it cannot hold"),
    (",bar-data16=on", "out", {"data": 1 << 16}, "slot 0 holds what it cannot hold"),
])
# pylint: disable-next=too-many-arguments
def test_migration_impossible(start, moving, tmp_path, options, name, changes, message):
    """A slot that cannot be what the stream says is refused."""
    before, after = slot_state(moving, name), slot_state(moving, name, **changes)
    moving.ctl.ok(v.detach(EP))
    save(moving, tmp_path / "state")
    stream = (tmp_path / "state").read_bytes()
    assert stream.count(before) == 1
    (tmp_path / "state").write_bytes(stream.replace(before, after))
    arguments = [word + options if "id=t0" in word else word for word in moving.arguments]
    machine = start(*arguments, incoming=f"exec:cat {tmp_path}/state", wait=False)
    assert machine.process.wait(qtest.TIMEOUT) == 1
    assert message in machine.stderr()


@pytest.mark.parametrize("before, after, message", [
    ("records", (1, 0x60), "records are not aligned"),
    ("records", (0, 0x61), "records are not aligned"),
    ("pasid", (1 << 31 | 9, 1 << 20 | 9), "no such PASID"),
])
def test_migration_impossible_registers(start, moving, tmp_path, before, after, message):
    """Nor are registers that have no such bits."""
    save(moving, tmp_path / "state")
    stream = (tmp_path / "state").read_bytes()
    if before == "records":
        before = struct.pack(">QI", moving.records.base, 0x60)
        after = struct.pack(">QI", moving.records.base + after[0], after[1])
    else:
        name = b"ims-testdev/raw-pasid"
        before, after = (name + struct.pack(">II", 1, value) for value in after)
    assert stream.count(before) == 1
    (tmp_path / "state").write_bytes(stream.replace(before, after))
    machine = start(*moving.arguments, incoming=f"exec:cat {tmp_path}/state", wait=False)
    assert machine.process.wait(qtest.TIMEOUT) == 1
    assert message in machine.stderr()


def test_migration_without_stores(start, tmp_path):
    """What a function has not is not in the stream."""
    rig = StoreRig(start)
    save(rig, tmp_path / "with")
    assert (tmp_path / "with").read_bytes().count(b"ims-testdev/stores") >= 1
    rig = ims.Rig(start)
    save(rig, tmp_path / "without")
    stream = (tmp_path / "without").read_bytes()
    assert b"ims-testdev/stores" not in stream and b"ims-testdev/raw-pasid" not in stream


def test_migration_corrupt(start, moving, tmp_path):
    """A damaged state of the stores is refused or harmless, and never a crash."""
    save(moving, tmp_path / "state")
    stream = (tmp_path / "state").read_bytes()
    begin = stream.index(b"ims-testdev/stores")
    source = random.Random(2)
    for number in range(5):
        damaged = bytearray(stream)
        # Both stores: counters (28 bytes each with the timer), then messages (18)
        damaged[begin + 24 + source.randrange(2 * 8 * 46)] ^= 1 << source.randrange(8)
        (tmp_path / "damaged").write_bytes(damaged)
        machine = start(*moving.arguments, incoming=f"exec:cat {tmp_path}/damaged", wait=False)
        if machine.refuses_stream():
            assert "rror" in machine.stderr() or "ims-testdev" in machine.stderr(), number
        machine.stop()


# A hostile guest

@pytest.mark.parametrize("seed", range(4))
def test_fuzz(start, seed):
    """Random registers, and records where none should be; counters stay right."""
    rig = StoreRig(start)
    source = random.Random(seed)
    rig.ctl.attach(EP)
    vectors = [ims.Vector(rig.dev, store, index)
               for store in (MSI, SLOTS, RECORDS) for index in range(3)]
    vectors += [rig.arm(store, index, pasid=source.choice((None, 5)))
                for store in (SLOTS, RECORDS) for index in range(3)]
    bars = rig.dev.bars
    places = [rig.records.base, 0, bars[0], bars[0] + 0x1000, bars[2], bars[2] + 0x20,
              bars[2] + 0x20000, rig.other.bars[0] + 0x1000, rig.function.bars[4],
              0xfee00000, 0xfec00000, 0xfffffff0, 1 << 40, 0xffffffffffffff00]
    values = [0, 1, 2, 3, 0xffffffff, 0xfee00004, 5 << 12 | 2, 40]
    for _ in range(600):
        what = source.random()
        if what < .1:
            rig.records.place(source.choice(places), source.choice((0, 0x20, 0x60, 0xffffffe0)))
        elif what < .15:
            rig.dev.write(0, source.choice((ims.CLEAR, 0x4c, 0x58)), source.choice(values))
        elif what < .2:
            rig.dev.master(source.random() < .7)
        elif what < .25:
            rig.machine.clock_step(source.choice((1, 1000, 100000)))
        elif what < .4:
            vector = source.choice(vectors)
            vector.read(source.randrange(0, 0x40, 4))
        elif what < .45:
            rig.dev.write(2, source.randrange(0, 0x40000, 4), source.choice(values))
        else:
            vector = source.choice(vectors)
            register = source.randrange(0, 0x20 if vector.store == MSI else 0x34, 4)
            vector.write(register, source.choice(values) if register else source.randrange(4))
    for prefix in ("", "slot-", "record-"):
        counts = [rig.machine.get(prefix + name, "t0") for name in ("fired", "acked", "abandoned")]
        assert all(f - a - b & 0xffffffff in (0, 1) for f, a, b in zip(*counts))
    assert rig.messages()
    rig.dev.master(True)
    rig.dev.write(0, ims.CLEAR, 1)
    rig.records.place(rig.records.base, 0x60)
    for store in (SLOTS, RECORDS):
        vector = rig.arm(store, 7)
        before = rig.delivered(vector)
        vector.write(ims.FIRE)
        assert rig.delivered(vector) == before + 1 and vector.read(ims.CLAIM) == 1
