# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Fixtures of the end-to-end tests.

Every guest's kernel log is checked when its test is over; what a test left in
its log directory stays until the next run.

A test that boots a guest can run on two kernels: the stock one with modules, and the
debug one with everything built in. By default all run on the stock kernel, and those
marked debug_kernel on the debug kernel as well; --kernel=stock and --kernel=debug are the
two halves of that. --kernel=debug-all has every test that can run on the debug kernel run
there. Marks say what cannot: stock_only, debug_only.

--port=NAME has those that are marked port run on that one instead, see machines.py.
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
from left import Left, note_outcome  # noqa: E402
from machines import kernels, machine_of  # noqa: E402

KERNELS = ("stock", "debug")
MODULES = ("virtio_irq", "virtio_blk", "virtio_net", "ims_testdev")


def pytest_addoption(parser):
    """Options of ours."""
    parser.addoption("--kernel", choices=["default", "stock", "debug", "debug-all"],
                     default="default", help="kernels that the guests run")
    parser.addoption("--port", help="a port to run on, its paths built; see machines.py")
    parser.addoption("--nightly", action="store_true", help="what takes minutes, too")


def pytest_configure(config):
    """Marks of ours."""
    config.addinivalue_line("markers", "debug_kernel: runs on the debug kernel every time")
    config.addinivalue_line("markers", "stock_only: needs what the debug kernel lacks, as modules")
    config.addinivalue_line("markers", "nightly: takes minutes, runs with --nightly")
    config.addinivalue_line("markers", "debug_only: needs what the stock kernel lacks")
    config.addinivalue_line("markers", "port: runs on every port, or on its machines of these names")


def pytest_generate_tests(metafunc):
    """Every test that boots, for every kernel."""
    if "kernel" in metafunc.fixturenames:
        port = metafunc.config.getoption("port")
        metafunc.parametrize("kernel", kernels(port) if port else KERNELS)


def selected_for_port(item):
    """Is the test to run on the port, on the machine that it is for?"""
    mark = item.get_closest_marker("port")
    if mark is None:
        return False
    machine = item.callspec.params["kernel"].partition("/")[2]
    return not mark.args or machine in mark.args


def selected(item, wanted):
    """Is the test to run with that --kernel?"""
    if item.config.getoption("port"):
        return selected_for_port(item)
    if "kernel" not in item.fixturenames:
        return wanted in ("default", "stock")
    kernel = item.callspec.params["kernel"]
    if kernel == "stock":
        return wanted in ("default", "stock") and not item.get_closest_marker("debug_only")
    if wanted == "stock" or item.get_closest_marker("stock_only"):
        return False
    return wanted == "debug-all" or any(item.get_closest_marker(mark)
                                        for mark in ("debug_kernel", "debug_only"))


def pytest_collection_modifyitems(config, items):
    """Leave out what is not for the kernels wanted."""
    wanted = config.getoption("kernel")
    nightly = config.getoption("nightly")
    left = [item for item in items if not selected(item, wanted) or
            item.get_closest_marker("nightly") and not nightly]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]


def pytest_runtest_makereport(item, call):
    """A hook of pytest's."""
    note_outcome(item, call)


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


class Boot:
    """boot(virq={...}, load=...): a running guest with the test's devices."""

    def __init__(self, node, log_dir, devices, kernel, left):
        # pylint: disable=redefined-outer-name,too-many-arguments
        self.node = node
        self.log_dir = log_dir
        self.devices = devices
        self.kernel = kernel
        self.left = left
        self.guests = []
        self.restore = self.words = None

    def __call__(self, virq=None, controller=True, load=MODULES, **keywords):
        """virq: properties of the controller, if there is to be one."""
        directory = self.log_dir / f"guest{len(self.guests)}" if self.guests else self.log_dir
        load = (*load[:1], *machine_of(self.kernel).modules, *load[1:])
        guest = Guest(directory, virq=(virq or {}) if controller else None,
                      virq_type=keywords.pop("virq_type", "virtio-irq-test-pci"),
                      devices=self.devices.devices,
                      args=self.devices.args + keywords.pop("args", []),
                      load=load if controller else [m for m in load if m != "virtio_irq"],
                      kernel=self.kernel, **keywords)
        self.guests.append(guest)
        return guest.start()

    def shared(self, restore):
        """The test's only guest, with nothing out of the ordinary, perhaps the one that the test
        before has left. restore(guest) makes it as it was, when the test has passed."""
        assert not self.guests
        words = (self.kernel, self.devices.devices, self.devices.args)
        guest = self.left.take(words)
        if guest:
            self.guests.append(guest)
            (self.log_dir / "log").write_text(f"{guest.log_dir}\n", encoding="utf-8")
        else:
            other = self.left.drop()
            if other:
                other.stop()
            guest = self()
        self.restore, self.words = restore, words
        return guest

    def _check(self):
        for guest in self.guests:
            (guest.log_dir / "dmesg.log").write_text(guest.dmesg(), encoding="utf-8")
            guest.check_dmesg()

    def end(self):
        """Check all that there are, and end them unless they are left for others."""
        try:
            self._check()
            if self.restore and getattr(self.node, "passed", False):
                guest, = self.guests
                self.restore(guest)
                guest.forget_dmesg()
                self.left.leave(guest, self.words)
                self.guests = []
        finally:
            for guest in self.guests:
                guest.stop()


@pytest.fixture(scope="module")
def left():
    """A guest that the tests of a file may share, one after the other."""
    between = Left()
    yield between
    guest = between.drop()
    if guest:
        guest.stop()


@pytest.fixture
def boot(request, log_dir, devices, kernel, left):  # pylint: disable=redefined-outer-name
    """Start guests."""
    starter = Boot(request.node, log_dir, devices, kernel, left)
    yield starter
    starter.end()
