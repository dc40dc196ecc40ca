# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Modules of a user's own in the guest of tools/shell."""

import importlib.machinery
import importlib.util
import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import TOP

LOADER = importlib.machinery.SourceFileLoader("shell", str(TOP / "tools/shell"))
shell = importlib.util.module_from_spec(importlib.util.spec_from_loader("shell", LOADER))
LOADER.exec_module(shell)


@pytest.fixture(name="module")
def own_module(tmp_path):
    """One that is built for the guest's kernel, under a name of its own."""
    return shutil.copy(shell.saved_paths()["TESTDEV_MODULE"], tmp_path / "my-driver.ko")


def test_none(module):
    """Is what most have."""
    del module
    assert shell.own_modules("") == []


def test_it_is_in_the_guest(module):
    """Where modprobe finds it."""
    paths = shell.saved_paths()
    artifacts = shell.Artifacts.find()
    found = shell.with_modules(artifacts, shell.own_modules(str(module)))
    assert (found.qemu, found.kernel) == (artifacts.qemu, artifacts.kernel)
    assert found.initramfs != artifacts.initramfs
    root = pathlib.Path(found.initramfs).parent / "root/lib/modules" / paths["KERNEL_RELEASE"]
    dependencies = dict(line.split(":") for line in
                        (root / "modules.dep").read_text().splitlines())
    assert "my-driver.ko" in dependencies
    listed = subprocess.run(["cpio", "-t", "--quiet", "-I", found.initramfs],
                            stdout=subprocess.PIPE, text=True, check=True).stdout
    assert f"lib/modules/{paths['KERNEL_RELEASE']}/my-driver.ko" in listed.splitlines()


def test_the_guest_is_made_again_if_something_changed(module, tmp_path):
    """In a module, in a file, or in where that goes; and only then."""
    file = tmp_path / "file"

    def build(target="etc/file"):
        result = subprocess.run([TOP / "tools/build-guest", "--name", "guest-again",
                                 "--file", f"{file}={target}", module],
                                stdout=subprocess.PIPE, text=True, check=True,
                                env={**os.environ, "BUILD": str(tmp_path)})
        # The number of a file that is gone may be given to the next
        status = pathlib.Path(result.stdout.split()[-1]).stat()
        return status.st_ino, status.st_mtime_ns

    file.write_text("one")
    seen = [build(), build()]
    assert seen[0] == seen[1]
    file.write_text("two")
    seen.append(build())
    seen.append(build("etc/other"))
    with open(module, "ab") as text:
        text.write(b"~")
    seen.append(build("etc/other"))
    assert len(set(seen)) == 4
    assert (tmp_path / "guest-again/root/etc/other").read_text() == "two"
    assert not (tmp_path / "guest-again/root/etc/file").exists()


@pytest.mark.parametrize("name", ["none.ko", "my-driver.txt"])
def test_not_a_module(module, tmp_path, name):
    """No file, or not a module by its name."""
    del module
    (tmp_path / "my-driver.txt").write_text("text")
    with pytest.raises(SystemExit, match=f"{name} is no module"):
        shell.own_modules(str(tmp_path / name))


def test_module_for_another_kernel(module, monkeypatch):
    """Both releases are named."""
    paths = {**shell.saved_paths(), "KERNEL_RELEASE": "6.99.0-other"}
    monkeypatch.setattr(shell, "saved_paths", lambda: paths)
    with pytest.raises(SystemExit, match=r"is for the kernel '6\.12.*', .* is 6\.99\.0-other"):
        shell.own_modules(str(module))
