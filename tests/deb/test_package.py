# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""What the package does in a Debian: DKMS, the initramfs, the root disk, other drivers."""

import pathlib
import re

import pytest

from debian import INITRAMFS_TIMEOUT, INSTALL_TIMEOUT, NODES

DKMS = "/var/lib/dkms/virtio-irq"
DEVICES = ("root", "other", "net", "usb", "rng")
# A driver of somebody else's with interrupt message stores
OTHER = r"""
#include <linux/irqchip/irq-virtio.h>
#include <linux/module.h>

static int __init other_init(void)
{
	pr_info("other: %ps\n", virtio_irq_ims_bind);
	return 0;
}
module_init(other_init);
static void __exit other_exit(void) { }
module_exit(other_exit);
MODULE_DESCRIPTION("uses a symbol");
MODULE_LICENSE("GPL");
"""


def test_boots_as_a_whole(guest):
    """systemd has started everything, and the kernel has nothing to complain of."""
    state = guest.run("systemctl is-system-running --wait", timeout=300, check=False).out.strip()
    failed = guest.run("systemctl list-units --failed --no-legend --plain").out
    assert state == "running", f"{state}\n{failed}"
    assert guest.run("uname -r").out.strip() == guest.release
    guest.check_dmesg()


def test_served_from_the_first_probe(guest):
    """The root disk and all others have interrupts of the controller's, and were never bound
    without."""
    assert guest.run("findmnt -n -o SOURCE /").out.strip() == NODES[guest.root]
    table = guest.run("cat /proc/interrupts").out
    for name in DEVICES:
        assert guest.served(name), f"{name}, {guest.set.address(name)}:\n{table}"
    assert guest.interrupts(chip="^VIRTIO-PCI-MSIX")
    # The chipset's own, which has no MSI-X
    assert guest.interrupts(chip="^VIRTIO-PCI-MSI-0000:00:1f.2$"), table
    assert guest.refused() == []
    attached = {entry["endpoint"] for entry in guest.get("endpoints")}
    assert {guest.set.address(name) for name in DEVICES} <= attached, attached


def test_root_disk_works(guest):
    """Each read from it is an interrupt that the controller has delivered."""
    def counts():
        return sum(irq.total for irq in guest.served("root"))
    before = counts()
    guest.run(f"dd if={NODES[guest.root]} of=/dev/null bs=64k count=256 iflag=direct && "
              "dd if=/dev/urandom of=/var/tmp/some bs=64k count=64 && sync && "
              "sha256sum /var/tmp/some > /var/tmp/sum && echo 3 > /proc/sys/vm/drop_caches && "
              "sha256sum -c /var/tmp/sum")
    assert counts() > before + 256


def test_irqbalance_and_lspci(guest):
    """What looks at interrupts, and at devices."""
    assert guest.run("systemctl is-active irqbalance").out.strip() == "active"
    shown = guest.run("lspci -vv").out
    blocks = {block.split()[0]: block for block in shown.strip().split("\n\n")}
    for name in DEVICES:
        address = guest.set.address(name).partition(":")[2]
        assert re.search(r"MSI-X: Enable\+", blocks[address]), blocks[address]
    assert "unknown" not in guest.run("lspci -vv -s 00:02.0 2>&1 >/dev/null").out


def test_sleep(guest):
    """S3, and all is as it was."""
    before = {name: len(guest.served(name)) for name in DEVICES}
    guest.run("sha256sum /usr/bin/* > /var/tmp/sums", timeout=200)
    guest.sleep()
    assert "ACPI: PM: Waking up from system sleep state S3" in guest.dmesg()
    guest.wait_until(lambda: {name: len(guest.served(name)) for name in DEVICES} == before,
                     "every device has its interrupts again", 60)
    guest.run("echo 3 > /proc/sys/vm/drop_caches && sha256sum --quiet -c /var/tmp/sums",
              timeout=200)
    test_root_disk_works(guest)
    assert guest.refused() == []
    assert guest.run("systemctl is-active irqbalance").out.strip() == "active"
    guest.check_dmesg()


@pytest.mark.roots("virtio-blk")
def test_dkms_and_initramfs(guest, installed):
    """Built and installed for the kernel that runs, and taken along to where it boots."""
    status = guest.run("dkms status").out
    assert re.search(rf"^virtio-irq/\S+, {re.escape(guest.release)}, x86_64: installed", status,
                     re.M), f"{status}\n{installed.log.read_text()}"
    file = guest.run("modinfo -F filename virtio_irq").out.strip()
    assert file.startswith(f"/lib/modules/{guest.release}/updates/dkms/virtio_irq.ko")
    content = guest.run(f"lsinitramfs /boot/initrd.img-{guest.release}", timeout=200).out
    assert "updates/dkms/virtio_irq.ko" in content and "modprobe.d/virtio-irq.conf" in content
    assert guest.run("dpkg --audit; dpkg --verify virtio-irq-dkms").out == ""


@pytest.mark.roots("virtio-blk")
def test_every_driver_that_waits_is_one(guest):
    """Debian's general kernel has them all; a name that is wrong would never matter."""
    names = guest.run("sed -n 's/^softdep \\([^ ]*\\) .*/\\1/p' /usr/lib/modprobe.d/virtio-irq.conf"
                      ).out.split()
    assert len(names) > 20
    unknown = guest.run(f"for name in {' '.join(names)}; do modinfo $name >/dev/null 2>&1 || "
                        "echo $name; done").out.split()
    assert unknown == []


@pytest.mark.roots("virtio-blk")
def test_driver_of_somebody_else(guest):
    """It is built with the header and the symbols that came with the package, and loads."""
    text = OTHER.replace("'", "'\\''")
    guest.run(f"mkdir -p /root/other && cd /root/other && printf '%s' '{text}' > other.c && "
              "printf '%s\\n' 'obj-m := other.o' "
              "'ccflags-y := -I/usr/src/virtio-irq/include -DCONFIG_VIRTIO_IRQ_MODULE' > Kbuild")
    guest.run("cd /root/other && make -C /lib/modules/$(uname -r)/build M=$PWD modules "
              f"KBUILD_EXTRA_SYMBOLS={DKMS}/kernel-$(uname -r)-x86_64/Module.symvers",
              timeout=300)
    guest.run("insmod /root/other/other.ko && rmmod other")
    assert "other: virtio_irq_ims_bind [virtio_irq]" in guest.dmesg()


@pytest.mark.roots("nvme")
def test_removed(guest):
    """No module, no hook, and an initramfs without them. What runs goes on."""
    guest.run("dpkg --purge virtio-irq-dkms", timeout=INSTALL_TIMEOUT)
    left = guest.run("ls -d /usr/src/virtio-irq* /usr/lib/modprobe.d/virtio-irq.conf "
                     f"/lib/modules/*/updates/dkms/virtio_irq* {DKMS} "
                     "/usr/share/initramfs-tools/hooks/virtio-irq 2>/dev/null", check=False).out
    assert left == ""
    assert guest.run("modinfo virtio_irq", check=False).rc != 0
    content = guest.run(f"lsinitramfs /boot/initrd.img-{guest.release}", timeout=200).out
    assert "virtio_blk" in content and "virtio_irq" not in content and "virtio-irq" not in content
    test_root_disk_works(guest)


def test_powers_off(guest):
    """The last test of a guest: it ends by itself."""
    guest.check_dmesg()
    guest.power_off()
    assert not guest.alive()


@pytest.mark.suites("bookworm")
def test_disk_driver_that_is_built_in(installed):
    """nvme in the kernel for clouds: its disk keeps what it has, which both the log and the
    initramfs' maker say; what is a module waits."""
    cloud, = [name for name in installed.releases if "cloud" in name]
    installed.tell(f"{installed.suite}: booting {cloud} from nvme")
    with installed.boot("cloud", "nvme", release=cloud) as guest:
        assert guest.run("uname -r").out.strip() == cloud
        assert not guest.served("root") and guest.interrupts(chip=guest.set.address("root"))
        lines = guest.refused()
        assert [guest.set.address("root") in line for line in lines] == [True], lines
        assert guest.served("other") and guest.served("net")
        said = guest.run(f"update-initramfs -u -k {cloud}", timeout=INITRAMFS_TIMEOUT).out
        assert f"virtio-irq: nvme is built into {cloud} and comes before every module" in said
        assert len(re.findall("is built into", said)) == 1, said
        guest.check_dmesg()


def test_what_dpkg_said(installed):
    """It was built for the kernel, and nobody warned of anything."""
    log = pathlib.Path(installed.log).read_text()
    # Where there is no root file system yet
    log = re.sub(r"(?m)^W: Couldn't identify type of root file system .*for fsck hook$", "", log)
    assert re.search(rf"Building initial module .*for {re.escape(installed.standard)}$", log,
                     re.M), log
    assert not re.search(r"(?im)^(w:|e:|warning|error)", log), log
