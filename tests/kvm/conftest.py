# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Fixtures of the tests with a real KVM, which runs in a guest: see nested.py.

All tests use one L1, which is booted when the first one asks for it. If it has crashed or
hangs, or a test has left something in its kernel log, that test has failed, and the next one
gets a new L1. Tests that want the same L2, and leave it as it was, use one as well.
"""

import os
import pathlib
import re
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

# pylint: disable=wrong-import-position
from guest import TOP, GuestError  # noqa: E402
from left import Left, note_outcome  # noqa: E402
from nested import L2  # noqa: E402
from rig import DISK, Rig  # noqa: E402


def new_directory(name):
    """An empty one for logs, which stay until the next run."""
    build = pathlib.Path(os.environ.get("BUILD", TOP / "build"))
    path = build / "kvm" / re.sub(r"[^A-Za-z0-9_.-]+", "-", name)
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def pytest_addoption(parser):
    """Options of ours."""
    parser.addoption("--nightly", action="store_true", help="also what has nothing of ours in it")


def pytest_configure(config):
    """Marks of ours."""
    config.addinivalue_line("markers", "nightly: runs with --nightly")


def pytest_collection_modifyitems(config, items):
    """Leave out what is not wanted."""
    if config.getoption("nightly"):
        return
    left = [item for item in items if item.get_closest_marker("nightly")]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]


def pytest_runtest_makereport(item, call):
    """A hook of pytest's."""
    note_outcome(item, call)


class Rigs:
    """One L1 after the other."""

    def __init__(self):
        self.count = 0
        self.current = None
        self.left = Left()

    def get(self):
        """The L1 that runs."""
        if self.current is None:
            self.current = Rig(new_directory(f"L1-{self.count}"))
            self.count += 1
        return self.current

    def drop(self):
        """The next one gets another."""
        # It goes with its L1
        self.left.drop()
        if self.current is not None:
            self.current.stop()
            self.current = None


@pytest.fixture(scope="session")
def rigs():
    """For all tests."""
    collection = Rigs()
    yield collection
    collection.drop()


@pytest.fixture
def rig(rigs):  # pylint: disable=redefined-outer-name
    """L1, which is well before and after the test."""
    current = rigs.get()
    yield current
    try:
        current.check(rigs.left.guest)
    except BaseException:
        rigs.drop()
        raise


@pytest.fixture
def l1(rig):  # pylint: disable=redefined-outer-name
    """The host."""
    return rig.l1


class Boot:
    """boot(devices=rig.vfio("nvme"), load=...): a running L2, the only one."""

    def __init__(self, rigs, l1, node):  # pylint: disable=redefined-outer-name
        self.rigs = rigs
        self.l1 = l1
        self.node = node
        self.directory = new_directory(node.name)
        self.count = 0
        self.guest = None
        self.restore = self.words = None

    def shared(self, restore, **keywords):
        """An L2 like that, perhaps the one that the test before has left.

        restore(guest) makes it as it was, when the test has passed.
        """
        self.end()
        self.guest = self.rigs.left.take(keywords)
        if self.guest:
            (self.directory / "log").write_text(f"{self.guest.log_dir}\n", encoding="utf-8")
        else:
            self(**keywords)
        self.restore, self.words = restore, keywords
        return self.guest

    def __call__(self, **keywords):
        self.end()
        other = self.rigs.left.drop()
        if other:
            self._stop(other)
        directory = self.directory / f"guest{self.count}" if self.count else self.directory
        self.count += 1
        self.guest = L2(self.l1, directory, **keywords)
        return self.guest.start()

    def end(self):
        """Check the one that runs, and end it if it is nobody else's."""
        guest, self.guest = self.guest, None
        restore, self.restore = self.restore, None
        if guest is None:
            return
        left = False
        try:
            if guest.alive():
                (guest.log_dir / "dmesg.log").write_text(guest.dmesg(), encoding="utf-8")
                guest.check_dmesg()
                if restore and getattr(self.node, "passed", False):
                    restore(guest)
                    left = True
            guest.check_warnings()
        except BaseException:
            left = False
            raise
        finally:
            if left:
                self.rigs.left.leave(guest, self.words)
            else:
                self._stop(guest)

    def _stop(self, guest):
        try:
            guest.stop()
        except (GuestError, AssertionError):
            self.rigs.drop()
            raise


@pytest.fixture
def boot(l1, request, rigs):  # pylint: disable=redefined-outer-name
    """Start L2s, one after the other."""
    starter = Boot(rigs, l1, request.node)
    yield starter
    starter.end()


@pytest.fixture
def disk(l1):  # pylint: disable=redefined-outer-name
    """A file in L1 with random data; its checksum."""
    l1.run(f"dd if=/dev/urandom of={DISK} bs=1M count=8 2>/dev/null")
    yield l1.run(f"sha256sum < {DISK}").out.split()[0]
    l1.run(f"rm {DISK}")
