# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""What one message costs the host, on its way from a function to the APIC.

No CPU runs: the function is told to write its message, over and over, and
callgrind counts the instructions from there to the end of QEMU's work on it.
"""

import os
import pathlib
import re
import shutil
import struct
import tempfile

import qtest
import virtio_irq

SENDS = 1000
# Everything that is done for a write to a register of the function
COUNTED = "ims_testdev_write"
# QEMU under callgrind takes a while to start, and longer on a busy machine
TIMEOUT = 300

SLOT, CONTROLLER_SLOT = 4, 3
EP = SLOT << 3
VECTOR = 0x41
ROUTE = 0xfee00000

# VT-d: registers, commands, and an entry of the table as Linux makes it
DMAR = 0xfed90000
GCMD, IRTA = 0x18, 0xb8
SIRTP, IRE = 1 << 24, 1 << 25
IRTE_PRESENT, IRTE_VECTOR_SHIFT, IRTE_VERIFY_SOURCE = 1, 16, 1 << 18
REMAPPABLE = 1 << 4

RAW_ADDR_LO, RAW_ADDR_HI, RAW_DATA, RAW_SEND, RAW_RESULT = 0x40, 0x44, 0x48, 0x4c, 0x50


def native(machine):
    """Straight to the APIC."""
    del machine
    return ROUTE, VECTOR


def intel(machine):
    """Through entry 0 of a remapping table, which names the function."""
    table = machine.alloc()
    machine.write(table, struct.pack("<QQ", IRTE_PRESENT | VECTOR << IRTE_VECTOR_SHIFT,
                                     IRTE_VERIFY_SOURCE | EP))
    machine.mmio_write(DMAR + IRTA, 8, table)
    machine.mmio_write(DMAR + GCMD, 4, SIRTP)
    machine.mmio_write(DMAR + GCMD, 4, IRE)
    return ROUTE | REMAPPABLE, 0


def paravirtual(machine):
    """As the pair that the controller hands out for the route."""
    function = qtest.Function(machine, CONTROLLER_SLOT).enable()
    controller = virtio_irq.Controller(qtest.PCITransport(function))
    controller.attach(EP)
    pair = controller.arm(EP, 0, VECTOR)
    return pair


CONTENDERS = {
    "native": (native, ()),
    "intel": (intel, ("-device", "intel-iommu,intremap=on")),
    "virtio-irq": (paravirtual, ("-device", f"virtio-irq-pci,id=irq,addr={CONTROLLER_SLOT}")),
}


def wrapper(directory, qemu):
    """A QEMU whose instructions are counted."""
    path = directory / "qemu"
    path.write_text("#!/bin/sh\nexec valgrind -q --tool=callgrind --collect-atstart=no "
                    f"--toggle-collect={COUNTED} --callgrind-out-file={directory}/out "
                    f"'{qemu}' \"$@\"\n")
    path.chmod(0o755)
    return str(path)


def send(machine, pair):
    """All messages; the last one must have been accepted."""
    function = qtest.Function(machine, SLOT).enable()
    address, data = pair
    function.write(0, RAW_ADDR_LO, address & 0xffffffff)
    function.write(0, RAW_ADDR_HI, address >> 32)
    function.write(0, RAW_DATA, data)
    for _ in range(SENDS):
        function.write(0, RAW_SEND, 1)
    assert function.read(0, RAW_RESULT) == 0, "the bus refused the message"


def pending(machine):
    """Vectors that wait in the APIC, as the monitor shows them."""
    text = machine.qmp.execute("human-monitor-command", command_line="info lapic 0")
    return [int(number) for number in
            re.findall(r"\d+", re.search(r"^IRR\s+(.*)$", text, re.M)[1])]


def measure_one(name, qemu):
    """Instructions for one message."""
    setup, arguments = CONTENDERS[name]
    directory = pathlib.Path(tempfile.mkdtemp(prefix="virq-delivery-"))
    before = qtest.QEMU, qtest.TIMEOUT
    qtest.QEMU, qtest.TIMEOUT = wrapper(directory, qemu), TIMEOUT
    try:
        machine = qtest.Machine(directory / "machine", *arguments, "-device",
                                f"ims-testdev,id=t0,addr={SLOT}", machine="q35")
        try:
            send(machine, setup(machine))
            assert pending(machine) == [VECTOR], "the message did not reach the APIC"
        finally:
            machine.stop()
        totals = re.search(r"^totals: (\d+)$", (directory / "out").read_text(), re.M)
        return round(int(totals[1]) / SENDS)
    finally:
        qtest.QEMU, qtest.TIMEOUT = before
        shutil.rmtree(directory, ignore_errors=True)


def measure(qemu, say=print):
    """{contender: {"instructions": of the host, for one message}}."""
    results = {}
    for name in CONTENDERS:
        say(f"{name}: delivery of a message")
        results[name] = {"instructions": measure_one(name, os.path.realpath(qemu))}
    return results
