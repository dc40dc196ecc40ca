# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""A guest with a function that has interrupt message stores of its own."""

import contextlib
import re

from host import Host
from testdev import Store, Testdev

KINDS = {"slots": Store.SLOTS, "records": Store.RECORDS}
SIZE = 2048


# What tests set of the controller
SETTINGS = ("refuse", "commit-quota", "endpoint-quota")


class Ims:  # pylint: disable=too-many-instance-attributes
    """One function with both stores, the one that is wanted open.

    shared    without keywords for boot(), the guest may be another test's before or after
    """

    def __init__(self, boot, devices, kind, opened=True, properties=None, shared=True, **keywords):
        # pylint: disable=too-many-arguments
        devices.testdev(**{"bar-slots": SIZE, "memory-slots": SIZE, **(properties or {})})
        address = devices.address("testdev")
        if keywords or not shared:
            self.guest = boot(**keywords)
            self.host = Host(self.guest)
        else:
            self.guest = boot.shared(self._restore)
            self.host = Host(self.guest)
            self.host.begin()
            self.settings = {name: self.guest.get(name) for name in SETTINGS}
        self.dev = Testdev(self.guest, address)
        self.store = Store(self.guest, address, KINDS[kind])
        self.other = Store(self.guest, address, 3 - KINDS[kind])
        self.number = KINDS[kind]
        if opened:
            self.store.cmd("open")

    def _restore(self, guest):
        """The function as it was, and the controller."""
        guest.unbind(self.dev.address)
        guest.wait_until(lambda: not self.host.vectors(self.dev.endpoint), "all is given back", 5)
        guest.run(f"echo 1 > /sys/bus/pci/devices/{self.dev.address}/reset")
        for name, value in self.settings.items():
            guest.set(name, value)
        guest.bind("ims-testdev", self.dev.address)

    @property
    def one_by_one(self):
        """Are vectors added to one device? Else each is a device with one vector."""
        return self.guest.debug

    def vectors(self):
        """The host's vectors of the store, by index."""
        return {vector["index"]: vector for vector in self.guest.get("vectors")
                if (vector["endpoint"], vector["store"]) == (self.dev.endpoint, self.number)}

    def add(self, indices, pasid=None, request=True):
        """Add and request vectors."""
        suffix = "" if pasid is None else f" {pasid}"
        texts = []
        for index in indices:
            texts.append(f"add {index}{suffix}")
            if request:
                texts.append(f"request {index}")
        self.store.many(texts)

    def remove(self, indices):
        """Free and remove vectors."""
        self.store.many([text for index in indices for text in (f"free {index}",
                                                                f"remove {index}")])

    def fire(self, count, first, number, timeout_ms=30000):
        """Fire some vectors, wait; all that they ever fired has to have arrived."""
        self.store.cmd(f"fire-all {count} {first} {number}")
        return self.settle(first, number, timeout_ms)

    def settle(self, first, number, timeout_ms=30000):
        """Wait until what some vectors are owed has arrived, all of it and nothing else."""
        reply = self.store.wait(timeout_ms, first, number)
        assert reply["fired"] == reply["handled"] == reply["acked"]
        assert reply["spurious"] == 0 and reply["abandoned"] == 0
        return reply

    @contextlib.contextmanager
    def blocked(self, count, reason=None):
        """So many messages have to be blocked within, for that reason, and none delivered."""
        before = self.host.messages()
        blocked = self.host.blocked()
        yield
        after = self.host.messages()
        assert self.host.blocked() - blocked == count, (before, after)
        assert after["delivered"] == before["delivered"]
        if reason:
            assert after[reason] - before[reason] == count, (before, after)

    @contextlib.contextmanager
    def undisturbed(self, first, number):
        """Vectors that fire all the time within; they have to lose nothing."""
        self.add(range(first, first + number))
        self.store.cmd(f"gap {self.guest.pace * 500000} {first} {number}")
        self.store.cmd(f"fire-all 1000000 {first} {number}")
        yield
        rows = self.store.vectors()
        for index in range(first, first + number):
            assert rows[index]["handled"] > 0, f"vector {index} stands still"
        self.store.many([f"mask {index}" for index in range(first, first + number)])
        self.store.cmd(f"gap 0 {first} {number}")
        rows = self.store.vectors()
        for index in range(first, first + number):
            row = rows[index]
            # One more may wait behind the mask
            assert row["fired"] - row["acked"] in (0, 1) and row["acked"] == row["handled"], row
            assert row["spurious"] == 0, row


def mmio(lines):
    """Exits by the region that they are for, from QEMU's trace."""
    counts = {}
    for line in lines:
        name = re.search(r"name '([^']*)'", line)[1]
        counts[name] = counts.get(name, 0) + 1
    return counts
