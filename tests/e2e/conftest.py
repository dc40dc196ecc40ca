# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Fixtures of the end-to-end tests.

Every guest's kernel log is checked when its test is over; what a test left in
its log directory stays until the next run.
"""

import os
import pathlib
import re
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
from devices import Devices  # noqa: E402
from guest import TOP, Guest  # noqa: E402

MODULES = ("virtio_irq", "virtio_blk", "virtio_net", "ims_testdev")


@pytest.fixture
def log_dir(request):
    """Where this test's logs go."""
    build = pathlib.Path(os.environ.get("BUILD", TOP / "build"))
    path = build / "e2e" / re.sub(r"[^A-Za-z0-9_.-]+", "-", request.node.name)
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


@pytest.fixture
def devices(log_dir):  # pylint: disable=redefined-outer-name
    """No functions yet: devices.nvme().testdev() adds some."""
    collection = Devices(log_dir)
    yield collection
    collection.close()


@pytest.fixture
def boot(log_dir, devices):  # pylint: disable=redefined-outer-name
    """boot(virq={...}, load=...): a running guest with the test's devices."""
    guests = []

    def start(virq=None, controller=True, load=MODULES, **keywords):
        """virq: properties of the controller, if there is to be one."""
        directory = log_dir / f"guest{len(guests)}" if guests else log_dir
        guest = Guest(directory, virq=(virq or {}) if controller else None,
                      devices=devices.devices, args=devices.args + keywords.pop("args", []),
                      load=load if controller else [m for m in load if m != "virtio_irq"],
                      **keywords)
        guests.append(guest)
        return guest.start()

    yield start
    try:
        for guest in guests:
            (guest.log_dir / "dmesg.log").write_text(guest.dmesg(), encoding="utf-8")
            guest.check_dmesg()
    finally:
        for guest in guests:
            guest.stop()
