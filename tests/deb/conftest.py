# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Fixtures of the tests of the package: tools/test-deb runs them, which builds what they need.

The first test of each Debian has the package installed, which takes longest, and tells how it
goes. Logs are in the build directory's deb-test/SUITE.
"""

import os
import pathlib
import sys
import time

import pytest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "deb"), str(TESTS / "e2e")]

# pylint: disable=wrong-import-position
from debian import TOP, Installed  # noqa: E402

BEGIN = time.monotonic()


ROOTS = ("virtio-blk", "nvme")


def named(metafunc, mark, names):
    """Those that the test is for."""
    found = metafunc.definition.get_closest_marker(mark)
    return [name for name in names if not found or name in found.args]


def pytest_configure(config):
    """Marks of ours."""
    config.addinivalue_line("markers", "suites: only in these")
    config.addinivalue_line("markers", "roots: only with a root disk of these kinds")


def pytest_generate_tests(metafunc):
    """Everything, for every Debian that was made, and for both kinds of root disks."""
    images = os.environ.get("DEBIAN_IMAGES", "")
    if not images or "DEB" not in os.environ or "QEMU" not in os.environ:
        pytest.exit("tools/test-deb runs these tests", 4)
    if "suite" in metafunc.fixturenames:
        # pytest 7 asks whether it is the same object before it keeps a guest
        suites = [sys.intern(word.partition("=")[0]) for word in images.split()]
        metafunc.parametrize("suite", named(metafunc, "suites", suites), scope="session")
    if "root" in metafunc.fixturenames:
        metafunc.parametrize("root", named(metafunc, "roots", ROOTS), scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """One guest after the other; tests of a guest as they are written."""
    def place(item):
        params = item.callspec.params
        return (params["suite"], ROOTS.index(params["root"]) if "root" in params else len(ROOTS),
                item.function.__code__.co_firstlineno)
    items.sort(key=place)


@pytest.fixture(name="tell", scope="session")
def progress(request):
    """Says something to who waits, at once."""
    manager = request.config.pluginmanager.getplugin("capturemanager")

    def tell(text):
        with manager.global_and_fixture_disabled():
            minutes, seconds = divmod(int(time.monotonic() - BEGIN), 60)
            print(f"\n  test-deb: [{minutes}:{seconds:02}] {text}", end="", file=sys.stderr,
                  flush=True)

    return tell


@pytest.fixture(scope="session")
def installed(suite, tell):
    """A Debian with the package."""
    images = dict(word.split("=", 1) for word in os.environ["DEBIAN_IMAGES"].split())
    build = pathlib.Path(os.environ.get("BUILD", TOP / "build"))
    return Installed(suite, images[suite], os.environ["DEB"], os.environ["QEMU"],
                     build / "deb-test" / suite, tell).make()


@pytest.fixture(scope="session")
def guest(root, installed):  # pylint: disable=redefined-outer-name
    """One of it, with its root disk of that kind. What is written to that is forgotten."""
    running = installed.boot(f"root-{root}", root)
    installed.tell(f"{installed.suite}: booting from {root}")
    with running:
        yield running
