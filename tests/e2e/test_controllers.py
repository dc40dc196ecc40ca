# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""More than one controller, and a parent that is none of ours."""

import re

import pytest
from guest import Guest, GuestError, option
from scenario import write_disk
from testdev import Testdev


def second(scope=None):
    """QEMU's arguments for another controller."""
    properties = {"id": "other", "addr": "1e"}
    if scope:
        properties["scope"] = scope
    return ["-device", option("virtio-irq-pci", properties)]


def test_two_controllers(boot, devices):
    """Each one serves its part. The other one's own function is in there, and stays as it is: no
    advice is given to bind that again, which would take all that it serves with it."""
    devices.testdev("one").testdev("two", addr="1")
    guest = boot(virq={"scope": "0000:00:03.0-0000:00:1e.7"},
                 args=second("0000:00:01.0-0000:00:02.7"))
    for name, path in (("one", "virq"), ("two", "other")):
        dev = Testdev(guest, devices.address(name), name)
        dev.cmd("alloc msix 4 4")
        dev.cmd("request-all")
        assert dev.fire_and_wait(20)["handled"] == 80
        vectors = guest.get("vectors", f"/machine/peripheral/{path}")
        assert [vector["endpoint"] for vector in vectors] == [dev.endpoint] * 4
    lines = [line for line in guest.dmesg().splitlines() if "has interrupts already" in line]
    assert not lines, "\n".join(lines)


def test_overlapping_scopes(log_dir):
    """Two that serve the same function are a mistake: QEMU does not start, and says whose."""
    for one, other in ((None, None), (None, "0000:00:05.0"),
                       ("0000:00:03.0-0000:00:06.0", "0000:00:06.0-0000:00:08.0")):
        guest = Guest(log_dir, virq={"scope": one} if one else {}, args=second(other))
        with pytest.raises(GuestError, match="QEMU (has )?ended") as error:
            try:
                guest.start()
            finally:
                guest.stop()
        assert "virq" in str(error.value) and "scope" in str(error.value), (one, other)


@pytest.mark.stock_only
def test_interrupt_remapping(boot, devices):
    """A parent that claims isolation is not served; one line says so, and all works natively."""
    devices.virtio_blk().testdev()
    guest = boot(machine="q35,kernel-irqchip=split",
                 buses=[("intel-iommu", {"intremap": "on"})])
    assert "Enabled IRQ remapping" in guest.dmesg(), "this guest has no interrupt remapping"
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 4 4")
    dev.cmd("request-all")
    assert dev.fire_and_wait(20)["handled"] == 80
    write_disk(guest, devices, "vblk", "/dev/vda", size=1 << 20)
    assert not [irq for irq in guest.interrupts() if irq.virtual]
    lines = [line for line in guest.dmesg().splitlines()
             if re.search(r"virtio_irq virtio.*remap", line)]
    assert len(lines) == 1, lines
