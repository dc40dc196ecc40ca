# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""samples/virtio-irq: the driver that a driver author begins with."""

import pytest
from host import Host

pytestmark = pytest.mark.stock_only

QUEUES = 4
LOAD = ("virtio_irq", "ims_sample")


class Sample:
    """A guest with one device of the sample's, and what sysfs has of it."""

    def __init__(self, boot, devices, slots=16, **keywords):
        devices.testdev(**{"bar-slots": slots})
        self.guest = boot(load=LOAD, **keywords)
        self.address = devices.address("testdev")

    def read(self, name):
        """An attribute."""
        return self.guest.read(f"/sys/bus/pci/devices/{self.address}/{name}").split()

    def ring(self, times, queues=QUEUES):
        """The doorbell of every queue, and each interrupt is handled."""
        done = int(self.read("done")[0])
        self.guest.write(f"/sys/bus/pci/devices/{self.address}/ring", str(times))
        wanted = done + times * queues
        self.guest.wait_until(lambda: int(self.read("done")[0]) >= wanted, "all is handled")
        assert int(self.read("done")[0]) == wanted

    def interrupts(self):
        """Its lines of /proc/interrupts."""
        return self.guest.interrupts(action="ims-sample")


def test_store(boot, devices):
    """Queues have their messages in slots; the driver goes, comes again, nothing is left."""
    sample = Sample(boot, devices)
    host = Host(sample.guest)
    assert sample.read("queues") == [str(QUEUES), "store"]
    assert len(sample.interrupts()) == QUEUES
    sample.ring(1000)
    assert {vector["store"] for vector in sample.guest.get("vectors")} == {1}
    for irq in sample.interrupts():
        sample.guest.write(f"/proc/irq/{irq.number}/smp_affinity_list", "1")
    sample.ring(1000)
    sample.guest.unbind(sample.address)
    sample.guest.wait_until(lambda: not host.allocated(), "all is given back", 5)
    sample.guest.bind("ims-sample", sample.address)
    sample.ring(1000)
    assert host.blocked() == 0


def test_refused(boot, devices):
    """What the host refuses is a queue less, and said."""
    sample = Sample(boot, devices, virq={"commit-quota": 3})
    assert sample.read("queues") == ["3", "store"]
    assert any("3 of 4 queues: -EDQUOT" in line for line in sample.guest.dmesg().splitlines())
    sample.ring(100, 3)


@pytest.mark.parametrize("slots, controller", [(16, False), (0, True)])
def test_without_store(boot, devices, slots, controller):
    """Nobody serves the store, or there is none: MSI-X does it."""
    sample = Sample(boot, devices, slots, controller=controller)
    assert sample.read("queues") == [str(QUEUES), "msix"]
    sample.ring(1000)
    chips = {irq.chip for irq in sample.interrupts()}
    assert all(chip.startswith("VIRTIO-") for chip in chips) == controller
