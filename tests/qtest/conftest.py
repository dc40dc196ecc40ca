# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Every test gets QEMUs through the fixture start, and none survives it."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

# pylint: disable=wrong-import-position,import-error
import qtest  # noqa: E402
from rig import EP, EVENTS, Rig  # noqa: E402


@pytest.fixture
def start(tmp_path):
    """start("-device", ...): a QEMU without CPUs; its end is checked."""
    machines = []

    def run(*arguments, **keywords):
        machine = qtest.Machine(tmp_path / f"qemu{len(machines)}", *arguments, **keywords)
        machines.append(machine)
        return machine

    yield run
    for machine in machines:
        machine.stop()


@pytest.fixture
def rig(start):  # pylint: disable=redefined-outer-name
    """The usual machine."""
    return Rig(start)


@pytest.fixture
def erig(start):  # pylint: disable=redefined-outer-name
    """The same with a driver that has events, and two vectors."""
    found = Rig(start, features=EVENTS, testdev=",bar-slots=8")
    found.ctl.attach(EP)
    found.pairs = [found.ctl.arm(EP, 0), found.ctl.arm(EP, 1, data=0x41)]
    return found
