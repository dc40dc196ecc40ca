# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""What interrupts cost a guest, on one kind of interrupt controller after the other.

QEMU counts instructions: one takes 1 ns of the guest's time, and its time stamp
counter counts ns. While all CPUs are idle, time jumps to the next timer.
"""

import dataclasses
import re

from devices import Devices
from guest import Guest
from testdev import Store, Testdev

import exits

# So that every boot is like the one before: time, and all of the guest's random numbers
FIXED = ["-icount", "shift=0,sleep=off", "-seed", "1", "-rtc", "base=2026-01-01,clock=vm"]
FIXED_KERNEL = "nokaslr"
# The CPU that runs the benchmark takes the interrupts, too
ONE_CPU = "irqaffinity=0"

# Timer interrupts and refills of the kernel's caches only ever add something. The
# least of all is a matter of luck again; the lower quartile is the same each time.
ROUNDS = {1: 31, 4: 31, 8: 31, 64: 31, 512: 7, 2048: 5}
WARM_UP = 2
# But in these the CPU may turn round while it waits for another one, or not
WAITING = ("first", "land", "fire", "storm")
COMMAND_TIMEOUT = 300
# One thread of the host for all CPUs of the guest
BOOT_TIMEOUT = 600

# Two CPUs have room for the small numbers. A CPU has about 200 vectors, and one that is
# moved takes two until the old one is cleaned up.
SMALL = (1, 8, 64)
LARGE = (512, 2048)
LARGE_SMP = 24

STORM = (64, 10)
HOT = (4, 100)


@dataclasses.dataclass(frozen=True)
class Contender:
    """An interrupt controller."""
    name: str
    title: str
    # Of the driver in the guest, None: it is in every kernel
    config: str = None
    virq: bool = False
    args: tuple = ()
    # What the kernel log says if it is in use
    sign: str = None
    # Of the function that has the vectors, 0: its MSI-X table
    store: int = 0


CONTENDERS = (
    Contender("native", "x86 vector domain"),
    Contender("intel", "Intel interrupt remapping", "CONFIG_IRQ_REMAP",
              args=("-device", "intel-iommu,intremap=on"), sign=r"DMAR-IR: Enabled IRQ remapping"),
    Contender("amd", "AMD interrupt remapping", "CONFIG_AMD_IOMMU",
              args=("-device", "amd-iommu,intremap=on"), sign=r"AMD-Vi: Interrupt remapping enabled"),
    Contender("virtio-irq", "virtio-irq", virq=True),
)
# What only virtio-irq can serve
STORES = (
    Contender("slots", "virtio-irq, IMS in the device", virq=True, store=Store.SLOTS),
    Contender("records", "virtio-irq, IMS in memory", virq=True, store=Store.RECORDS),
)


def missing(contender, kernel_config):
    """Why the guest kernel cannot use it, None if it can."""
    if contender.config and not re.search(rf"^{contender.config}=y$", kernel_config, re.M):
        return f"the guest kernel has no {contender.config}"
    return None


class Bench:
    """A guest whose instructions are counted."""

    def __init__(self, directory, contender, vectors, smp):
        # pylint: disable=too-many-arguments
        self.contender = contender
        self.devices = Devices(directory)
        self.devices.testdev(**{"vectors": vectors, "bar-slots": vectors,
                                "memory-slots": vectors})
        load = ["virtio_irq"] if contender.virq else []
        self.guest = Guest(
            directory, virq={} if contender.virq else None, devices=self.devices.devices,
            args=[*FIXED, *contender.args], accel="tcg,thread=single", patience=BOOT_TIMEOUT,
            load=load + ["ims_testdev"], smp=smp, append=f"{FIXED_KERNEL} {ONE_CPU if smp == 2 else ''}")
        address = self.devices.address("testdev")
        self.dev = (Store(self.guest, address, contender.store) if contender.store
                    else Testdev(self.guest, address))

    def __enter__(self):
        self.guest.start()
        # The agent, and with it all that it runs, on the first CPU
        self.guest.run("for pid in $(pgrep -f /bin/agent); do taskset -p 1 $pid; done")
        sign = self.contender.sign
        if sign and not re.search(sign, self.guest.dmesg()):
            raise AssertionError(f"{self.contender.title} is not in use")
        if self.contender.store:
            self.dev.cmd("open")
        return self

    def __exit__(self, *_):
        self.guest.stop()
        self.devices.close()

    def once(self, command):
        """{phase: {"instructions": n, class of exit: n ...}}"""
        with exits.traced(self.guest) as counted:
            reply = self.dev.cmd(f"bench {command}", timeout=COMMAND_TIMEOUT)
            phases = counted()
        names = [name for name in reply.fields if name != "us"]
        assert len(names) == len(phases), f"{names}, but {len(phases)} phases in the trace"
        return {name: {"instructions": reply[name], **phase}
                for name, phase in zip(names, phases)}

    def typical(self, command, rounds):
        """The typical value of each number."""
        for _ in range(WARM_UP):
            self.once(command)
        runs = [self.once(command) for _ in range(rounds)]
        return {phase: {what: sorted(run[phase][what] for run in runs)[
                            0 if phase in WAITING else rounds // 4]
                        for what in numbers}
                for phase, numbers in runs[0].items()}

    def check(self):
        """The guest must have been well all the time."""
        self.guest.check_dmesg()
        served = self.guest.interrupts(chip="VIRTIO-", action="")
        assert not served, "the benchmark has left interrupts behind"


def measure(directory, contender, counts, smp=2, extra=True, say=print):
    """Lives of so many vectors each, and what else there is: {command: {phase: numbers}}."""
    results = {}
    with Bench(directory, contender, max(counts), smp) as bench:
        for number in counts:
            say(f"{contender.name}: life of {number}")
            results[f"life {number}"] = bench.typical(f"life {number}", ROUNDS[number])
        if extra:
            for name, (number, times) in (("storm", STORM), ("hot", HOT)):
                say(f"{contender.name}: {name}")
                results[name] = bench.typical(f"{name} {number} {times}", ROUNDS[number])
        bench.check()
    return results
