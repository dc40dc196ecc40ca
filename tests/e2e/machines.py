# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The machines that a guest can be: what differs between architectures, and parents.

A port is a stock kernel of another version or architecture, see tools/port.sh. On each of
its machines it is one kernel of the end-to-end tests, NAME/MACHINE.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Machine:
    """What QEMU is told, and where the guest's kernel has things.

    console     device of the kernel's console, QEMU's first serial port
    agent       the second serial port
    serial      QEMU's arguments for that port, which is the chardev "agent"
    modules     what the tests load that is no module on x86, between virtio-irq and the others
    append      what the kernel has to be told
    routed      the CPU that a route goes to, by its address; None if that says nothing of it
    """
    machine: str
    cpu: str = "max"
    console: str = "ttyS0"
    agent: str = "/dev/ttyS1"
    serial: tuple = ("-serial", "chardev:agent")
    modules: tuple = ()
    append: tuple = ()
    routed: object = None
    # Nanoseconds from the end of one interrupt to the next one, for tests that fire as fast
    # as it goes: without it a CPU that TCG emulates may get to nothing else for longer than
    # the kernel's watchdogs wait
    gap: int = 0


def _apic_id(address):
    """APIC IDs are CPU numbers on our machines."""
    return (address >> 12) & 0xff


def _hart(address):
    """hw/riscv/virt.c has the page of supervisor interrupts of each hart at IMSIC_S."""
    return (address - 0x28000000) >> 12


# Its one UART of its own is the console
PCI_SERIAL = ("-device", "pci-serial,chardev=agent,addr=1")

X86 = Machine("q35", routed=_apic_id)
# Its one UART is the console. It has no timer whose frequency is known; with -icount that of the
# TSC is one for each nanosecond
MICROVM = Machine("microvm,pcie=on", routed=_apic_id, agent="/dev/vport*p1",
                  serial=("-device", "virtio-serial-device", "-device",
                          "virtserialport,chardev=agent,nr=1", "-icount", "shift=0,sleep=off"),
                  append=("tsc_early_khz=1000000",))
VIRT = {"modules": ("nvme",), "serial": PCI_SERIAL, "agent": "/dev/ttyS0", "gap": 500000}
MACHINES = {
    "x86_64": {"q35": X86},
    "arm64": {
        "v2m": Machine("virt,gic-version=2", cpu="cortex-a72", console="ttyAMA0", **VIRT),
        "its": Machine("virt,gic-version=3", cpu="cortex-a72", console="ttyAMA0", **VIRT),
        "smmu": Machine("virt,gic-version=3,iommu=smmuv3", cpu="cortex-a72", console="ttyAMA0",
                        **VIRT),
    },
    "riscv64": {
        # The console's UART is an 8250, too
        "imsic": Machine("virt,aia=aplic-imsic", cpu="rv64", routed=_hart,
                         **{**VIRT, "agent": "/dev/ttyS1"}),
    },
}


def kernels(port):
    """The kernels that a port is: one for each machine of its architecture."""
    return [f"{port}/{name}" for name in MACHINES[port.rpartition("-")[0]]]


def machine_of(kernel):
    """The machine of a kernel of the tests."""
    port, _, name = kernel.partition("/")
    return MACHINES[port.rpartition("-")[0]][name] if name else X86
