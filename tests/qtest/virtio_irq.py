# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""A virtio-irq driver in a few lines; numbers are those of the specification."""

import collections
import struct

import qtest

DEVICE_ID = 63
REQUESTQ, EVENTQ = 0, 1
F_EVENTQ, F_SCOPE, F_ISOLATED, F_PASID, F_LAZY = range(5)
T_ATTACH, T_DETACH, T_ALLOC, T_COMMIT, T_RELEASE, T_ACTIVATE, T_DEACTIVATE, T_FREE = range(1, 9)
(S_OK, S_UNSUPP, S_INVAL, S_RANGE, S_NOENT, S_PERM, S_BUSY, S_NOMEM, S_NOSPC, S_QUOTA,
 S_DEVERR) = range(11)
ALLOC_COMMIT, ALLOC_CONTIGUOUS, ALLOC_DATA16 = 1, 2, 4
E_STALE, E_REVOKED, E_FAULT = 1, 2, 3
R_UNKNOWN, R_FREED, R_PASID, R_SIZE = range(4)
E_PASID_VALID, E_REREAD, E_STILL_VALID, E_ALL, E_OVERFLOW = (1 << bit for bit in range(20, 25))
EVENT_SIZE = 32
TLV_SIZE = 160
WINDOW = 0xfee00000, 0xfeefffff

# Device-writable part offered by the helpers below
RSP_SIZE = 16 + TLV_SIZE


def attach(endpoint):
    """The bytes of an ATTACH."""
    return struct.pack("<BxxxI8x", T_ATTACH, endpoint)


def detach(endpoint):
    """The bytes of a DETACH."""
    return struct.pack("<BxxxI8x", T_DETACH, endpoint)


def alloc(endpoint, first, count, flags=0, store=0, width=64):
    """The bytes of an ALLOC."""
    return struct.pack("<BxxxIHHIIB3x", T_ALLOC, endpoint, store, flags, first, count, width)


def ranged(kind, endpoint, first, count, store=0):
    """The bytes of a COMMIT, RELEASE or FREE."""
    return struct.pack("<BxxxIHxxII4x", kind, endpoint, store, first, count)


def activate(endpoint, index, data, address=0xfee00000, store=0, pasid=None):
    """The bytes of an ACTIVATE."""
    return struct.pack("<BxxxIHHIQII", T_ACTIVATE, endpoint, store, pasid is not None, index,
                       address, data, pasid or 0)


def deactivate(endpoint, index, store=0):
    """The bytes of a DEACTIVATE."""
    return struct.pack("<BxxxIHxxI", T_DEACTIVATE, endpoint, store, index)


Event = collections.namedtuple("Event", "type reason store endpoint first count address data flags")


class EventQueue:
    """The driver's side of eventq."""

    def __init__(self, transport):
        self.transport = transport
        self.queue = qtest.Queue(transport.machine, 64)
        self._arena = transport.machine.alloc(64 * 64)
        self._where = {}
        self.start()

    def start(self):
        """An empty queue."""
        self.queue.reset()
        self._where = {}
        self.transport.setup_queue(EVENTQ, self.queue)

    def fill(self, number, size=EVENT_SIZE, kick=True):
        """Make so many buffers available; returns their heads."""
        heads = []
        for _ in range(number):
            slot = self.queue.free[0]
            address = self._arena + 64 * slot
            self.transport.machine.write(address, b"\xaa" * 64)
            heads.append(self.queue.add([(address, size, True)]))
            self._where[heads[-1]] = address
        if kick:
            self.kick()
        return heads

    def kick(self):
        """Notify."""
        self.transport.notify(EVENTQ)

    def take(self):
        """What has come, in its order: events, and None for a buffer without one."""
        # What the main loop has to do is done between commands
        self.transport.machine.command("clock_step", 0)
        found = []
        for head, used in self.queue.reap().items():
            data = self.transport.machine.read(self._where.pop(head), 64)
            assert used in (0, EVENT_SIZE) and data[used:] == b"\xaa" * (64 - used)
            found.append(Event._make(struct.unpack_from("<BBHIIIQII", data)) if used else None)
        return found

    def wait(self, number):
        """The next events, of which there have to be so many."""
        found = []
        self.transport.machine.wait_for(lambda: found.extend(self.take()) or len(found) >= number)
        assert len(found) == number, found
        return found


class Controller:
    """The device, driven as a guest driver would."""

    def __init__(self, transport, features=1 << F_LAZY):
        self.transport = transport
        self.machine = transport.machine
        self.requestq = qtest.Queue(self.machine, 256)
        self._arena = self.machine.alloc(256 * 256)
        self._slots = list(range(256))
        self._where = {}
        self.events = None
        self.start(features)

    def start(self, features):
        """From reset to DRIVER_OK."""
        transport = self.transport
        transport.set_status(0)
        transport.set_status(qtest.STATUS_ACKNOWLEDGE | qtest.STATUS_DRIVER)
        transport.set_features(features | 1 << qtest.F_VERSION_1 | 1 << qtest.F_RING_RESET)
        status = qtest.STATUS_ACKNOWLEDGE | qtest.STATUS_DRIVER | qtest.STATUS_FEATURES_OK
        transport.set_status(status)
        assert transport.status() == status
        self.restart_queue()
        if features >> F_EVENTQ & 1:
            if not self.events:
                self.events = EventQueue(transport)
            self.events.start()
        transport.set_status(status | qtest.STATUS_DRIVER_OK)

    def restart_queue(self):
        """An empty request queue."""
        self.requestq.reset()
        self._slots, self._where = list(range(256)), {}
        self.transport.setup_queue(REQUESTQ, self.requestq)

    def put(self, request, rsp_size=RSP_SIZE):
        """Put a request into the ring, without a notification. Returns its head."""
        slot = self._slots.pop(0)
        address = self._arena + 256 * slot
        self.machine.write(address, request)
        self.machine.write(address + 64, b"\xaa" * RSP_SIZE)
        buffers = [(address, len(request), False)] if request else []
        if rsp_size:
            buffers.append((address + 64, rsp_size, True))
        head = self.requestq.add(buffers)
        self._where[head] = slot, address + 64
        return head

    def kick(self):
        """Notify."""
        self.transport.notify(REQUESTQ)

    def answers(self):
        """{head: the bytes that the device says it wrote} since the last time."""
        found = {}
        for head, used in self.requestq.reap().items():
            slot, address = self._where.pop(head)
            self._slots.append(slot)
            found[head] = self.machine.read(address, used) if used else b""
        return found

    def request(self, request, rsp_size=RSP_SIZE):
        """A request and its answer, which must be there when the notification returns."""
        head = self.put(request, rsp_size)
        self.kick()
        answers = self.answers()
        assert list(answers) == [head]
        return answers[head]

    def ok(self, request):
        """A request that must succeed; returns what follows the status."""
        answer = self.request(request)
        assert answer[0] == S_OK, f"status {answer[0]}"
        return answer[8:]

    def refused(self, request):
        """A request that must be refused; returns the status."""
        answer = self.request(request)
        assert len(answer) == 8 and answer[0] != S_OK and answer[1:] == bytes(7)
        return answer[0]

    def attach(self, endpoint):
        """ATTACH. Returns (flags, {TLV type: [values]})."""
        body = self.ok(attach(endpoint))
        assert len(body) == 8 + TLV_SIZE
        flags, tlvs, offset = struct.unpack_from("<I", body)[0], {}, 8
        while offset < len(body):
            kind, length = struct.unpack_from("<HH", body, offset)
            if not kind:
                break
            tlvs.setdefault(kind, []).append(body[offset + 4:offset + 4 + length])
            offset += (4 + length + 7) & ~7
        return flags, tlvs

    def alloc(self, endpoint, first, count, **keywords):
        """ALLOC; returns the number granted."""
        return struct.unpack("<Ixxxx", self.ok(alloc(endpoint, first, count, **keywords)))[0]

    def activate(self, endpoint, index, data, **keywords):
        """ACTIVATE; returns the pair (address, data)."""
        body = self.ok(activate(endpoint, index, data, **keywords))
        return struct.unpack("<QIxxxx", body)

    def arm(self, endpoint, index, data=0x40, store=0, pasid=None):
        """ALLOC and ACTIVATE of one vector; returns the pair."""
        assert self.alloc(endpoint, index, 1, store=store) == 1
        return self.activate(endpoint, index, data, store=store, pasid=pasid)


class Testdev(qtest.Function):
    """ims-testdev, as a source of messages. Registers: ims_testdev_regs.h."""

    def send(self, pair, pasid=None):
        """Write a pair's data to its address, as the function; returns the bus' error bits."""
        address, data = pair
        self.write(0, 0x58, 0 if pasid is None else pasid | 1 << 31)
        self.write(0, 0x40, address & 0xffffffff)
        self.write(0, 0x44, address >> 32)
        self.write(0, 0x48, data)
        self.write(0, 0x4c, 1)
        return self.read(0, 0x50)
