# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Functions that the device vouches for: what is blocked, and who is vouched for."""

import pytest

import qtest
import virtio_irq as v
from rig import EP, OTHER, Rig

ISOLATED = 1
FEATURES = 1 << v.F_LAZY | 1 << v.F_ISOLATED
# Without interrupt remapping, as a guest has it that virtio-irq is for
VIOMMU = ("-device", "intel-iommu,intremap=off")


@pytest.mark.parametrize("options, extra, features, isolated", [
    ("", VIOMMU, FEATURES, True), (",isolation=off", VIOMMU, 1 << v.F_LAZY, False),
    ("", VIOMMU, 1 << v.F_LAZY, False), ("", (), FEATURES, False),
], ids=["isolated", "off", "not-negotiated", "no-iommu"])
def test_every_message(start, options, extra, features, isolated):
    """An isolated function has its pairs and nothing else of the window; any other has what it
    had before."""
    rig = Rig(start, options, extra=extra, features=features, machine="q35")
    offered = rig.ctl.transport.device_features() >> v.F_ISOLATED & 1
    assert offered == (options == "")
    flags, _ = rig.ctl.attach(EP)
    assert flags == (ISOLATED if isolated else 0)
    pair = rig.ctl.arm(EP, 0)
    rig.dev.send(pair)
    # At its place another data value, and every other place: interrupts of all kinds
    rig.dev.send((pair[0], pair[1] ^ 1))
    others = [v.WINDOW[0] + (page << 12) + offset for page in range(256)
              for offset in (0, 8, 0xb0, 0xff0)]
    for address in others:
        assert rig.dev.send((address, 0x41)) == 0
    verdict = "unknown" if isolated else "pass"
    assert rig.messages() == {"delivered": 1, "freed": 1, verdict: len(others)}
    # Until it is detached
    rig.ctl.ok(v.detach(EP))
    rig.dev.send((v.WINDOW[0] + 0x1000, 0x41))
    assert rig.messages()[verdict] == len(others)


def test_neighbour(start):
    """Another function of the same controller is not the worse for it."""
    rig = Rig(start, extra=VIOMMU, features=FEATURES, machine="q35")
    assert rig.ctl.attach(EP)[0] == ISOLATED
    rig.other.send((v.WINDOW[0] + 0x1000, 0x41))
    assert rig.messages() == {}
    assert rig.ctl.attach(OTHER)[0] == ISOLATED
    rig.other.send((v.WINDOW[0] + 0x1000, 0x41))
    assert rig.messages() == {"unknown": 1}
    # Nor has it what the first one has
    rig.other.send(rig.ctl.arm(EP, 0))
    assert rig.messages() == {"unknown": 1, "freed": 1}


DISK = ("-blockdev", "null-co,node-name=d,read-zeroes=on")


@pytest.mark.parametrize("device, isolated", [
    ("nvme,drive=d,serial=1", True), ("e1000e", True), ("qemu-xhci", True),
    ("virtio-blk-pci,drive=d,iommu_platform=on,disable-legacy=on", True),
    ("virtio-net-pci,iommu_platform=on,disable-legacy=on", True),
    # All of memory is theirs, whatever an IOMMU says
    ("virtio-blk-pci,drive=d,disable-legacy=on", False),
    ("virtio-net-pci,disable-legacy=on", False),
    # Nobody has looked at how they do it
    ("edu", False),
])
def test_who_is_vouched_for(start, device, isolated):
    """Only functions of which it is known that they have no other way to memory."""
    extra = (*VIOMMU, *(DISK if "drive=" in device else ()), "-device", f"{device},addr=8")
    rig = Rig(start, extra=extra, features=FEATURES, machine="q35")
    qtest.Function(rig.machine, 8).enable()
    assert rig.ctl.attach(8 << 3)[0] == (ISOLATED if isolated else 0)
