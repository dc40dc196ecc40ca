# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Exits to the controller for 64 MSI-X vectors, against the budget of the design."""

import time

import pytest
from host import Host
from testdev import Testdev

VECTORS = 64
BUDGET = {"alloc": 2, "request": 64, "move": 64, "free": 2, "release": 1}

# Unnotified requests are flushed by a timer of 250 ms: they belong to the phase
SETTLE = 0.5


@pytest.mark.parametrize("kind", ["plain", "managed"])
def test_exits(boot, devices, kind):
    """A whole life of 64 vectors, phase by phase."""
    devices.testdev(vectors=VECTORS)
    # There is a managed vector for each CPU; the others are the ones before them
    cpus = 8 if kind == "managed" else 2
    guest = boot(smp=cpus)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    spent = {}

    def phase(name, action):
        with host.kicks(at_most=BUDGET[name]) as kicks:
            action()
            time.sleep(SETTLE)
            spent[name] = kicks()

    suffix = f" affinity {VECTORS - cpus} 0" if kind == "managed" else ""
    phase("alloc", lambda: dev.cmd(f"alloc msix {VECTORS} {VECTORS}{suffix}"))
    phase("request", lambda: dev.cmd("request-all"))
    before = dev.vectors()
    assert host.stats()["armed"] == VECTORS
    if kind == "plain":
        moves = [f"move {index} {1 - row['affinity']}" for index, row in before.items()]
        phase("move", lambda: dev.many(moves))
        after = dev.vectors()
        for index, row in before.items():
            assert after[index]["affinity"] == 1 - row["affinity"]
            assert (after[index]["address"], after[index]["data"]) == (row["address"],
                                                                       row["data"])
    with host.kicks(at_most=0):
        dev.fire_and_wait(10)
    phase("free", lambda: dev.cmd("free-all"))
    phase("release", lambda: dev.cmd("release"))
    guest.wait_until(lambda: not host.vectors(dev.endpoint), "the host has all back", 5)
    print(f"exits: {spent}, {sum(spent.values())} in all")


def test_move_to_same_cpu_is_free(boot, devices):
    """A route that does not change costs nothing."""
    devices.testdev()
    guest = boot()
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 4 4")
    dev.cmd("request-all")
    rows = dev.vectors()
    with Host(guest).kicks(at_most=0):
        dev.many([f"move {index} {row['affinity']}" for index, row in rows.items()] * 4)
        time.sleep(SETTLE)


@pytest.mark.parametrize("virq,append", [({}, "virtio_irq.strict=1"), ({"lazy": "off"}, "")])
def test_not_lazy_tells_at_once(boot, devices, virq, append):
    """Without LAZY, or with strict=1, each deactivation is known to the host when it returns."""
    devices.testdev()
    guest = boot(virq=virq, append=append)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 8 8")
    dev.cmd("request-all")
    before = host.stats()["kicks"]
    dev.cmd("free-all")
    assert host.stats()["kicks"] >= before + 8
    assert host.stats()["armed"] == 0
