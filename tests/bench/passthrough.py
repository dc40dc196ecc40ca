# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The exits of a guest that has a function of its host by VFIO, counted by the host's KVM.

The host is a guest itself, see tests/kvm/nested.py; its KVM and its VFIO are a stock kernel's.
"""

import contextlib
import statistics

from devices import Devices
from nested import L1, L2

import checks
import vmexits

# What is judged is the same in all of them
ROUNDS = 2


def typical(runs):
    """Of each count of each phase."""
    return {phase: {kind: statistics.median_low(run[phase][kind] for run in runs)
                    for kind in numbers}
            for phase, numbers in runs[0].items()}


def measure(directory, say=print):
    """{name of a contender: {phase: counts}}"""
    devices = Devices(directory).testdev(vectors=checks.VECTORS)
    host = L1(directory / "L1", devices=devices.devices, args=devices.args)
    address = devices.address("testdev")
    results = {}
    with contextlib.closing(devices), host:
        host.assign(address)
        for contender in vmexits.CONTENDERS:
            say(f"KVM and VFIO: {contender.title}")
            guest = L2(host, directory / contender.name, **contender.guest(address))
            with guest:
                counter = vmexits.Counter(contender, guest, address)
                results[contender.name] = typical([counter.life(checks.VECTORS)
                                                   for _ in range(ROUNDS)])
                guest.check_dmesg()
                guest.check_warnings()
        host.check_dmesg()
    return results
