# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The exits of an L2, told apart by what they were for, from the trace of L1's own KVM.

KVM's tracepoint kvm_exit is every exit; what KVM traces behind it on the same vCPU says which
address it was, or that it was none. The test function's driver marks the phases of an operation
by writes to a port.
"""

import collections
import contextlib
import dataclasses
import re

from nested import TRACING, USERSPACE_IRQCHIP, vfio
from testdev import Testdev

EVENTS = ("kvm_exit", "kvm_userspace_exit", "kvm_mmio", "kvm_fast_mmio", "kvm_pio", "kvm_apic",
          "kvm_msr")
# Of one life of 64 vectors it is 1 MiB; what does not fit is noticed
BUFFER_KIB = 16384
END = "=end="
LIFE_TIMEOUT = 120
# Looks of our driver at the device's status, every ten seconds, that the trace has just missed
OUTSIDE = 2

# See Guest.command_line()
CONTROLLER = "0000:00:02.0"

# See tests/ims-testdev/ims_testdev_bench.c
MARK = (0xf4, 0x54534d49)

LINE = re.compile(r"-(?P<task>\d+) +\[\d+\] \S+ +[\d.]+: (?P<event>kvm_\w+): (?P<rest>.*)$")
REASON = re.compile(r"\breason (\S+)")
MMIO = re.compile(r"gpa 0x([0-9a-f]+)")
PIO = re.compile(r"pio_(read|write) at 0x([0-9a-f]+) size \d+ count \d+ val 0x([0-9a-f]+)")
LOST = re.compile(r"^# entries-in-buffer/entries-written: (\d+)/(\d+)")

# The first three are what interrupt controllers cost, and all of them go to QEMU. Our driver looks
# at the device's status every ten seconds, and while an answer takes longer than ten milliseconds.
# The others are there in any guest
COUNTED = ("controller", "table", "pci")
CLASSES = COUNTED + ("status", "apic", "interrupt", "halt", "other")

PCI_CONFIG_PORTS = range(0xcf8, 0xd00)
PCI_CONFIG_MEMORY = range(0xb0000000, 0xc0000000)
IOMMU = range(0xfed90000, 0xfed91000)
APICS = (range(0xfec00000, 0xfec01000), range(0xfee00000, 0xfee01000))
# Its page of registers, and the timer's deadline
APIC_MSRS = (*range(0x800, 0x900), 0x6e0)
# Of kvm_exit, that KVM traces no address of
REASONS = {"interrupt": "interrupt", "vintr": "interrupt", "hlt": "halt", "mwait": "halt",
           "pause": "halt"}


@dataclasses.dataclass(eq=False)
class Exit:
    """One exit."""
    reason: str
    kind: str = None
    # Of KVM_RUN, if it went on to QEMU
    userspace: str = None


def bars(guest, address):
    """Addresses of a function's BARs in a guest, those that it does not have are empty."""
    lines = guest.run(f"head -n 6 /sys/bus/pci/devices/{address}/resource").out.splitlines()
    return [range(start, end + 1) if end else range(0)
            for start, end, _ in ([int(word, 0) for word in line.split()] for line in lines)]


class Places:
    """What is at which address of a guest."""

    def __init__(self, table, controller=()):
        self.controller = controller
        self.memory = [("table", table), ("pci", PCI_CONFIG_MEMORY), ("controller", IOMMU),
                       *(("controller", bar) for bar in controller),
                       *(("apic", page) for page in APICS)]

    @classmethod
    def of(cls, guest, function, controller=None):
        """Of an ims-testdev, BAR 1 is the table's; of a controller all are its own."""
        return cls(bars(guest, function)[1], bars(guest, controller) if controller else ())

    def at(self, address, read):
        """The class of an access to memory."""
        if read and any(address in bar for bar in self.controller):
            return "status"
        return next((kind for kind, place in self.memory if address in place), "other")


class Trace:
    """Sorts the lines of a trace: exits by phase, the first one is what was before any mark."""

    def __init__(self, places):
        self.places = places
        self.phases = [[]]
        self.last = {}

    def _what_for(self, task, kind):
        exit_ = self.last.get(task)
        if exit_ and exit_.kind is None:
            exit_.kind = kind

    def _mark(self, task):
        """The exit that it is belongs to nobody."""
        exit_ = self.last.pop(task, None)
        if exit_:
            self.phases[-1].remove(exit_)
        self.phases.append([])

    def _pio(self, task, rest):
        match = PIO.search(rest)
        port, value = int(match[2], 16), int(match[3], 16)
        if match[1] == "write" and (port, value) == MARK:
            self._mark(task)
        else:
            self._what_for(task, "pci" if port in PCI_CONFIG_PORTS else "other")

    def line(self, text):
        """One of them."""
        match = LINE.search(text)
        if not match:
            return
        task, event, rest = match["task"], match["event"], match["rest"]
        if event == "kvm_exit":
            self.last[task] = Exit(REASON.search(rest)[1])
            self.phases[-1].append(self.last[task])
        elif event == "kvm_userspace_exit":
            # A second one on the way back is no exit of the guest's
            if task in self.last and not self.last[task].userspace:
                self.last[task].userspace = REASON.search(rest)[1]
        elif event in ("kvm_mmio", "kvm_fast_mmio"):
            self._what_for(task, self.places.at(int(MMIO.search(rest)[1], 16), "read" in rest))
        elif event == "kvm_pio":
            self._pio(task, rest)
        elif event == "kvm_apic":
            self._what_for(task, "apic")
        elif event == "kvm_msr":
            msr = int(re.search(r"msr_\w+ ([0-9a-f]+)", rest)[1], 16)
            self._what_for(task, "apic" if msr in APIC_MSRS else "other")

    def userspace(self, reason):
        """How many exits in all went on to QEMU for a reason."""
        return sum(1 for phase in self.phases for exit_ in phase if exit_.userspace == reason)

    def counts(self):
        """Of each phase: {class: exits}, and how many of them went on to QEMU."""
        for phase in self.phases:
            kinds = collections.Counter(exit_.kind or REASONS.get(exit_.reason, "other")
                                        for exit_ in phase)
            userspace = sum(1 for exit_ in phase if exit_.userspace)
            yield {**{kind: kinds[kind] for kind in CLASSES}, "userspace": userspace}


@contextlib.contextmanager
def traced(l1, path):
    """Within, L1's KVM is traced; yields a function that returns the lines, when it is over."""
    events = " ".join(f"events/kvm/{event}/enable" for event in EVENTS)
    l1.run(f"cd {TRACING} && echo {BUFFER_KIB} > buffer_size_kb && echo > trace && "
           f"for event in {events}; do echo 1 > $event; done && echo 1 > tracing_on")

    def lines():
        l1.run(f"echo 0 > {TRACING}/tracing_on")
        l1.redirect("trace", path)
        l1.run(f"cat {TRACING}/trace > {l1.ports['trace']}; echo {END} > {l1.ports['trace']}",
               timeout=120)
        l1.wait_until(lambda: path.exists() and path.read_bytes().endswith(f"{END}\n".encode()),
                      "the trace is out")
        text = path.read_text(errors="replace")
        kept, written = map(int, next(filter(None, map(LOST.match, text.splitlines()))).groups())
        assert kept == written, f"{written - kept} events of {written} are lost"
        return text.splitlines()

    try:
        yield lines
    finally:
        l1.run(f"cd {TRACING} && for event in {events}; do echo 0 > $event; done && "
               "echo 1 > tracing_on && echo > trace && echo 1 > buffer_size_kb")


@dataclasses.dataclass(frozen=True)
class Contender:
    """What serves the interrupts of a function that is passed through."""
    name: str
    title: str
    # Of the guest, see nested.L2
    keywords: dict = dataclasses.field(default_factory=dict)
    # What its kernel log says if it is in use
    sign: str = None

    @property
    def virq(self):
        """Is it ours?"""
        return "virq" in self.keywords

    def guest(self, address):
        """Keywords for the guest. Its first CPU runs all that is measured, and has the
        interrupts until they are moved to the other one."""
        return {"irqchip": "split", "smp": 2, "append": "irqaffinity=0",
                "load": ["virtio_irq", "ims_testdev"] if self.virq else ["ims_testdev"],
                "devices": [vfio("testdev", address)], **self.keywords}


# An emulated IOMMU wants kernel-irqchip=split, so all of them have it
CONTENDERS = (
    Contender("vfio", "as it is today"),
    Contender("vfio-intel", "with emulated Intel interrupt remapping", {
        "buses": [("intel-iommu", {"intremap": "on", "caching-mode": "on"})]},
        r"DMAR-IR: Enabled IRQ remapping"),
    Contender("virtio-irq", "with virtio-irq", {"virq": {}}),
    # No irqfds, so that LAZY is offered. More than one CPU is too much for it in this L1, so
    # that nothing is moved
    Contender("virtio-irq-lazy", "with virtio-irq, without KVM's interrupt controller", {
        "virq": {}, "irqchip": "off", "smp": 1, "errors": USERSPACE_IRQCHIP}),
)


class Counter:
    """Counts what is done in a guest that runs."""

    def __init__(self, contender, guest, address):
        self.guest = guest
        self.testdev = Testdev(guest, address)
        # Else its timer is memory that QEMU emulates
        self.rests = contender.keywords.get("irqchip") != "off"
        self.places = Places.of(guest, address, CONTROLLER if contender.virq else None)
        guest.run("for pid in $(pgrep -f /bin/agent); do taskset -p 1 $pid; done")
        if contender.sign and not re.search(contender.sign, guest.dmesg()):
            raise AssertionError(f"{contender.title}: not in use")

    def _mmio_exits(self):
        """KVM's own counter of accesses to memory that QEMU emulates."""
        return int(self.guest.l1.run("cat /sys/kernel/debug/kvm/mmio_exits").out)

    def _counted(self, path, action):
        """The guest is at rest before and after the action, but for its timers."""
        trace = Trace(self.places)
        before = self._mmio_exits()
        with traced(self.guest.l1, path) as lines:
            result = action()
            for line in lines():
                trace.line(line)
        seen, counted = trace.userspace("KVM_EXIT_MMIO"), self._mmio_exits() - before
        assert seen <= counted and (counted <= seen + OUTSIDE or not self.rests), \
            f"{seen} accesses in the trace, {counted} counted by KVM"
        return result, list(trace.counts())

    def life(self, vectors):
        """{phase: counts}"""
        reply, (_, *phases, _) = self._counted(
            self.guest.log_dir / "exits.trace",
            lambda: self.testdev.cmd(f"bench life {vectors}", timeout=LIFE_TIMEOUT))
        names = [name for name in reply.fields if name != "us"]
        assert len(names) == len(phases), f"{names}, but {len(phases)} phases in the trace"
        return dict(zip(names, phases))
