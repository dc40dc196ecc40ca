# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Exits, told apart by who emulates them, from QEMU's trace of memory accesses."""

import collections
import contextlib
import re

EVENTS = ("memory_region_ops_read", "memory_region_ops_write")
ACCESS = re.compile(r"^memory_region_ops_(read|write) cpu (-?\d+) mr 0x[0-9a-f]+ "
                    r"addr 0x([0-9a-f]+) value 0x([0-9a-f]+) size (\d+) name '(.*)'$")

# "IMST", see tests/ims-testdev/ims_testdev_bench.c
MARK = ("read", "ims-testdev-regs", 0x54534d49)

APIC_BASE = 0xfee00000
APIC_REGISTERS = range(1, 0x1000)
# Of each vector's block of registers, see ims_testdev_regs.h
STORE_VECTOR_SIZE = 0x40
SLOT_REGISTERS = range(0x20, 0x30)

# Emulated by a hypervisor, or the function's own business? The first that matches
CLASSES = (
    ("controller", r"virtio-pci-.*-virtio-irq|intel_iommu|amdvi-mmio"),
    # Sent by functions, and no exits at all
    ("message", r"virtio-irq-source|vtd-ir|amd_iommu_ir|kvm-apic-msi"),
    ("table", r"msix-table|msix-pba"),
    ("testdev", r"ims-testdev-.*"),
    ("pci", r"pci-conf-.*|pcie-mmcfg-.*"),
    ("apic", r"apic-msi|ioapic"),
    ("other", r".*"),
)
NAMES = tuple(name for name, _ in CLASSES)


def classify(address, region):
    """Of an access, one of NAMES."""
    # The APIC's page takes messages for CPU 0, too
    if region == "apic-msi" and address - APIC_BASE not in APIC_REGISTERS:
        return "message"
    if region == "ims-testdev-stores" and address % STORE_VECTOR_SIZE in SLOT_REGISTERS:
        return "table"
    return next(name for name, pattern in CLASSES if re.fullmatch(pattern, region))


def count(lines):
    """Accesses between each mark and the next: a list of {class: number}."""
    phases = []
    for line in lines:
        match = ACCESS.match(line.strip())
        if not match:
            continue
        way, _, address, value, _, region = match.groups()
        if (way, region, int(value, 16)) == MARK:
            phases.append(collections.Counter())
        elif phases:
            phases[-1][classify(int(address, 16), region)] += 1
    # What comes after the last mark belongs to nobody
    return [{name: phase[name] for name in NAMES} for phase in phases[:-1]]


@contextlib.contextmanager
def traced(guest):
    """Within, accesses are traced; yields a function that returns count() so far."""
    with guest.tracing(EVENTS[0]) as reads, guest.tracing(EVENTS[1]):
        del reads
        start = guest.traced_so_far()

        def counted():
            with open(guest.trace_path, "rb") as log:
                log.seek(start)
                return count(log.read().decode(errors="replace").splitlines())

        yield counted
