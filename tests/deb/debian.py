# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Guests with Debian on a disk, and what the package of the guest driver does to them."""

import hashlib
import pathlib
import re
import secrets
import shutil
import subprocess
import time

from devices import Devices
from guest import FASTER_BOOT, TOP, Artifacts, Guest, GuestError

# systemd under TCG, on a machine that has other things to do
PATIENCE = 900
# DKMS compiles the driver for two kernels and three initramfs are made, all of it by TCG
INSTALL_TIMEOUT = 3000
# Of one initramfs
INITRAMFS_TIMEOUT = 900
SLEEP_TIMEOUT = 200
AWAKE = "PM: suspend exit"
DRIVERS = {"virtio-blk": "virtio-blk-pci", "nvme": "nvme"}
NODES = {"virtio-blk": "/dev/vda", "nvme": "/dev/nvme0n1"}


def from_disk(disk, name, target):
    """A file of the file system on a disk."""
    subprocess.run(["/sbin/debugfs", "-R", f"dump {name} {target}", disk], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    # It has no status for that
    if not pathlib.Path(target).exists() or not pathlib.Path(target).stat().st_size:
        raise GuestError(f"{disk} has no {name}")
    return str(target)


class DebianGuest(Guest):
    """A guest that boots a disk with Debian, by the kernel and the initramfs that are on it.

    log_dir   where its logs go, and the kernel and the initramfs
    disk      what tools/build-debian made, or a copy
    release   one of the kernels on it
    root      the disk is one of "virtio-blk" or "nvme"; of the other there is an empty one
    write     the disk is written to, otherwise it is as before when the guest has ended
    file      a file that the guest gets, as a disk
    """

    def __init__(self, qemu, log_dir, disk, release, root, write=False, file=None):
        # pylint: disable=too-many-arguments
        log_dir = pathlib.Path(log_dir)
        shutil.rmtree(log_dir, ignore_errors=True)
        log_dir.mkdir(parents=True)
        self.release = release
        self.root = root
        kernel = from_disk(disk, f"/boot/vmlinuz-{release}", log_dir / "vmlinuz")
        initramfs = from_disk(disk, f"/boot/initrd.img-{release}", log_dir / "initrd.img")
        self.set = Devices(log_dir)
        self.set.args += ["-drive", "if=none,id=root-drive,format=raw,cache=unsafe,"
                                    f"snapshot={'off' if write else 'on'},file={disk}"]
        words = {"virtio-blk": {"disable-legacy": "on"}, "nvme": {"serial": "root"}}
        self.set.add(DRIVERS[root], "root", drive="root-drive", **words[root])
        if root == "nvme":
            self.set.virtio_blk("other")
        else:
            self.set.nvme("other")
        self.set.virtio_net("net").add("qemu-xhci", "usb")
        self.set.add("virtio-rng-pci", "rng", **{"disable-legacy": "on"})
        if file:
            self.set.file("file", file)
        # By the firmware, or there is no way back from ACPI's S3
        super().__init__(log_dir, virq={}, devices=self.set.devices, args=self.set.args,
                         memory=1024, patience=PATIENCE, firmware=True,
                         artifacts=Artifacts(qemu, kernel, initramfs, kernel))

    def kernel_arguments(self):
        return ["console=ttyS0", "root=LABEL=debian", "rw", "panic=-1", "oops=panic", "loglevel=5",
                "log_buf_len=4M", "random.trust_cpu=on", "no_timer_check", *FASTER_BOOT]

    def served(self, name):
        """What /proc/interrupts has of a device's function, if all of it is the controller's."""
        address = self.set.address(name)
        irqs = self.interrupts(chip=f"-{re.escape(address)}$")
        return irqs if irqs and all(irq.virtual for irq in irqs) else []

    def refused(self):
        """What the driver has said about devices that keep the interrupts they have."""
        return [line for line in self.dmesg().splitlines() if "has interrupts already" in line]

    def sleep(self):
        """S3, as systemd does it, and back."""
        # What the agent is sent while the guest sleeps is lost with the state of its port
        word = f"awake-{secrets.token_hex(4)}"
        exits = self.dmesg().count(AWAKE)
        self.run(f"setsid sh -c 'until [ $(dmesg | grep -c \"{AWAKE}\") -gt {exits} ]; do sleep 1; "
                 f"done; echo \"<3>{word}\" > /dev/kmsg' </dev/null >/dev/null 2>&1 &")
        # Before anything can be asked again it sleeps
        self.run("systemctl suspend")
        self.wait_until(lambda: self.qmp.execute("query-status")["status"] == "suspended",
                        "the guest sleeps", SLEEP_TIMEOUT)
        self.qmp.execute("system_wakeup")
        self.wait_console(word, SLEEP_TIMEOUT)

    def power_off(self):
        """What has been written is on the disk then."""
        # It ends the agent first, which has to answer before
        self.run("setsid sh -c 'sleep 1; systemctl poweroff' </dev/null >/dev/null 2>&1 &")
        try:
            self.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise self._error("the guest does not power off") from None

    def stop(self):
        super().stop()
        self.set.close()


class Installed:
    """A Debian with the package: disk, its kernels' releases, and log, what dpkg said.

    suite     its name
    image     a directory of tools/build-debian's, with the package or without
    deb       the package
    work      a directory for what is made of it, and for logs
    tell      a function that tells how it goes
    """

    def __init__(self, suite, image, deb, qemu, work, tell):
        # pylint: disable=too-many-arguments
        self.suite = suite
        self.qemu = qemu
        self.work = pathlib.Path(work)
        self.tell = tell
        self.image = pathlib.Path(image)
        self.deb = pathlib.Path(deb)
        self.disk = self.image / "disk.img"
        self.log = self.image / "dpkg.log"
        self.live = not self.log.exists()
        self.releases = (self.image / "releases").read_text().split()
        self.standard, = [name for name in self.releases if "cloud" not in name]

    def boot(self, log_dir, root, release=None, **keywords):
        """One more guest of it, that is not started yet."""
        return DebianGuest(self.qemu, self.work / log_dir, self.disk, release or self.standard,
                           root, **keywords)

    def make(self):
        """If the package is not on it: a copy of the disk boots, and gets it. That is done once
        for the same package and the same Debian."""
        if not self.live:
            return self
        found = self.work / "live.key"
        key = hashlib.sha256(b"".join([str(self.image).encode(), self.deb.read_bytes(),
                                       pathlib.Path(__file__).read_bytes()])).hexdigest()
        self.disk, self.log = self.work / "live.img", self.work / "live.log"
        if found.exists() and found.read_text() == key:
            self.tell(f"{self.suite}: the package is installed already, in {self.disk}")
            return self
        self.work.mkdir(parents=True, exist_ok=True)
        found.unlink(missing_ok=True)
        subprocess.run(["cp", "--sparse=always", self.image / "disk.img", self.disk], check=True)
        # Disks have whole sectors
        packed = self.work / "package.img"
        data = self.deb.read_bytes()
        packed.write_bytes(data + bytes(-len(data) % 512))
        guest = self.boot("install", "virtio-blk", write=True, file=packed)
        self.tell(f"{self.suite}: booting {self.standard}")
        with guest:
            # That is what the package is for, and what would be seen if it did nothing
            assert guest.interrupts(chip="PCI-MSIX") and not guest.served("root")
            self._install(guest, len(data))
            self.tell(f"{self.suite}: powering off")
            guest.check_dmesg()
            guest.power_off()
        found.write_text(key)
        return self

    def _install(self, guest, size):
        """dpkg, with a word about it every half minute."""
        guest.run(f"head -c {size} /dev/vdb > /root/virtio-irq.deb")
        guest.run("setsid sh -c 'dpkg -i /root/virtio-irq.deb > /root/dpkg.log 2>&1; "
                  "echo $? > /root/dpkg.status' </dev/null >/dev/null 2>&1 &")
        begin = told = time.monotonic()
        self.tell(f"{self.suite}: dpkg -i {self.deb.name}")
        while guest.run("cat /root/dpkg.status", check=False).rc:
            now = time.monotonic()
            if now > begin + INSTALL_TIMEOUT:
                raise GuestError("dpkg does not end:\n" + guest.read("/root/dpkg.log"))
            if now > told + 30:
                told = now
                last = guest.run("tail -n 1 /root/dpkg.log").out.strip()
                self.tell(f"{self.suite}: [{now - begin:.0f} s] {last}")
            time.sleep(2)
        self.log.write_text(guest.read("/root/dpkg.log") + "\n")
        status = guest.read("/root/dpkg.status")
        made = guest.run("for log in /var/lib/dkms/virtio-irq/*/*/*/log/make.log "
                         "/var/lib/dkms/virtio-irq/*/build/make.log; do "
                         "[ ! -f $log ] || tail -n 30 $log; done").out
        assert status == "0", f"dpkg -i: status {status}\n{self.log.read_text()}\n{made}"


__all__ = ["TOP", "DebianGuest", "Installed"]
