# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The interrupt message stores of ims-testdev. Registers: ims_testdev_regs.h."""

import struct

import virtio_irq as v
from rig import EP, Rig

MSI, SLOTS, RECORDS = range(3)
MAX_VECTORS = 2048

# Global registers
CLEAR, SNAPSHOT, SUMS = 0x18, 0x1c, 0x20
NUM_SLOTS, NUM_RECORDS, STORE_FLAGS = 0x60, 0x64, 0x68
RECORD_BASE, RECORD_STRIDE = 0x70, 0x78

# Registers of a vector
FIRE, FIRED, ACKED, CLAIM, GAP, STATUS, CANCEL, ABANDONED = range(0, 0x20, 4)
ADDR_LO, ADDR_HI, DATA, CTRL, KICK = range(0x20, 0x34, 4)
OUTSTANDING, PENDING, IN_GAP, DMA_ERROR = 1, 2, 4, 8

# CTRL and a record's ctrl
MASK, PASID_VALID = 1, 2


def ctrl(pasid=None, masked=False):
    """The control word of a slot or a record."""
    return (MASK if masked else 0) | (0 if pasid is None else PASID_VALID | pasid << 12)


class Vector:
    """A vector of any store."""

    def __init__(self, dev, store, index):
        self.dev, self.store, self.index = dev, store, index
        if store == MSI:
            self.bar, self.block = 0, 0x1000 + 0x20 * index
        else:
            self.bar, self.block = 2, ((store - 1) * MAX_VECTORS + index) * 0x40

    def read(self, register):
        """Read one of its registers."""
        return self.dev.read(self.bar, self.block + register)

    def write(self, register, value=1):
        """Write one of its registers."""
        self.dev.write(self.bar, self.block + register, value)

    def counters(self):
        """(owed, fired, acked, abandoned)."""
        found = tuple(self.read(r) for r in (FIRE, FIRED, ACKED, ABANDONED))
        assert found[1] - found[2] - found[3] == self.read(STATUS) & OUTSTANDING
        return found


class Slot(Vector):
    """A vector of store 1."""

    def __init__(self, dev, index):
        super().__init__(dev, SLOTS, index)

    def set(self, pair, control=0):
        """Write the slot as a driver does."""
        self.write(CTRL, MASK)
        self.write(ADDR_LO, pair[0] & 0xffffffff)
        self.write(ADDR_HI, pair[0] >> 32)
        self.write(DATA, pair[1])
        self.write(CTRL, control)

    def mask(self, control=0):
        """Set the mask bit."""
        self.write(CTRL, control | MASK)

    def unmask(self, control=0):
        """Clear it."""
        self.write(CTRL, control)

    def get(self):
        """((address, data), control)."""
        return ((self.read(ADDR_HI) << 32 | self.read(ADDR_LO), self.read(DATA)),
                self.read(CTRL))


class Record(Vector):
    """A vector of store 2."""

    def __init__(self, dev, index, records):
        super().__init__(dev, RECORDS, index)
        self.records = records

    @property
    def address(self):
        """Where it is in guest memory."""
        return self.records.base + self.index * self.records.stride

    def set(self, pair, control=0):
        """Write the record as a driver does."""
        self.mask()
        self.dev.machine.write(self.address, struct.pack("<QI", *pair))
        self.unmask(control)

    def mask(self, control=0):
        """Set the mask bit."""
        self.dev.machine.write(self.address + 0xc, struct.pack("<I", control | MASK))

    def unmask(self, control=0):
        """Clear it, and kick if something is pending."""
        self.dev.machine.write(self.address + 0xc, struct.pack("<I", control))
        if self.pending():
            self.write(KICK)

    def get(self):
        """((address, data), control)."""
        found = struct.unpack("<QII", self.dev.machine.read(self.address, 16))
        return found[:2], found[2]

    def pending(self):
        """.pending; nothing else after it is ever written."""
        pending, *unused = struct.unpack("<4I", self.dev.machine.read(self.address + 0x10, 16))
        assert not any(unused) and pending in (0, 1)
        return pending


class Records:
    """Guest memory for store 2."""

    def __init__(self, dev, count, stride=0x60):
        self.dev, self.stride = dev, stride
        self.base = dev.machine.alloc(count * stride)
        dev.machine.write(self.base, struct.pack("<QIIIIII", 0, 0, MASK, 0, 0, 0, 0).ljust(
            stride, b"\0") * count)
        self.place(self.base, stride)

    def place(self, base, stride):
        """Tell the device."""
        self.dev.write(0, RECORD_BASE, base & 0xffffffff)
        self.dev.write(0, RECORD_BASE + 4, base >> 32)
        self.dev.write(0, RECORD_STRIDE, stride)

    def __getitem__(self, index):
        return Record(self.dev, index, self)


class StoreRig(Rig):
    """The usual machine, with 8 slots and 8 records in slot 4's function, which is attached."""

    def __init__(self, start, options="", testdev="", pasid=True, **keywords):
        super().__init__(start, options, testdev=",bar-slots=8,memory-slots=8" + testdev,
                         features=1 << v.F_LAZY | (1 << v.F_PASID if pasid else 0), **keywords)
        self.records = Records(self.dev, 8)
        self.ctl.attach(EP)

    def at(self, store, index):
        """A vector."""
        return self.records[index] if store == RECORDS else Slot(self.dev, index)

    def arm(self, store, index, pasid=None, **keywords):
        """Allocate, activate and write a vector; returns it."""
        vector = self.at(store, index)
        vector.pair = self.ctl.arm(EP, index, store=store, pasid=pasid, **keywords)
        vector.set(vector.pair, ctrl(pasid))
        return vector

    def delivered(self, vector):
        """How many of its messages the host has delivered."""
        return self.vector(vector.index, vector.store)["delivered"]
