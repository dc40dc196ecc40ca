# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""tools/install, which puts the driver into a system, or into a directory that becomes one."""

import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import TOP, Checkout

RELEASE = sorted(pathlib.Path("/usr/src").glob("linux-headers-6.12*-cloud-amd64"))[-1].name[14:]
MODULES = f"lib/modules/{RELEASE}"
INSTALLED = {
    f"{MODULES}/updates/virtio_irq.ko",
    "etc/modprobe.d/virtio-irq.conf",
    "etc/initramfs-tools/hooks/virtio-irq",
    "etc/dracut.conf.d/virtio-irq.conf",
    "usr/src/virtio-irq/include/linux/irqchip/irq-virtio.h",
    f"usr/src/virtio-irq/{RELEASE}/Module.symvers",
}


def files(root):
    """Names of all files in a directory."""
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}


def printed(root, output):
    """Names of files that were printed, but for what is told on the way."""
    return {line[len(f"{root}/"):] for line in output.splitlines() if line.startswith(f"{root}/")}


@pytest.fixture(name="shared", scope="module")
def built_once(tmp_path_factory):
    """A checkout, and a directory that it has installed into."""
    checkout = tmp_path_factory.mktemp("checkout")
    shared = Checkout(checkout)
    for name in ("Kbuild", "packaging"):
        (shutil.copytree if (TOP / name).is_dir() else shutil.copy)(TOP / name, checkout / name)
    root = tmp_path_factory.mktemp("root")
    status, output = shared.run("make", "install", f"DESTDIR={root}", f"KVER={RELEASE}")
    assert status == 0, output
    return shared, root, output


@pytest.fixture(name="root")
def own_copy(shared, tmp_path):
    """What was installed, to change it."""
    return shutil.copytree(shared[1], tmp_path / "root", symlinks=True)


def test_everything_is_there(shared):
    """And is what was printed."""
    _, root, output = shared
    assert files(root) == printed(root, output) == INSTALLED
    assert os.access(root / "etc/initramfs-tools/hooks/virtio-irq", os.X_OK)
    assert "is not that of a kernel" in output


def test_the_module_is_for_that_kernel(shared):
    """It has no debug information, which is most of what a build makes."""
    module = shared[1] / MODULES / "updates/virtio_irq.ko"
    said = subprocess.run(["/sbin/modinfo", "-F", "vermagic", module], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    assert said.split()[0] == RELEASE
    sections = subprocess.run(["readelf", "-SW", module], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
    assert ".debug_info" not in sections and ".gnu.linkonce.this_module" in sections


def test_symbols_for_other_drivers(shared):
    """Whoever has the header has the symbols that it declares."""
    symbols = (shared[1] / f"usr/src/virtio-irq/{RELEASE}/Module.symvers").read_text()
    assert "\tvirtio_irq_ims_bind\t" in symbols


def test_depmod_for_a_kernel_that_is_there(shared, root):
    """A root directory of a system has one."""
    (root / MODULES / "modules.order").write_text("")
    (root / MODULES / "modules.builtin").write_text("")
    status, output = shared[0].run("tools/install", "--remove", DESTDIR=root, KVER=RELEASE)
    assert status == 0 and "not that of a kernel" not in output
    assert "virtio_irq" not in (root / MODULES / "modules.dep").read_text()


def test_uninstall(shared, root):
    """All of it goes, and there is nothing to do then."""
    before = files(root)
    status, output = shared[0].run("make", "uninstall", f"DESTDIR={root}", f"KVER={RELEASE}")
    assert status == 0 and printed(root, output) == before
    assert files(root) == set() and not (root / "usr/src").exists()
    status, output = shared[0].run("make", "uninstall", f"DESTDIR={root}", f"KVER={RELEASE}")
    assert status == 0 and printed(root, output) == set()


def test_uninstall_leaves_what_another_kernel_needs(shared, root):
    """Its module, and what has it loaded."""
    other = root / "lib/modules/6.99.0-other/updates/virtio_irq.ko"
    other.parent.mkdir(parents=True)
    other.write_text("")
    status, output = shared[0].run("tools/install", "--remove", DESTDIR=root, KVER=RELEASE)
    assert status == 0 and str(other) in output
    assert files(root) == {*INSTALLED, str(other.relative_to(root))} - {
        f"{MODULES}/updates/virtio_irq.ko", f"usr/src/virtio-irq/{RELEASE}/Module.symvers"}


def test_a_file_of_the_administrator_stays(shared, root):
    """Whoever changed it wants it so."""
    conf = root / "etc/modprobe.d/virtio-irq.conf"
    conf.write_text("softdep mine pre: virtio_irq\n")
    status, output = shared[0].run("tools/install", "--remove", DESTDIR=root, KVER=RELEASE)
    assert status == 0 and f"{conf} is not as ours is" in output
    assert files(root) == {"etc/modprobe.d/virtio-irq.conf"}


@pytest.mark.parametrize("kernel, message", [
    ("6.99.0-none", "no headers of the kernel 6.99.0-none"),
    ("6.1.0-9-amd64", "6.1.0-9-amd64 is not 6.12 or newer"),
    ("5.19.0", "is not 6.12 or newer"),
    ("none", "is not 6.12 or newer"),
])
def test_kernels_that_cannot_be(shared, tmp_path, kernel, message):
    """What is missing is named, and nothing is written."""
    status, output = shared[0].run("tools/install", DESTDIR=tmp_path, KVER=kernel)
    assert status != 0 and message in output
    assert files(tmp_path) == set()


def test_kernel_that_is_not_there(shared):
    """Without a directory it is for this machine."""
    status, output = shared[0].run("tools/install", KVER="6.99.0-none")
    assert status != 0 and "there is no kernel 6.99.0-none" in output


def test_not_root(shared, tmp_path):
    """That is said before anything is built."""
    shared[0].replace("bin/id", "#!/bin/sh\necho 1000\n")
    path = f"{shared[0].path}/bin:{shared[0].env['PATH']}"
    for options in ((), ("--remove",)):
        status, output = shared[0].run("tools/install", *options, KVER=RELEASE, PATH=path)
        assert status != 0 and "only root can do that" in output
    status, output = shared[0].run("tools/install", "--remove", KVER=RELEASE, PATH=path,
                                   DESTDIR=tmp_path)
    assert status == 0, output


def test_beside_the_package(shared, tmp_path):
    """One of both."""
    (tmp_path / "usr/src").mkdir(parents=True)
    (tmp_path / "usr/src/virtio-irq").symlink_to("virtio-irq-1")
    status, output = shared[0].run("tools/install", DESTDIR=tmp_path, KVER=RELEASE)
    assert status != 0 and "the package virtio-irq-dkms is installed" in output
