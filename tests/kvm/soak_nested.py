# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Everything that may happen to a guest with a real KVM, whose functions are passed through."""

import books
from devices import Devices
from nested import L2
from rig import Rig
from soak import BOUNDS, MODULES, MSIX, VIRQ_TYPE, Soak
from testdev import Testdev

# Of a disk in memory of L1's
IMAGE, IMAGE_SIZE = "/run/soak.img", 16 << 20


class Functions(Devices):
    """Those of L2: NVMe and an ims-testdev, "far", are L1's; those with stores are QEMU's, as no
    kernel lets a program have messages for the stores of a function that is passed through."""

    def __init__(self, directory, rig):
        super().__init__(directory)
        self.rig = rig
        self.passed("nvme", "nvme")
        self.passed("far", "testdev")
        self.args += ["-drive", f"if=none,id=vblk-drive,format=raw,cache=unsafe,file={IMAGE}"]
        self.add("virtio-blk-pci", "vblk", drive="vblk-drive", **{"disable-legacy": "on"})
        self.testdev(**{"bar-slots": 64, "memory-slots": 64})

    def passed(self, name, outside):
        """A function of L1's."""
        self.add("vfio-pci", name, host=self.rig.devices.address(outside))

    def read(self, name, start, length):
        """The disks are further outside."""
        return self.rig.devices.read(name, start, length)


class NestedSoak(Soak):
    """The guest is L2, which stays as it is when L1's own vectors run out."""

    DRIVERS = {**Soak.DRIVERS, "far": "ims-testdev"}
    # Of the other one nobody outside of L1 knows what is on it
    SEEN = ("nvme",)
    LEFT = 2
    # One CPU of L1's has to handle them all
    GAP_NS = 500_000_000

    def __init__(self, directory, seed, say=print):
        self.rig = Rig(directory / "L1")
        self.far = None
        try:
            self.rig.l1.run(f"truncate -s {IMAGE_SIZE} {IMAGE}")
            devices = Functions(directory / "L2", self.rig)
            guest = L2(self.rig.l1, directory / "L2", virq={}, virq_type=VIRQ_TYPE,
                       devices=devices.devices, args=devices.args, load=MODULES, append=BOUNDS,
                       smp=2, memory=384, errors=["no interrupt for vector"])
            super().__init__(guest, devices, seed, say)
        except BaseException:
            self.rig.stop()
            raise

    def start_lan(self):
        """It is not outside of L1 that what it says could be counted."""

    def devs(self):
        if not self.far:
            self.far = Testdev(self.guest, self.devices.address("far"), "far")
        return [self.dev, self.far]

    def endpoints(self):
        return [self.devices.address(name) for name in ("vblk", "nvme", "testdev", "far")]

    def shortage(self):
        """L1 has next to no vectors left: who asks is told, and what others have goes on."""
        indices = self.some(MSIX)
        with self.traffic(("testdev",)):
            self.far.many([f"free {index}" for index in indices])
            # Not before the host has their vectors back
            books.assert_equal(self.guest)
            with self.rig.shortage.leaving(self.LEFT):
                errors = [reply.errno for reply in self.far.many(
                    [f"request {index}" for index in indices], check=False)]
        granted = min(self.LEFT, len(indices))
        assert errors == ["0"] * granted + ["ENOSPC"] * (len(indices) - granted), errors
        self.far.cmd("request-all")

    def actions(self):
        actions = super().actions()
        # What wakes the others up, and the port that a function comes to, are not there
        del actions[self.sleep], actions[self.plug]
        return {**actions, self.shortage: 3}

    def finish(self):
        super().finish()
        self.guest.check_warnings()
        self.guest.stop()
        self.rig.check(None)

    def stop(self):
        super().stop()
        self.rig.stop()
