# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Another kernel takes over, in order or after a panic, and the old one's vectors still fire."""

import time

import pcie
import pytest
from guest import Artifacts
from host import Host
from power import OtherKernel
from scenario import cycle_cpu
from test_faults import BOUNDS
from testdev import Store, Testdev

pytestmark = pytest.mark.stock_only

SLOTS = 16
# As in ims_testdev_regs.h
SLOT_SIZE, FIRE, CLAIM, CTRL = 0x40, 0x00, 0x0c, 0x2c

BOOT_SECONDS = 90


class Takeover:
    """A guest with a function whose slots hold pairs, and which no other kernel stops: only the
    PCI core's MSI-X is switched off when a kernel finds it."""

    def __init__(self, boot, devices, **keywords):
        devices.testdev(**{"bar-slots": SLOTS})
        OtherKernel(Artifacts.find(), devices)
        self.guest = boot(memory=768, **keywords)
        self.host = Host(self.guest)
        address = devices.address("testdev")
        self.dev = Testdev(self.guest, address)
        self.store = Store(self.guest, address, Store.SLOTS)
        self.use()

    def use(self):
        """All slots are requested, and work."""
        self.store.cmd("open")
        self.store.many([f"{what} {index}" for index in range(SLOTS)
                         for what in ("add", "request")])
        self.store.cmd("fire-all 10")
        self.store.settle()

    def forgotten(self):
        """The new kernel's driver has reset the controller."""
        return not self.host.vectors(self.dev.endpoint)

    def fire_raw(self):
        """Have each slot send its pair, and once more, by a CPU's access."""
        pcie.enable(self.guest, self.dev.address)
        base = pcie.bar(self.guest, self.dev.address, 2)
        slots = " ".join(f"{base + index * SLOT_SIZE:#x}" for index in range(SLOTS))
        self.guest.run(f"for slot in {slots}; do devmem $((slot + {CTRL})) 32 0; "
                       f"devmem $((slot + {FIRE})) 32 2; devmem $((slot + {CLAIM})) 32; done")

    def check_harmless(self, sent):
        """Nobody noticed the messages that the old kernel's vectors sent."""
        cycle_cpu(self.guest)
        self.guest.check_dmesg()
        raw = self.host.raw()
        assert raw["live"] == 0
        assert raw["inert"] >= sent

    def check_works(self):
        """The new kernel has its interrupts from the controller."""
        self.guest.insmod("virtio_irq")
        self.guest.insmod("ims_testdev")
        self.use()
        self.guest.check_dmesg()


def test_crash(boot, devices):
    """A crash kernel finds the controller in use, and is not hit by what still fires."""
    machine = Takeover(boot, devices, append="crashkernel=160M")
    guest = machine.guest
    # One CPU until the other one is wanted. The boot CPU cannot be started a second time.
    OtherKernel.load(guest, ("/dev/vda", "/dev/vdb"), "load=virtio_irq maxcpus=1", crash=True)
    guest.run("echo 1 > /proc/sys/kernel/sysrq")
    guest.run("setsid sh -c 'sleep 1; taskset 1 sh -c \"echo c > /proc/sysrq-trigger\"' "
              "</dev/null >/dev/null 2>&1 &")
    guest.wait_until(machine.forgotten, "the crash kernel's driver resets the controller",
                     BOOT_SECONDS)
    for index in range(SLOTS):
        guest.set("fire", f"1:{index},1", machine.dev.qom)
    guest.await_agent("the crash kernel does not boot")
    assert "crashkernel" not in guest.read("/proc/cmdline")
    machine.fire_raw()
    # The host's own are flow-controlled: a slot whose message nobody took sends no other one
    machine.check_harmless(2 * SLOTS)
    machine.check_works()


def test_kexec(boot, devices):
    """After an orderly shutdown the controller stays reset, even with moves to be made good."""
    devices.testdev("slow", addr="1")
    machine = Takeover(boot, devices, virq={"scope": "0000:00:03.0-0000:00:1f.7"},
                       append=f"{BOUNDS} ims_testdev.shutdown_ms=3000")
    guest, host = machine.guest, machine.host
    # It has no driver for what was served, whose native messages would be live ones
    OtherKernel.load(guest, ("/dev/vda", "/dev/vdb"))
    guest.set("mute", "stall")
    for index in range(4):
        machine.store.cmd(f"move {index} {1 - machine.store.vectors()[index]['affinity']}")
    guest.run("setsid sh -c 'sleep 1; kexec start' </dev/null >/dev/null 2>&1 &")
    guest.wait_until(lambda: host.stats()["endpoints"] == 0, "the controller is reset", 60)
    # Shut down after the controller, a function that is not served takes its time
    guest.set("mute", "off")
    kicks = host.stats()["kicks"]
    end = time.monotonic() + 2
    while time.monotonic() < end:
        assert host.stats()["endpoints"] == 0, "the host was asked after the shutdown"
        time.sleep(0.1)
    guest.await_agent("the other kernel does not boot")
    stats = host.stats()
    assert (stats["endpoints"], stats["kicks"]) == (0, kicks)
    machine.fire_raw()
    machine.check_harmless(2 * SLOTS)
    machine.check_works()
