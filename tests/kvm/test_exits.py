# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""What the interrupts of a function that is passed through cost: exits to QEMU, by what they were
for. tools/bench has the numbers of each operation.
"""

import vmexits

VECTORS = 64
# What the controller's own requests may be: ALLOC, COMMIT and ACTIVATE for each vector, and what
# LAZY would put together if it could be offered here
CONTROLLER = {"alloc": 1, "request": 2 * VECTORS, "move": VECTORS, "free": 2 * VECTORS,
              "release": 1}

# A line of a trace, and what becomes of it
EXIT = " qemu-{task} [000] d..1. 1.5: kvm_exit: vcpu 0 reason {reason} rip 0xffffffff8109b6d8 info1 0x0"
MMIO = " qemu-{task} [000] ..... 1.5: kvm_mmio: mmio {way} len 4 gpa {address:#x} val 0x1"
MARK = " qemu-{task} [000] ..... 1.5: kvm_pio: pio_write at 0xf4 size 4 count 1 val 0x54534d49"
TO_QEMU = " qemu-{task} [000] ..... 1.5: kvm_userspace_exit: reason KVM_EXIT_MMIO (6)"


def counts(*lines):
    """Of a trace; the table is at 0xfe000000, the controller at 0xfd000000."""
    trace = vmexits.Trace(vmexits.Places(range(0xfe000000, 0xfe001000),
                                         [range(0xfd000000, 0xfd004000)]))
    for line in lines:
        trace.line(line)
    return list(trace.counts())


def test_exits_are_told_apart():
    """By address and by vCPU; a mark is nobody's."""
    before, first, second = counts(
        EXIT.format(task=7, reason="npf"), MMIO.format(task=7, way="write", address=0xfe000004),
        EXIT.format(task=7, reason="io"), MARK.format(task=7),
        EXIT.format(task=7, reason="npf"), EXIT.format(task=8, reason="hlt"),
        MMIO.format(task=7, way="write", address=0xfd003000), TO_QEMU.format(task=7),
        EXIT.format(task=7, reason="io"), MARK.format(task=7),
        EXIT.format(task=8, reason="npf"), MMIO.format(task=8, way="write", address=0xfed90080),
        EXIT.format(task=8, reason="npf"),
        MMIO.format(task=8, way="unsatisfied-read", address=0xfd000014))
    assert (before["table"], sum(before.values())) == (1, 1)
    assert (first["controller"], first["halt"], first["userspace"]) == (1, 1, 1)
    assert (second["controller"], second["status"], sum(second.values())) == (1, 1, 2)


def test_life(boot, rig):
    """Fewer exits to QEMU than there are today, and than with emulated interrupt remapping; to
    the controller no more than there are requests."""
    address = rig.devices.address("testdev")
    total = {}
    for contender in vmexits.CONTENDERS[:3]:
        guest = boot(**contender.guest(address))
        phases = vmexits.Counter(contender, guest, address).life(VECTORS)
        total[contender.name] = sum(phase[kind] for phase in phases.values()
                                    for kind in vmexits.COUNTED)
        print(contender.name, phases)
    for name, found in phases.items():
        assert found["controller"] <= CONTROLLER.get(name, 0), (name, found)
    assert total["virtio-irq"] < total["vfio-intel"] < total["vfio"]
