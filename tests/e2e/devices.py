# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The functions that a guest gets, at known addresses."""

import hashlib
import pathlib
import shutil
import tempfile

import pcie
from guest import option
from lan import Lan

MIB = 1 << 20


class Devices:
    """QEMU arguments for some PCI functions on the root bus.

    They are at 00:03.0 and up in the order of the calls, or where addr says; 00:02.0
    is the controller's. Those behind a bridge have its name as their bus, and addresses
    after locate(). directory takes disk images.
    """

    FIRST_SLOT = 3

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.devices = []
        self.args = []
        self._addresses = {}
        self._images = {}
        self._sockets = None
        self.lan = None

    def _add(self, driver, name, properties):
        if "bus" in properties:
            self.devices.append((driver, {"id": name, "addr": "0", **properties}))
            return self
        slot = int(properties.get("addr", f"{self.FIRST_SLOT + len(self.devices):x}"), 16)
        self._addresses[name] = f"0000:00:{slot:02x}.0"
        self.devices.append((driver, {"id": name, "addr": f"{slot:x}", **properties}))
        return self

    def add(self, driver, name, **properties):
        """Any function, or a bridge for functions that are behind it."""
        return self._add(driver, name, properties)

    def port(self, name, number, **properties):
        """A port of PCI Express with a slot of that number."""
        return self.add("pcie-root-port", name, chassis=number, slot=number, **properties)

    def locate(self, guest):
        """Find out where everything is: the guest, or its firmware, numbers the buses."""
        self._addresses.update(pcie.addresses(guest))

    def _image(self, name, size):
        image = self.directory / f"{name}.img"
        with open(image, "wb") as file:
            file.truncate(size)
        self._images[name] = image
        return image

    def _drive(self, name, size):
        # Nobody needs it after a crash of this machine. QEMU's NVMe flushes with its big lock
        # held, while the guest waits in an access: a minute on a machine that writes much
        image = self._image(name, size)
        self.args += ["-drive", f"if=none,id={name}-drive,format=raw,cache=unsafe,"
                                f"file={str(image).replace(',', ',,')}"]

    def image(self, name, size=16 * MIB):
        """A disk image without a disk. It is the drive of those that come and go."""
        image = self._image(name, size)
        self.args += ["-blockdev", option("", {
            "driver": "raw", "node-name": f"{name}-drive", "file.driver": "file",
            "file.filename": image, "cache.direct": "off", "cache.no-flush": "on"})]
        return self

    def virtio_blk(self, name="vblk", size=16 * MIB, **properties):
        """A virtio disk, /dev/vdX."""
        self._drive(name, size)
        return self._add("virtio-blk-pci", name,
                         {"drive": f"{name}-drive", "disable-legacy": "on", **properties})

    def file(self, name, path):
        """A virtio disk that cannot be written, with a file of the host's in it."""
        self.args += ["-drive", f"if=none,id={name}-drive,format=raw,read-only=on,"
                                f"file={str(path).replace(',', ',,')}"]
        return self._add("virtio-blk-pci", name,
                         {"drive": f"{name}-drive", "disable-legacy": "on"})

    def nvme(self, name="nvme", size=16 * MIB, **properties):
        """An NVMe disk, /dev/nvmeXn1."""
        self._drive(name, size)
        return self._add("nvme", name, {"drive": f"{name}-drive", "serial": name, **properties})

    def ahci(self, name="ahci", size=16 * MIB, **properties):
        """A SATA controller with a disk, /dev/sdX; its one interrupt is MSI. Not in the stock
        guest."""
        self._drive(name, size)
        self.args += ["-device", f"ide-hd,drive={name}-drive,bus={name}.0"]
        return self._add("ahci", name, properties)

    def xhci(self, name="xhci", size=16 * MIB, **properties):
        """A USB controller with a disk, /dev/sdX. Not in the stock guest."""
        self._drive(name, size)
        self.args += ["-device", f"usb-storage,drive={name}-drive,bus={name}.0"]
        return self._add("qemu-xhci", name, properties)

    def _card(self, driver, name, properties):
        self._sockets = tempfile.mkdtemp(prefix="virq-lan-")
        self.lan = Lan(self._sockets)
        self.args += ["-netdev", self.lan.netdev(f"{name}-lan")]
        return self._add(driver, name, {"netdev": f"{name}-lan", "romfile": "", **properties})

    def virtio_net(self, name="vnet", **properties):
        """A virtio network card, eth0, with a Lan at the other end."""
        return self._card("virtio-net-pci", name, {"disable-legacy": "on", **properties})

    def e1000e(self, name="e1000e", **properties):
        """An Intel network card, eth0, with a Lan at the other end. Not in the stock guest."""
        return self._card("e1000e", name, properties)

    def testdev(self, name="testdev", vectors=64, **properties):
        """An ims-testdev function."""
        return self._add("ims-testdev", name, {"vectors": vectors, **properties})

    def address(self, name):
        """PCI address as the guest shows it, 0000:bb:dd.f."""
        return self._addresses[name]

    def sha256(self, name, start, length):
        """Of a part of a disk, as it is on the host."""
        return hashlib.sha256(self.read(name, start, length)).hexdigest()

    def read(self, name, start, length):
        """Part of a disk, as it is on the host."""
        with open(self._images[name], "rb") as file:
            file.seek(start)
            return file.read(length)

    def fill(self, name, data):
        """Put data at the start of a disk, from the host."""
        with open(self._images[name], "r+b") as file:
            file.write(data)

    def close(self):
        """The disks are not kept: they are large, and what is in them is known."""
        if self.lan is not None:
            self.lan.close()
            self.lan = None
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
        for image in self._images.values():
            image.unlink(missing_ok=True)
