# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""What there is today, without virtio-irq: functions passed through by VFIO to a KVM guest.

The last tests are of what the project exists for. They hold facts about QEMU that are
wrong: who mends them upstream will find them failing here. make demo-kvm shows the same.
"""

import pytest

from nested import FileShortage
from rig import GROWTH, SHOTS, fire_each, grow_under_fire, request_one_by_one
from scenario import read_disk, write_disk
from testdev import Testdev

VECTORS = 8
DISK = "/dev/nvme0n1"
# Of ims-testdev in L1's QEMU
DEVICE = "/machine/peripheral/testdev"
# Of vfio_msix_vector_do_use() in QEMU, which is all that comes of a refusal
REFUSED = (r"vfio: failed to enable vectors, -\d+"
           "|Failed to set up TRIGGER eventfd signaling .* No space left on device")


@pytest.mark.nightly
def test_nvme(boot, rig):
    """A disk: every byte arrives, and its interrupts come."""
    guest = boot(devices=rig.vfio("nvme"), smp=2)
    guest.run(f"until [ -e {DISK} ]; do usleep 100000; done")
    write_disk(guest, rig.devices, "nvme", DISK)
    read_disk(guest, rig.devices, "nvme", DISK, size=16 << 20)
    irqs = guest.interrupts(chip=rig.devices.address("nvme"))
    assert irqs and sum(irq.total for irq in irqs) > 0 and not any(irq.virtual for irq in irqs)


def test_function_is_reset(boot, rig, l1):
    """All vectors of ims-testdev work, and what it is left with is gone before the next guest."""
    guest = boot(devices=rig.vfio("testdev"), load=["ims_testdev"])
    testdev = Testdev(guest, rig.devices.address("testdev"))
    testdev.cmd("alloc msix 16 16")
    testdev.cmd("request-all")
    assert testdev.fire_and_wait(10)["handled"] == 160
    testdev.cmd("mask 3")
    testdev.cmd("fire 3 5")
    assert (l1.get("fired-total", DEVICE), l1.get("owed-total", DEVICE)) == (161, 4)
    boot.end()
    assert (l1.get("fired-total", DEVICE), l1.get("owed-total", DEVICE)) == (0, 0)


@pytest.mark.nightly
def test_growth_under_fire(boot, rig):
    """QEMU turns the host's MSI-X off and on again for each vector that is added, and what the
    others have to say meanwhile is lost: the function does not keep it."""
    guest = boot(devices=rig.vfio("testdev"), load=["ims_testdev"])
    sums = grow_under_fire(Testdev(guest, rig.devices.address("testdev")), GROWTH, SHOTS)
    assert sums["fired"] == SHOTS and sums["handled"] == SHOTS - sums["abandoned"]
    assert sums["abandoned"] > 0


def test_host_without_vectors(boot, rig):
    """request_irq() returns 0 for what the host cannot do. The interrupt does not come, those
    that came before do not come any more, and the end of the shortage changes nothing."""
    guest = boot(devices=rig.vfio("testdev"), load=["ims_testdev"], errors=[REFUSED])
    testdev = Testdev(guest, rig.devices.address("testdev"))
    left = 4
    with rig.shortage.leaving(left):
        errors, came = request_one_by_one(testdev, VECTORS)
    assert errors == ["0"] * VECTORS
    assert came[:left] == [[1] * (index + 1) for index in range(left)]
    assert came[left:] == [[0] * (index + 1) for index in range(left, VECTORS)]
    assert len(guest.warnings()) == VECTORS - left
    assert fire_each(testdev, VECTORS) == [0] * VECTORS


@pytest.mark.nightly
def test_host_without_file_descriptors(boot, rig):
    """The same for RLIMIT_NOFILE of QEMU, which wants two for each vector."""
    guest = boot(devices=rig.vfio("testdev"), load=["ims_testdev"], setup=FileShortage.SETUP,
                 errors=[REFUSED, "vfio: Error: event_notifier_init failed"])
    testdev = Testdev(guest, rig.devices.address("testdev"))
    shortage = FileShortage(guest)
    left = 4
    shortage.leave_only(2 * left)
    errors, came = request_one_by_one(testdev, VECTORS)
    assert errors == ["0"] * VECTORS
    assert came[:left] == [[1] * (index + 1) for index in range(left)]
    assert came[left:] == [[0] * (index + 1) for index in range(left, VECTORS)]
    shortage.end()
    assert fire_each(testdev, VECTORS) == [0] * VECTORS


@pytest.mark.nightly
def test_nvme_on_a_host_without_vectors(boot, rig):
    """An unmodified driver is told that it has all its vectors, waits for commands until they time
    out, and ends with a disk that it cannot use, or can use slowly."""
    with rig.shortage.leaving(2):
        guest = boot(devices=rig.vfio("nvme"), smp=4, errors=[REFUSED],
                     append="nvme_core.admin_timeout=2 nvme_core.io_timeout=2")
        guest.run(f"until [ -e {DISK} ] || dmesg | grep -q 'nvme0: IO queues not created'; do "
                  "sleep 1; done", timeout=100)
        assert "completion polled" in guest.dmesg()
        assert any("failed to enable vectors" in line for line in guest.warnings())
