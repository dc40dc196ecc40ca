# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""What interrupts cost a guest, on one kind of interrupt controller after the other.

QEMU counts instructions: one takes 1 ns of the guest's time, and its time stamp
counter counts ns. While all CPUs are idle, time jumps to the next timer.
"""

import dataclasses
import functools
import os
import pathlib
import re
import statistics
import subprocess

from devices import Devices
from guest import TOP, Artifacts, Guest, GuestError
from testdev import Store, Testdev

import checks
import exits

# So that every boot is like the one before: time, all of the guest's random numbers, and
# caches of the kernel's that nobody else uses
FIXED = ["-icount", "shift=0,sleep=off", "-seed", "1", "-rtc", "base=2026-01-01,clock=vm"]
FIXED_KERNEL = "nokaslr slab_nomerge"
# The CPU that runs the benchmark takes the interrupts, too
ONE_CPU = "irqaffinity=0"

ROUNDS = {1: 31, 4: 31, 8: 31, 64: 47, 512: 15, 2048: 15}
# Until the kernel's allocators have what the operations need
WARM_UP = 4
COMMAND_TIMEOUT = 300
# One thread of the host for all CPUs of the guest
BOOT_TIMEOUT = 600

# Two CPUs have room for the small numbers. A CPU has about 200 vectors, and one that is
# moved takes two until the old one is cleaned up.
SMALL = (1, 8, 64)
LARGE = (512, 2048)
SMALL_SMP = 2
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
    # Of the distribution's kernel, see tools/fetch-kernel; None: the one of all other tests
    flavour: str = None
    # Vectors of a function, None: as many as it has
    most: int = None


CONTENDERS = (
    Contender("native", "x86 vector domain"),
    Contender("intel", "Intel interrupt remapping", "CONFIG_IRQ_REMAP",
              args=("-device", "intel-iommu,intremap=on"), sign=r"DMAR-IR: Enabled IRQ remapping"),
    Contender("amd", "AMD interrupt remapping", "CONFIG_AMD_IOMMU",
              args=("-device", "amd-iommu,intremap=on"),
              sign=r"AMD-Vi: Interrupt remapping enabled", flavour="amd64",
              # MAX_IRQS_PER_TABLE in drivers/iommu/amd/amd_iommu_types.h
              most=512),
    Contender("virtio-irq", "virtio-irq", virq=True),
)
# Where the function keeps messages; only virtio-irq can serve more than MSI-X
MSIX = "msix"
STORES = {"slots": Store.SLOTS, "records": Store.RECORDS}


def lives(counts, most=None):
    """The commands for lives of so many vectors each, by name."""
    return {f"life {count}": f"life {count}" for count in counts if count <= (most or count)}


REPEATED = {"storm": f"storm {STORM[0]} {STORM[1]}", "hot": f"hot {HOT[0]} {HOT[1]}"}
# One of them for each CPU, so that this is for where there are many
MANAGED = {"managed 64": "managed 64"}


@functools.lru_cache(maxsize=None)
def artifacts(contender):
    """What its guest is made of."""
    if not contender.flavour:
        return Artifacts.find()
    build = pathlib.Path(os.environ.get("BUILD", TOP / "build")).resolve() / contender.flavour
    result = subprocess.run([TOP / "tools/paths"], stdout=subprocess.PIPE, text=True, check=False,
                            env={**os.environ, "BUILD": str(build),
                                 "KERNEL_FLAVOUR": contender.flavour})
    values = dict(line.split("=", 1) for line in result.stdout.splitlines())
    if result.returncode:
        raise GuestError(f"there is no guest for {contender.title}: tools/paths failed")
    return Artifacts(values["QEMU"], values["KERNEL"], values["INITRAMFS"])


def missing(contender):
    """Why the guest kernel cannot use it, None if it can."""
    try:
        image = pathlib.Path(artifacts(contender).kernel)
    except GuestError as error:
        return str(error)
    config = (image.parent / image.name.replace("vmlinux", "config")).read_text()
    if contender.config and not re.search(rf"^{contender.config}=y$", config, re.M):
        return f"the guest kernel has no {contender.config}"
    return None


def typical(values, what, waiting):
    """Of all rounds; waiting is how many CPUs there are if they wait for each other, else 0.

    Timer interrupts and refills of the kernel's caches only ever add something, so that it
    is the lower half that tells; the least of all is a matter of luck again.
    """
    values = sorted(values)
    if what != "instructions":
        return statistics.median_low(values)
    if waiting:
        # With two CPUs it is the one that fires, or the other one for as long as its turn is
        return values[0 if waiting == SMALL_SMP else len(values) // 4]
    return round(statistics.mean(values[len(values) // 8:len(values) // 2 + 1]))


class Bench:
    """A guest whose instructions are counted."""

    def __init__(self, directory, contender, vectors, smp, virq_type="virtio-irq-pci"):
        # pylint: disable=too-many-arguments
        self.contender = contender
        self.devices = Devices(directory)
        self.devices.testdev(**{"vectors": vectors, "bar-slots": vectors,
                                "memory-slots": vectors})
        load = ["virtio_irq"] if contender.virq else []
        self.guest = Guest(
            directory, virq={} if contender.virq else None, virq_type=virq_type,
            devices=self.devices.devices, args=[*FIXED, *contender.args],
            accel="tcg,thread=single", patience=BOOT_TIMEOUT, load=load + ["ims_testdev"],
            smp=smp, artifacts=artifacts(contender),
            append=f"{FIXED_KERNEL} {ONE_CPU if smp == SMALL_SMP else ''}")
        address = self.devices.address("testdev")
        self.dev = Testdev(self.guest, address)
        self.places = {MSIX: self.dev, **{name: Store(self.guest, address, number)
                                          for name, number in STORES.items()}}

    def __enter__(self):
        self.guest.start()
        # The agent, and with it all that it runs, on the first CPU
        self.guest.run("for pid in $(pgrep -f /bin/agent); do taskset -p 1 $pid; done")
        sign = self.contender.sign
        if sign and not re.search(sign, self.guest.dmesg()):
            raise AssertionError(f"{self.contender.title} is not in use")
        for name in STORES if self.contender.virq else ():
            self.places[name].cmd("open")
        return self

    def __exit__(self, *_):
        self.guest.stop()
        self.devices.close()

    def once(self, command, place=MSIX):
        """{phase: {"instructions": n, class of exit: n ...}}"""
        with exits.traced(self.guest) as counted:
            reply = self.places[place].cmd(f"bench {command}", timeout=COMMAND_TIMEOUT)
            phases = counted()
        names = [name for name in reply.fields if name != "us"]
        assert len(names) == len(phases), f"{names}, but {len(phases)} phases in the trace"
        return {name: {"instructions": reply[name], **phase}
                for name, phase in zip(names, phases)}

    def typical(self, command, place):
        """The typical value of each number."""
        for _ in range(WARM_UP):
            self.once(command, place)
        runs = [self.once(command, place) for _ in range(ROUNDS[int(command.split()[1])])]
        return {phase: {what: typical([run[phase][what] for run in runs], what,
                                      phase in checks.WAITS and self.guest.smp)
                        for what in numbers}
                for phase, numbers in runs[0].items()}

    def check(self):
        """The guest must have been well all the time."""
        self.guest.check_dmesg()
        served = self.guest.interrupts(chip="VIRTIO-", action="")
        assert not served, "the benchmark has left interrupts behind"


def measure(directory, contender, commands, smp=SMALL_SMP, say=print):
    """Commands are {place: {name: command}}; the same of {phase: numbers}."""
    vectors = max(int(command.split()[1]) for named in commands.values()
                  for command in named.values())
    results = {}
    with Bench(directory, contender, vectors, smp) as bench:
        for place, named in commands.items():
            results[place] = {}
            for name, command in named.items():
                say(f"{contender.name}, {place}: {name}")
                results[place][name] = bench.typical(command, place)
        bench.check()
    return results
