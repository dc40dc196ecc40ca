# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""What the device costs its host when many functions are attached, or much is asked at once.

One QEMU without CPUs, and a guest in Python (tests/qtest). All costs are CPU time of
QEMU's threads; what checks.py judges are ratios within one run and counts, so that
neither the machine nor its load matters.
"""

import os
import pathlib
import shutil
import tempfile

import qtest
import virtio_irq as v

FIRST_SLOT, SLOTS, FUNCTIONS = 4, 24, 8
FEW = 16
# As many as fit into a ring of 256 descriptors
RING = 128
ROUNDS = 5
LARGEST = 2048


class Host:
    """A controller and many functions."""

    def __init__(self, directory):
        arguments = ["-device", "virtio-irq-pci,id=irq,addr=3"]
        for slot in range(FIRST_SLOT, FIRST_SLOT + SLOTS):
            for function in range(FUNCTIONS):
                arguments += ["-device", f"ims-testdev,addr={slot:x}.{function},multifunction=on"]
        self.machine = qtest.Machine(directory, *arguments)
        self.endpoints = [slot << 3 | function
                          for slot in range(FIRST_SLOT, FIRST_SLOT + SLOTS)
                          for function in range(FUNCTIONS)]
        self.function = qtest.Function(self.machine, 3).enable()
        # Before the controller has a driver
        self.bare = self.rss()
        self.ctl = v.Controller(qtest.PCITransport(self.function))

    def cpu(self):
        """Seconds that QEMU's threads have run, those that ended not counted."""
        tasks = pathlib.Path(f"/proc/{self.machine.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0])
                   for task in tasks) / 1e9

    def rss(self):
        """Bytes of QEMU's memory that are resident."""
        status = pathlib.Path(f"/proc/{self.machine.process.pid}/status")
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) << 10
        raise LookupError("VmRSS")

    def cost(self, action):
        """CPU seconds of an action."""
        before = self.cpu()
        action()
        return self.cpu() - before

    def attach(self, endpoints):
        """Each in a notification of its own, as functions are probed."""
        for endpoint in endpoints:
            self.ctl.attach(endpoint)

    def storm(self):
        """The least time of one ATTACH and one DETACH, of a ring full of them."""
        best = []
        for _ in range(ROUNDS):
            for number in range(RING):
                kind = v.detach if number % 2 == 0 else v.attach
                self.ctl.put(kind(self.endpoints[0]))
            best.append(self.cost(self.ctl.kick) / (RING // 2))
            self.drain()
        return min(best)

    def drain(self):
        """Take the answers, of which some may come from the bottom half."""
        left = {"answers": RING}

        def done():
            left["answers"] -= len(self.ctl.answers())
            return not left["answers"]

        self.machine.wait_for(done)

    def reset(self, count):
        """The least time of a reset with so many attached, for each of them."""
        best = []
        for _ in range(ROUNDS):
            self.attach(self.endpoints[:count])
            best.append(self.cost(lambda: self.ctl.transport.set_status(0)) / count)
            self.ctl.start(1 << v.F_LAZY)
        return min(best)

    def turn(self, requests):
        """The least time of a notification for so many requests of LARGEST vectors."""
        best = []
        for _ in range(ROUNDS):
            self.put_large(requests)
            best.append(self.cost(self.ctl.kick))
            self.ctl.start(1 << v.F_LAZY)
        return min(best)

    def put_large(self, requests):
        """Requests of LARGEST vectors, in the ring."""
        self.attach(self.endpoints[:1])
        for number in range(requests):
            self.ctl.put(v.alloc(self.endpoints[0], 0, LARGEST, store=1) if number % 2 == 0
                         else v.ranged(v.T_FREE, self.endpoints[0], 0, LARGEST, 1))


class Large(Host):
    """A controller, and a function with a large store."""

    def __init__(self, directory):  # pylint: disable=super-init-not-called
        self.machine = qtest.Machine(directory, "-device", "virtio-irq-pci,id=irq,addr=3",
                                     "-device", f"ims-testdev,addr=4,bar-slots={LARGEST}",
                                     "-trace", "virtio_notify")
        self.endpoints = [4 << 3]
        self.function = qtest.Function(self.machine, 3).enable()
        self.ctl = v.Controller(qtest.PCITransport(self.function))

    def requests_in_turn(self):
        """How many of a ring full are carried out in a turn, at whose end the driver is told."""
        self.put_large(RING)
        before = self.notifications()
        self.ctl.kick()
        self.drain()
        return RING / (self.notifications() - before)

    def notifications(self):
        """To the driver, so far."""
        return self.machine.stderr().count("virtio_notify")


def microseconds(seconds):
    """For the results."""
    return round(seconds * 1e6, 1)


def measure_in(directory):
    """Everything; {name: number}."""
    host = Host(directory / "qemu")
    count = len(host.endpoints)
    found = {"functions": count}
    host.attach(host.endpoints[:FEW])
    found["attach-few-us"] = microseconds(host.storm())
    rest = host.endpoints[FEW:]
    found["first-us"] = microseconds(host.cost(lambda: host.attach(rest)) / len(rest))
    found["attach-all-us"] = microseconds(host.storm())
    found["attached-kib"] = round((host.rss() - host.bare) / count / 1024)
    host.ctl.start(1 << v.F_LAZY)
    found["reset-few-us"] = microseconds(host.reset(FEW))
    found["reset-all-us"] = microseconds(host.reset(count))
    host.machine.stop()

    large = Large(directory / "large")
    found["turn-one-us"] = microseconds(large.turn(1))
    found["turn-ring-us"] = microseconds(large.turn(RING))
    found["turn-requests"] = large.requests_in_turn()
    large.machine.stop()
    return found


def measure(qemu, say=print):
    """Of that QEMU: {name: number}, with the unit at the end of the name."""
    say("host: many functions, and large requests")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="host-cost-"))
    before = qtest.QEMU
    qtest.QEMU = os.path.realpath(qemu)
    try:
        return measure_in(directory)
    finally:
        qtest.QEMU = before
        shutil.rmtree(directory)
