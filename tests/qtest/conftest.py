# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Every test gets QEMUs through the fixture start, and none survives it."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

import qtest  # noqa: E402  pylint: disable=wrong-import-position,import-error


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
