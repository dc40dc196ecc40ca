# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Everything that may happen to a guest, at random from a seed, until a time is over."""

import contextlib
import random
import time

import books
import pcie
from guest import Guest
from host import Host
from lan import GUEST_IP
from power import to_idle, to_ram
from qmp import QMPError
from scenario import await_file, network_up, write_disk
from testdev import Store, Testdev
from traffic import Traffic

MODULES = ("virtio_irq", "virtio_blk", "virtio_net", "ims_testdev")
# Such that a host that says nothing costs seconds
BOUNDS = "virtio_irq.poll_timeout_ms=300 virtio_irq.sleep_timeout_ms=1500"
RECOVERY = 60
MSIX = 16
STORE_VECTORS = 16
VIRQ_TYPE = "virtio-irq-test-pci"
STATE = "cat /sys/kernel/debug/virtio-irq/*/stats"
RESET = "echo 1 > $(echo /sys/bus/virtio/drivers/virtio_irq/virtio*/reset)"


class Soak:  # pylint: disable=too-many-instance-attributes
    """A guest with one of everything.

    guest     it, not started
    devices   its functions "testdev", with stores, "nvme" and "vblk"; perhaps "vnet", the
              port "bay"
    seed      what is chosen follows from it; when it happens does not
    say       is told of each step
    """

    DISKS = {"vblk": "/dev/vda", "nvme": "/dev/nvme0n1"}
    DRIVERS = {"nvme": "nvme", "vblk": "virtio-pci", "testdev": "ims-testdev"}
    # Disks of which devices knows what is on them
    SEEN = ("vblk", "nvme")
    # Between two interrupts of a vector
    GAP_NS = 5_000_000

    def __init__(self, guest, devices, seed, say=print):
        # Of what happens, and of how: a change of the one leaves the other as it is
        self.order, self.random = random.Random(seed), random.Random(seed)
        self.say = say
        self.devices = devices
        self.guest = guest
        self.host = Host(self.guest)
        self.dev = self.stores = self.events = None
        self.steps = 0

    @classmethod
    def of_kernel(cls, directory, devices, kernel, seed, say=print):
        """A guest with that kernel, "stock" or "debug", and devices, without anything so far."""
        # pylint: disable=too-many-arguments
        devices.port("bay", 1).virtio_blk().nvme().virtio_net()
        devices.testdev(**{"bar-slots": 64, "memory-slots": 64})
        return cls(Guest(directory, virq={}, virq_type=VIRQ_TYPE, devices=devices.devices,
                         args=devices.args, load=MODULES, append=BOUNDS, memory=384,
                         firmware=True, kernel=kernel), devices, seed, say)

    # The guest

    def start(self):
        """Boot; everything is served and used."""
        self.guest.start()
        if not self.guest.debug:
            self.guest.rebind("nvme", self.devices.address("nvme"))
        await_file(self.guest, self.DISKS["nvme"])
        self.start_lan()
        self.dev = Testdev(self.guest, self.devices.address("testdev"))
        self.stores = [Store(self.guest, self.dev.address, number)
                       for number in (Store.SLOTS, Store.RECORDS)]
        for dev in self.devs():
            self.use_testdev(dev)
        self.events = self.has_events()

    def start_lan(self):
        """The network works."""
        network_up(self.guest, GUEST_IP)

    def use_testdev(self, dev):
        """All of its vectors that are to be there."""
        dev.cmd(f"alloc msix {MSIX} {MSIX}")
        dev.cmd("request-all")
        for store in self.stores_of(dev):
            self.use_store(store)

    @staticmethod
    def use_store(store):
        """All vectors of a store."""
        store.cmd("open")
        store.many([f"{what} {index}" for index in range(STORE_VECTORS)
                    for what in ("add", "request")])

    def devs(self):
        """All functions with vectors of MSI-X that are requested and fire."""
        return [self.dev]

    def stores_of(self, dev):
        """Its message stores."""
        return self.stores if dev is self.dev else []

    def units(self):
        """Testdevs, and stores."""
        return self.devs() + self.stores

    def some(self, number):
        """Some of so many."""
        return self.random.sample(range(number), self.random.randint(1, number))

    def await_ready(self):
        """Requests are answered, all is armed that is wanted, nothing is owed to the host."""
        self.guest.wait_until(lambda: "state: ready" in self.guest.run(STATE, check=False).out,
                              "requests are answered", RECOVERY)
        books.assert_equal(self.guest, RECOVERY)

    @contextlib.contextmanager
    def traffic(self, without=()):
        """Of all but what is named."""
        disks = [(name, node) for name, node in self.DISKS.items() if name not in without]
        units = [] if "testdev" in without else self.units()
        with Traffic(self.guest, disks, units, None if "vnet" in without else self.devices.lan,
                     self.GAP_NS):
            yield

    # What may happen

    def move(self):
        """Vectors go to other CPUs."""
        with self.traffic():
            for unit in self.units():
                unit.many([f"move {index} {self.random.randint(0, 1)}"
                           for index in self.some(STORE_VECTORS)])

    def cycle_cpu(self):
        """A CPU goes and comes."""
        with self.traffic():
            for online in (0, 1):
                self.guest.write("/sys/devices/system/cpu/cpu1/online", online)

    def request_again(self):
        """Vectors are freed, some of them removed, and there again."""
        with self.traffic(("testdev",)):
            for dev in self.devs():
                dev.many([f"free {index}" for index in self.some(MSIX)])
                dev.cmd("request-all")
            for store in self.stores:
                indices = self.some(STORE_VECTORS)
                store.many([f"{what} {index}" for index in indices
                            for what in ("free", "remove", "add", "request")])

    def allocate_again(self):
        """All of a testdev's vectors, at once."""
        with self.traffic(("testdev",)):
            dev = self.random.choice(self.devs())
            dev.cmd("release")
            for store in self.stores_of(dev):
                store.cmd("close")
            self.use_testdev(dev)

    def rebind(self):
        """A driver is unbound and bound."""
        name = self.random.choice(list(self.DRIVERS))
        node = self.DISKS.get(name)
        with self.traffic((name if node else "testdev",)):
            self.guest.rebind(self.DRIVERS[name], self.devices.address(name))
            if node:
                await_file(self.guest, node)
            else:
                dev, = (dev for dev in self.devs() if dev.address == self.devices.address(name))
                self.use_testdev(dev)

    def reset_controller(self):
        """By the administrator, or because the device asks for it."""
        with self.traffic():
            if self.random.randint(0, 1):
                self.guest.run(RESET, timeout=RECOVERY)
            else:
                self.guest.set("needs-reset", True)
                self.guest.wait_until(lambda: not self.guest.get("needs-reset"),
                                      "the driver resets the device", RECOVERY)
            self.await_ready()

    def reset_function(self):
        """A function level reset of what is served."""
        name, method = self.random.choice([("nvme", "flr"), ("testdev", "af_flr")])
        with self.traffic():
            pcie.reset(self.guest, self.devices.address(name), method)

    def plug(self):
        """A function comes, is used, and goes."""
        with self.traffic():
            pcie.plug(self.guest, "ims-testdev", "visitor", "bay")
            visitor = Testdev(self.guest, pcie.addresses(self.guest)["visitor"], "visitor")
            await_file(self.guest, f"{visitor.path}/ctl")
            visitor.cmd("alloc any 1 8")
            visitor.cmd("request-all")
            visitor.fire_and_wait(20)
            if self.random.randint(0, 1):
                visitor.cmd("gap 1000000")
                visitor.cmd("fire-all 1000000")
            pcie.unplug(self.guest, "visitor")

    def sleep(self):
        """The system sleeps: to idle, or without power."""
        how = self.random.choice([to_idle, to_ram])
        if self.guest.debug:
            # See test_suspend.py
            self.guest.unbind(self.devices.address("nvme"))
        with self.traffic(("vnet", "nvme") if self.guest.debug else ("vnet",)):
            how(self.guest)
        if self.guest.debug:
            self.guest.bind("nvme", self.devices.address("nvme"))
            await_file(self.guest, self.DISKS["nvme"])
        self.await_ready()

    def silence(self):
        """The host says nothing for a while, and then all is made good."""
        mute = self.random.choice(["silent", "stall"])
        with self.traffic():
            with self.guest.setting("mute", mute):
                self.dev.many([f"move {index} {self.random.randint(0, 1)}"
                               for index in self.some(MSIX)], check=False)
                time.sleep(self.random.random())
            self.await_ready()

    def refusal(self):
        """The host refuses something, which the driver that asked is told, and no other one."""
        kind, status = self.random.choice([("activate", "nospc"), ("activate", "quota"),
                                           ("alloc", "nomem"), ("commit", "nospc")])
        with self.traffic(("testdev",)):
            with self.guest.setting("refuse", f"{kind}@1x2={status}"):
                indices = self.some(MSIX)
                self.dev.many([f"free {index}" for index in indices])
                for store in self.stores:
                    store.many([f"{what} {index}" for index in self.some(STORE_VECTORS)
                                for what in ("free", "remove")])
                    store.many([f"{what} {index}" for index in range(STORE_VECTORS)
                                for what in ("add", "request")], check=False)
                self.dev.many([f"request {index}" for index in indices], check=False)
            self.complete()

    def complete(self):
        """What a refusal has left out."""
        self.await_ready()
        self.dev.cmd("request-all")
        for store in self.stores:
            there = store.vectors()
            store.many([f"add {index}" for index in range(STORE_VECTORS)
                        if index not in there] + ["request-all"])

    def slow(self):
        """Answers take their time."""
        kind, most = self.random.choice([("alloc", 300), ("activate", 20)])
        with self.traffic(("testdev",)):
            with self.guest.setting("delay", f"{kind}={self.random.randint(1, most)}"):
                self.dev.many([f"{what} {index}" for index in self.some(MSIX)
                               for what in ("free", "request")])
                for store in self.stores:
                    store.cmd("close")
            for store in self.stores:
                self.use_store(store)

    def endpoints(self):
        """Addresses of functions that are served."""
        return [self.devices.address(name) for name in ("vblk", "nvme", "vnet", "testdev")]

    def change_pairs(self):
        """The host has other pairs for what is armed, and honours the old ones for a while or
        not."""
        endpoint = self.random.choice(["all"] + self.endpoints())
        still_valid = self.random.choice(["on", "off"])
        with self.traffic():
            for _ in range(self.random.randint(1, 3)):
                self.guest.set("change-pairs", f"endpoint={endpoint},still-valid={still_valid}")
            self.guest.wait_until(lambda: not self.host.stats()["stale"],
                                  "the driver has asked for all of them again", RECOVERY)
            self.await_ready()

    def revoke(self):
        """The host takes vectors away, and lets the guest have them again."""
        number = self.random.randint(0, len(self.stores))
        unit = self.units()[number]
        first = self.random.randrange(STORE_VECTORS)
        last = self.random.randrange(first, STORE_VECTORS)
        which = f"endpoint={self.dev.address},store={number},index={first}-{last}"
        with self.traffic(("testdev",)):
            self.guest.set("revoke", f"{which},reason={self.random.choice(['quota', 'perm'])}")
            time.sleep(self.random.random())
            self.guest.set("unrevoke", which)
            unit.many([f"{what} {index}" for index in range(first, last + 1)
                       for what in ("free", "request")], check=False)
            self.complete()

    def has_events(self):
        """Does the host have events, and does the driver want to be told?"""
        try:
            self.guest.set("change-pairs", "endpoint=all")
        except QMPError:
            return False
        return True

    def actions(self):
        """What may happen on this machine, with weights."""
        actions = {self.move: 4, self.cycle_cpu: 3, self.request_again: 3,
                   self.allocate_again: 2, self.rebind: 2, self.reset_controller: 2,
                   self.reset_function: 2, self.sleep: 1, self.silence: 2, self.refusal: 2,
                   self.slow: 1}
        if not self.guest.debug:
            # That has no driver for slots
            actions[self.plug] = 2
        if self.events:
            actions.update({self.change_pairs: 3, self.revoke: 2})
        return actions

    # All of it

    def step(self):
        """One thing happens."""
        actions = self.actions()
        action, = self.order.choices(list(actions), list(actions.values()))
        self.steps += 1
        self.say(f"{self.steps}: {action.__name__}: {action.__doc__}")
        start = time.monotonic()
        action()
        self.say(f"   {time.monotonic() - start:.1f} s")

    def finish(self):
        """The books, the disks, the log."""
        self.await_ready()
        for name in self.SEEN:
            write_disk(self.guest, self.devices, name, self.DISKS[name], size=1 << 20)
        # Of both sides, and of all stores
        for dev in self.devs():
            dev.cmd("clear")
        for unit in self.units():
            unit.fire_and_wait(20)
            unit.settle()
        assert self.host.raw()["live"] == 0
        self.guest.check_dmesg()

    def run(self, seconds=None, steps=None):
        """Until a time is over, or so many things have happened."""
        end = time.monotonic() + seconds if seconds else None
        self.start()
        while (end is None or time.monotonic() < end) and (steps is None or self.steps < steps):
            self.step()
            self.guest.check_dmesg()
        self.finish()

    def stop(self):
        """The end of the guest."""
        self.guest.stop()
