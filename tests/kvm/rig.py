# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The host that the tests and the demonstration use, and steps that they share."""

from devices import MIB, Devices
from nested import L1, VectorShortage, vfio

# Vectors that are requested under fire, and how often they fire in all
GROWTH = 16
SHOTS = 8000

# A file in L1, see the fixture disk
DISK = "/run/disk.img"

# Of L1: more than its CPU has vectors for
SPARE_VECTORS = 256


class Rig:
    """L1 and its functions: nvme and testdev are for L2, spare is for making a shortage.

    testdev keeps nothing of what it has to say while MSI-X is off.
    """

    def __init__(self, directory):
        self.devices = (Devices(directory).nvme(size=64 * MIB)
                        .testdev(**{"drop-disabled": "on"})
                        .testdev("spare", vectors=SPARE_VECTORS))
        self.l1 = L1(directory, devices=self.devices.devices, args=self.devices.args)
        try:
            self.l1.start()
            for name in ("nvme", "testdev"):
                self.l1.assign(self.devices.address(name))
        except BaseException:
            self.stop()
            raise
        self.shortage = VectorShortage(self.l1, self.devices.address("spare"), SPARE_VECTORS)

    def vfio(self, *names, **properties):
        """QEMU's devices for L2, at the addresses that they have in L1."""
        return [vfio(name, self.devices.address(name), **properties) for name in names]

    def check(self, guest):
        """L1 is well, and has nothing left of an L2, or of one only that it has, with no vectors."""
        (self.l1.log_dir / "dmesg.log").write_text(self.l1.dmesg(), encoding="utf-8")
        self.l1.check_dmesg()
        assert not self.l1.interrupts(action="vfio"), "VFIO still has interrupts"
        guests = self.l1.run("ls /sys/kernel/debug/kvm | grep -- -", check=False).out.split()
        assert len(guests) == bool(guest), f"KVM still has {guests}"

    def stop(self):
        """End it."""
        self.l1.stop()
        self.devices.close()


def fire_each(testdev, count, timeout_ms=3000):
    """Fire once on each of the first vectors; how many of these interrupts came, by vector."""
    before = testdev.vectors()
    testdev.cmd(f"fire-all 1 0 {count}")
    testdev.cmd(f"wait {timeout_ms} 0 {count}", check=False)
    after = testdev.vectors()
    return [after[index]["handled"] - before[index]["handled"] for index in range(count)]


def grow_under_fire(testdev, count, shots):
    """Request vectors one after the other and have each fire from then on, so many times in all.
    The sums over all of them, when it is over."""
    testdev.cmd(f"alloc msix {count} {count}")
    # They fire by themselves then, whether or not the guest runs
    testdev.cmd("gap 10000000")
    for index in range(count):
        testdev.cmd(f"request {index}")
        testdev.cmd(f"fire {index} {shots // count}")
    return testdev.wait(900000)


def request_one_by_one(testdev, count):
    """Request vectors one after the other, fire on all that there are after each. Returns the
    errors of request_irq(), and what came, after each."""
    testdev.cmd(f"alloc msix {count} {count}")
    errors, came = [], []
    for index in range(count):
        errors.append(testdev.cmd(f"request {index}", check=False).errno)
        came.append(fire_each(testdev, index + 1))
    return errors, came
