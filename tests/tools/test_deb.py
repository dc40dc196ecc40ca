# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""tools/build-deb: what is in the package, and how it is called. That it does its work in a
guest is what tests/deb is for."""

import re
import shutil
import subprocess

import pytest

from conftest import TOP, Checkout

PARTS = ("packaging", "LICENSES")


def output_of(*words):
    """Of a command that has to succeed."""
    return subprocess.run([str(word) for word in words], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def commit(checkout, date, cwd=None):
    """All that there is, at that time."""
    for words in (("add", "-A"), ("commit", "-q", "-m", "some")):
        status, output = checkout.run(
            "git", "-c", "user.name=some", "-c", "user.email=some@localhost", *words, cwd=cwd,
            GIT_COMMITTER_DATE=date, GIT_AUTHOR_DATE=date)
        assert status == 0, output


@pytest.fixture(name="source", scope="module")
def checkout_in_git(tmp_path_factory):
    """With the parts that the package is made of."""
    path = tmp_path_factory.mktemp("checkout")
    source = Checkout(path)
    shutil.copy(TOP / "Kbuild", path)
    shutil.copy(TOP / ".gitignore", path)
    for part in PARTS:
        shutil.copytree(TOP / part, path / part)
    status, output = source.run("git", "init", "--quiet")
    assert status == 0, output
    commit(source, "2026-03-01T10:20:30Z")
    return source


def build(source):
    """The package."""
    status, output = source.run("make", "deb")
    assert status == 0, output
    return output.splitlines()[-1]


def version_of(source, cwd=None):
    """That the package would have."""
    status, output = source.run("tools/build-deb", "--version", cwd=cwd)
    assert status == 0, output
    return output.strip()


@pytest.fixture(name="package", scope="module")
def built_package(source):
    """Of what was committed, beside what a build in the checkout left behind."""
    (source.path / "drivers/virtio/virtio_irq_pm.o").write_text("")
    return build(source)


def field(package, name):
    """Of its control file."""
    return output_of("dpkg-deb", "-f", package, name).strip()


def unpacked(package, directory):
    """Where its source is then."""
    output_of("dpkg-deb", "-x", package, directory)
    return directory / f"usr/src/virtio-irq-{field(package, 'Version')}"


def test_package_of_a_commit(source, package):
    """It has its version, and is the same byte for byte each time."""
    assert field(package, "Version") == version_of(source)
    assert field(package, "Architecture") == "all" and "dkms" in field(package, "Depends")
    with open(package, "rb") as file:
        content = file.read()
    assert build(source) == package
    with open(package, "rb") as file:
        assert file.read() == content


def test_version_grows_with_time(source, tmp_path):
    """A commit has one, and one that comes later a greater one."""
    path = shutil.copytree(source.path, tmp_path / "copy", ignore=shutil.ignore_patterns("build"))
    version = version_of(source, path)
    assert re.fullmatch(r"0\.1\+git20260301\.102030\.[0-9a-f]{10}", version), version
    (path / "tools/README").write_text("not in the package\n")
    assert version_of(source, path) == version
    with open(path / "Kbuild", "a", encoding="utf-8") as kbuild:
        kbuild.write("# changed\n")
    assert version_of(source, path) == f"{version}.modified"
    commit(source, "2026-03-01T10:20:31Z", path)
    later = version_of(source, path)
    assert "modified" not in later
    output_of("dpkg", "--compare-versions", later, "gt", f"{version}.modified")
    # As it is when somebody has packed it, and unpacked it somewhere in another repository
    shutil.rmtree(path / ".git")
    assert version_of(source, path) == "0.1"
    status, output = source.run("git", "init", "--quiet", tmp_path)
    assert status == 0, output
    assert version_of(source, path) == "0.1"


def test_all_of_the_source(package, tmp_path):
    """What Kbuild names is there, and what a build left in the checkout is not."""
    root = unpacked(package, tmp_path)
    kbuild = (root / "Kbuild").read_text()
    objects = re.findall(r"\bdrivers/\S+\.o\b", kbuild)
    assert len(objects) > 20
    for name in objects:
        assert (root / name).with_suffix(".c").is_file(), name
    names = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert {name for name in names if name.startswith(("drivers/", "include/"))} == {
        str(path.relative_to(TOP)) for part in ("drivers", "include")
        for path in (TOP / part).rglob("*.[ch]")}
    link = tmp_path / "usr/src/virtio-irq"
    assert link.is_symlink() and link.resolve() == root
    assert (link / "include/linux/irqchip/irq-virtio.h").is_file()


def test_configuration_of_dkms(package, tmp_path):
    """As DKMS reads it."""
    root = unpacked(package, tmp_path)
    assert (root / "keep-symvers").stat().st_mode & 0o111
    script = (f"kernel_source_dir=/k dkms_tree=/d kernelver=6.12.1-x arch=x86_64; . {root}/dkms.conf; "
              "echo \"$PACKAGE_NAME $PACKAGE_VERSION\"; echo \"${MAKE[0]}\"; echo \"$POST_BUILD\"; "
              "for kernel in 6.12.117+deb12-amd64 6.18.1 7.3.4+deb13-amd64 10.1.0 "
              "6.1.0-9-amd64 6.11.9 5.19.0; do "
              "[[ $kernel =~ $BUILD_EXCLUSIVE_KERNEL ]] && echo $kernel; done; true")
    lines = output_of("bash", "-c", script).splitlines()
    version = field(package, "Version")
    assert lines == [
        f"virtio-irq {version}",
        f"make -C /k M=/d/virtio-irq/{version}/build modules",
        "keep-symvers 6.12.1-x x86_64",
        "6.12.117+deb12-amd64", "6.18.1", "7.3.4+deb13-amd64", "10.1.0"]


def test_drivers_that_wait(package, tmp_path):
    """Those that a boot needs above all; modprobe understands each line."""
    unpacked(package, tmp_path)
    directory = tmp_path / "usr/lib/modprobe.d"
    shown = output_of("/sbin/modprobe", "-c", "-C", directory).splitlines()
    found = {line.split()[1]: line.split()[2:] for line in shown if line.startswith("softdep ")}
    assert {"virtio_blk", "virtio_scsi", "virtio_net", "nvme", "ahci", "xhci_pci"} <= set(found)
    assert all(words == ["pre:", "virtio_pci", "virtio_irq"] for words in found.values()), found
    lines = (directory / "virtio-irq.conf").read_text().splitlines()
    assert len(found) == sum(line.startswith("softdep ") for line in lines)
