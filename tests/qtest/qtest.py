# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""A guest in Python: drives QEMU's devices over the qtest protocol.

No CPU runs, and the clock stands still unless a test moves it, so everything
that happens is what the test did. See QEMU's docs/devel/qtest.rst.
"""

import itertools
import os
import pathlib
import socket
import struct
import subprocess
import time

import qmp

QEMU = os.environ.get("QEMU", "qemu-system-x86_64")
TIMEOUT = 20

# PCI configuration space, pci_regs.h
COMMAND = 0x04
COMMAND_MEMORY = 2
COMMAND_MASTER = 4
HEADER_TYPE = 0x0e
BAR0 = 0x10
PRIMARY_BUS = 0x18
CAPABILITY_LIST = 0x34
CAP_VENDOR = 0x09

# struct virtio_pci_cap and struct virtio_pci_common_cfg, virtio_pci.h
CFG_COMMON, CFG_NOTIFY, CFG_DEVICE = 1, 2, 4
COMMON = {
    "device_feature_select": (0, 4), "device_feature": (4, 4),
    "driver_feature_select": (8, 4), "driver_feature": (12, 4),
    "device_status": (20, 1), "config_generation": (21, 1),
    "queue_select": (22, 2), "queue_size": (24, 2), "queue_msix_vector": (26, 2),
    "queue_enable": (28, 2), "queue_notify_off": (30, 2),
    "queue_desc": (32, 8), "queue_driver": (40, 8), "queue_device": (48, 8),
    "queue_reset": (58, 2),
}
STATUS_ACKNOWLEDGE, STATUS_DRIVER, STATUS_DRIVER_OK = 1, 2, 4
STATUS_FEATURES_OK, STATUS_NEEDS_RESET = 8, 0x40
F_VERSION_1, F_RING_RESET = 32, 40
DESC_NEXT, DESC_WRITE = 1, 2


class QEMUDied(Exception):
    """QEMU ended while a test was not done with it."""


class Machine:
    """One QEMU."""

    def __init__(self, directory, *arguments, machine="pc", memory="64",
                 incoming=None, wait=True):
        directory.mkdir(parents=True)
        self.directory = directory
        self._ram = itertools.count(0x1000000, 0x1000)
        self._mmio = 0xe0000000
        self._buffer = b""
        self._log = open(directory / "stderr", "wb")  # pylint: disable=consider-using-with
        command = [
            QEMU, "-nodefaults", "-display", "none", "-machine", machine, "-m", memory,
            "-accel", "qtest",
            "-qtest", f"unix:{directory}/qtest,server=on,wait=off", "-qtest-log", "/dev/null",
            "-qmp", f"unix:{directory}/qmp,server=on,wait=off", *arguments,
        ]
        if incoming:
            command += ["-incoming", incoming]
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        self.qmp = self._socket = None
        if wait:
            self._connect()

    def _connect(self):
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                self.qmp = qmp.QMP(self.directory / "qmp")
                break
            except qmp.QMPClosed as error:
                self.process.wait(TIMEOUT)
                raise QEMUDied(self.stderr()) from error
            except OSError as error:
                if self.process.poll() is not None:
                    raise QEMUDied(self.stderr()) from error
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(TIMEOUT)
        self._socket.connect(str(self.directory / "qtest"))

    def refuses_stream(self):
        """Started with incoming and without wait: does QEMU refuse what comes? Else it runs."""
        try:
            self._connect()
            self.wait_for(lambda: self.qmp.execute("query-status")["status"] != "inmigrate")
            return False
        except (QEMUDied, qmp.QMPClosed, OSError):
            assert self.process.wait(TIMEOUT) == 1, self.stderr()
            return True

    def stderr(self):
        """What QEMU has said."""
        return pathlib.Path(self._log.name).read_text(encoding="utf-8", errors="replace")

    def stop(self):
        """End it; it must not have ended before unless the test waited for that."""
        try:
            if self._socket and self.process.returncode is None:
                died = self.process.poll()
                assert died is None, f"QEMU died with {died}: {self.stderr()}"
                self.qmp.execute("quit")
                assert self.process.wait(TIMEOUT) == 0, self.stderr()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            for closable in (self.qmp, self._socket, self._log):
                if closable:
                    closable.close()

    def command(self, *words):
        """One qtest command; returns the words of its answer."""
        try:
            self._socket.sendall(" ".join(map(str, words)).encode() + b"\n")
            while b"\n" not in self._buffer:
                data = self._socket.recv(65536)
                if not data:
                    raise ConnectionError
                self._buffer += data
        except ConnectionError as error:
            self.process.wait(TIMEOUT)
            raise QEMUDied(self.stderr()) from error
        line, self._buffer = self._buffer.split(b"\n", 1)
        answer = line.decode().split()
        assert answer[0] == "OK", f"{words}: {line!r}"
        return answer[1:]

    # Guest memory and ports

    def read(self, address, size):
        """Bytes of guest memory."""
        return bytes.fromhex(self.command("read", hex(address), hex(size))[0][2:])

    def write(self, address, data):
        """Set bytes of guest memory."""
        if data:
            self.command("write", hex(address), hex(len(data)), "0x" + data.hex())

    def mmio_read(self, address, size):
        """One access of 1, 2, 4 or 8 bytes."""
        return int(self.command("read" + "..bw.l...q"[size + 1], hex(address))[0], 0)

    def mmio_write(self, address, size, value):
        """One access of 1, 2, 4 or 8 bytes."""
        self.command("write" + "..bw.l...q"[size + 1], hex(address), hex(value))

    def alloc(self, size=0x1000):
        """Guest memory that no one else uses; zeroed by QEMU at start."""
        address = next(self._ram)
        for _ in range((size - 1) // 0x1000):
            next(self._ram)
        return address

    def alloc_mmio(self, size):
        """Bus addresses for a BAR."""
        self._mmio = (self._mmio + size - 1) & -size
        address, self._mmio = self._mmio, self._mmio + size
        return address

    def clock_step(self, nanoseconds):
        """Let the guest's time pass."""
        self.command("clock_step", int(nanoseconds))

    # The device under test

    def get(self, name, device="irq"):
        """A property of virtio-irq-pci,id=irq."""
        return self.qmp.execute("qom-get", path=f"/machine/peripheral/{device}", property=name)

    def set(self, name, value, device="irq"):
        """Set a property of virtio-irq-pci,id=irq."""
        self.qmp.execute("qom-set", path=f"/machine/peripheral/{device}", property=name,
                         value=value)

    def wait_for(self, condition):
        """For what QEMU does in its main loop, between commands."""
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            assert time.monotonic() < deadline, "it does not come"
            self.command("clock_step", 0)
            time.sleep(0.01)


class Function:
    """A PCI function, found by its address. Ports 0xcf8 and 0xcfc."""

    def __init__(self, machine, slot, function=0, bus=0):
        self.machine = machine
        self.bdf = bus << 8 | slot << 3 | function
        self.bars = {}

    def exists(self):
        """Does anything answer there?"""
        return self.config(0, 2) != 0xffff

    def config(self, offset, size=4):
        """Read configuration space."""
        self.machine.command("outl", 0xcf8, hex(1 << 31 | self.bdf << 8 | offset & ~3))
        command = {1: "inb", 2: "inw", 4: "inl"}[size]
        return int(self.machine.command(command, hex(0xcfc + (offset & 3)))[0], 0)

    def set_config(self, offset, value, size=4):
        """Write configuration space."""
        self.machine.command("outl", 0xcf8, hex(1 << 31 | self.bdf << 8 | offset & ~3))
        command = {1: "outb", 2: "outw", 4: "outl"}[size]
        self.machine.command(command, hex(0xcfc + (offset & 3)), hex(value))

    def enable(self, master=True):
        """Place the memory BARs and switch the function on."""
        bar = 0
        while bar < 6:
            register = BAR0 + 4 * bar
            kind = self.config(register) & 0xf
            self.set_config(register, 0xffffffff)
            mask = self.config(register)
            wide = kind & 6 == 4
            if mask and not kind & 1:
                size = -(mask & ~0xf) & 0xffffffff
                self.bars[bar] = self.machine.alloc_mmio(max(size, 0x1000))
                self.set_config(register, self.bars[bar])
            if wide:
                self.set_config(register + 4, 0)
            bar += 2 if wide else 1
        self.master(master)
        return self

    def master(self, on):
        """Bus mastering."""
        self.set_config(COMMAND, COMMAND_MEMORY | (COMMAND_MASTER if on else 0), 2)

    def capabilities(self):
        """(ID, offset) of each."""
        offset = self.config(CAPABILITY_LIST, 1)
        while offset:
            yield self.config(offset, 1), offset
            offset = self.config(offset + 1, 1)

    def capability(self, wanted):
        """The offset of one."""
        return next(offset for kind, offset in self.capabilities() if kind == wanted)

    def read(self, bar, offset, size=4):
        """Read a register."""
        return self.machine.mmio_read(self.bars[bar] + offset, size)

    def write(self, bar, offset, value, size=4):
        """Write a register."""
        self.machine.mmio_write(self.bars[bar] + offset, size, value)


def make_bridge(machine, slot, bus):
    """Give a PCI bridge on bus 0 its secondary bus number and a memory window."""
    bridge = Function(machine, slot)
    bridge.set_config(PRIMARY_BUS, bus << 16 | bus << 8, 4)
    bridge.set_config(0x20, 0xe0f0e000)     # memory base and limit: 0xe0000000-0xe0ffffff
    bridge.master(True)
    return bridge


class Queue:
    """A split virtqueue."""

    def __init__(self, machine, size):
        self.machine = machine
        self.size = size
        self.desc = machine.alloc(16 * size)
        self.avail = machine.alloc(6 + 2 * size)
        self.used = machine.alloc(6 + 8 * size)
        self.reset()

    def reset(self):
        """As it is before anything was put in."""
        self.added = self.reaped = 0
        self.free = list(range(self.size))
        self.chains = {}
        self.machine.write(self.avail, bytes(6 + 2 * self.size))
        self.machine.write(self.used, bytes(6 + 8 * self.size))

    def set_desc(self, index, address, length, flags=0, following=0):
        """One descriptor, unchecked."""
        self.machine.write(self.desc + 16 * index,
                           struct.pack("<QIHH", address, length, flags, following))

    def publish(self, head):
        """Make the chain that starts at head available."""
        self.machine.write(self.avail + 4 + 2 * (self.added % self.size), struct.pack("<H", head))
        self.added += 1
        self.machine.write(self.avail + 2, struct.pack("<H", self.added & 0xffff))

    def add(self, buffers):
        """buffers: (address, length, device may write). Returns the head."""
        indices = [self.free.pop(0) for _ in buffers]
        for number, (index, (address, length, writable)) in enumerate(zip(indices, buffers)):
            last = number == len(buffers) - 1
            self.set_desc(index, address, length,
                          (DESC_WRITE if writable else 0) | (0 if last else DESC_NEXT),
                          0 if last else indices[number + 1])
        self.chains[indices[0]] = indices
        self.publish(indices[0])
        return indices[0]

    def used_index(self):
        """How far the device has come."""
        return struct.unpack("<H", self.machine.read(self.used + 2, 2))[0]

    def reap(self):
        """{head: used length} of what was used since."""
        done = {}
        while self.reaped & 0xffff != self.used_index():
            head, length = struct.unpack("<II", self.machine.read(
                self.used + 4 + 8 * (self.reaped % self.size), 8))
            self.reaped += 1
            self.free += self.chains.pop(head, [])
            assert head not in done
            done[head] = length
        return done


class PCITransport:
    """virtio-pci, version 1."""

    def __init__(self, function):
        self.machine = function.machine
        self.function = function
        self.areas = {}
        self.notify_multiplier = 0
        for kind, offset in function.capabilities():
            if kind != CAP_VENDOR:
                continue
            area = function.config(offset + 3, 1)
            where = function.config(offset + 4, 1), function.config(offset + 8)
            self.areas.setdefault(area, where)
            if area == CFG_NOTIFY:
                self.notify_multiplier = function.config(offset + 16)

    def get(self, name):
        """A field of the common configuration."""
        bar, start = self.areas[CFG_COMMON]
        offset, size = COMMON[name]
        return self.function.read(bar, start + offset, size)

    def set(self, name, value):
        """Set a field of the common configuration."""
        bar, start = self.areas[CFG_COMMON]
        offset, size = COMMON[name]
        if size == 8:
            self.function.write(bar, start + offset, value & 0xffffffff)
            self.function.write(bar, start + offset + 4, value >> 32)
        else:
            self.function.write(bar, start + offset, value, size)

    def device_features(self):
        """64 bits."""
        features = 0
        for word in range(2):
            self.set("device_feature_select", word)
            features |= self.get("device_feature") << 32 * word
        return features

    def set_features(self, features):
        """64 bits."""
        for word in range(2):
            self.set("driver_feature_select", word)
            self.set("driver_feature", features >> 32 * word & 0xffffffff)

    def status(self):
        """The device's status."""
        return self.get("device_status")

    def set_status(self, value):
        """Set the device's status; 0 resets it."""
        self.set("device_status", value)

    def setup_queue(self, index, queue):
        """Tell the device where a queue is."""
        self.set("queue_select", index)
        self.set("queue_size", queue.size)
        self.set("queue_desc", queue.desc)
        self.set("queue_driver", queue.avail)
        self.set("queue_device", queue.used)
        self.set("queue_enable", 1)

    def queue_max(self, index):
        """The largest size that the device offers."""
        self.set("queue_select", index)
        return self.get("queue_size")

    def reset_queue(self, index):
        """VIRTIO_F_RING_RESET."""
        self.set("queue_select", index)
        self.set("queue_reset", 1)
        assert self.get("queue_reset") == 0
        assert self.get("queue_enable") == 0

    def notify(self, index):
        """Kick."""
        bar, start = self.areas[CFG_NOTIFY]
        self.set("queue_select", index)
        offset = self.get("queue_notify_off") * self.notify_multiplier
        self.function.write(bar, start + offset, index, 2)

    def config(self, offset, size):
        """Bytes of the device's configuration."""
        bar, start = self.areas[CFG_DEVICE]
        return bytes(self.function.read(bar, start + offset + i, 1) for i in range(size))


class MMIOTransport:
    """virtio-mmio, version 2. Offsets: virtio_mmio.h."""

    def __init__(self, machine, base):
        self.machine = machine
        self.base = base
        assert self.get(0x000) == 0x74726976 and self.get(0x004) == 2

    def get(self, offset):
        """A register."""
        return self.machine.mmio_read(self.base + offset, 4)

    def set(self, offset, value):
        """Set a register."""
        self.machine.mmio_write(self.base + offset, 4, value)

    def device_features(self):
        """64 bits."""
        features = 0
        for word in range(2):
            self.set(0x014, word)
            features |= self.get(0x010) << 32 * word
        return features

    def set_features(self, features):
        """64 bits."""
        for word in range(2):
            self.set(0x024, word)
            self.set(0x020, features >> 32 * word & 0xffffffff)

    def status(self):
        """The device's status."""
        return self.get(0x070)

    def set_status(self, value):
        """Set the device's status; 0 resets it."""
        self.set(0x070, value)

    def queue_max(self, index):
        """The largest size that the device offers."""
        self.set(0x030, index)
        return self.get(0x034)

    def setup_queue(self, index, queue):
        """Tell the device where a queue is."""
        self.set(0x030, index)
        self.set(0x038, queue.size)
        for offset, address in ((0x080, queue.desc), (0x090, queue.avail), (0x0a0, queue.used)):
            self.set(offset, address & 0xffffffff)
            self.set(offset + 4, address >> 32)
        self.set(0x044, 1)

    def notify(self, index):
        """Kick."""
        self.set(0x050, index)

    def config(self, offset, size):
        """Bytes of the device's configuration."""
        return bytes(self.machine.mmio_read(self.base + 0x100 + offset + i, 1)
                     for i in range(size))
