# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""A host that is silent, slow or wrong costs an error: never a hang, a splat, or an interrupt."""

import time

import pytest
from host import Host
from scenario import assert_route
from testdev import Testdev

# Bounds short enough for a test, long enough for a loaded machine
POLL_MS = 300
SLEEP_MS = 1500
BOUNDS = f"virtio_irq.poll_timeout_ms={POLL_MS} virtio_irq.sleep_timeout_ms={SLEEP_MS}"

# Recovery backs off up to 5 s
RECOVERY = 40


def log_lines(guest, since):
    """The driver's log lines after the first so many lines of the log."""
    return [line for line in guest.dmesg().splitlines()[since:] if "virtio_irq" in line]


def recovered(dev, index):
    """The vector can be requested again."""
    return dev.cmd(f"request {index}", check=False).errno in ("0", "EALREADY")


@pytest.mark.parametrize("mute", ["silent", "stall"])
def test_mute(boot, devices, mute):
    """Requests time out within the bound, what runs goes on, and it recovers by itself."""
    devices.testdev()
    guest = boot(append=BOUNDS)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 12 12")
    dev.cmd("request-all 0 8")
    dev.many([f"move {index} 0" for index in range(8)])
    dev.cmd("gap 1000000 0 8")
    dev.cmd("fire-all 20000 0 8")
    lines = len(guest.dmesg().splitlines())
    guest.set("mute", mute)

    reply = dev.fails("request 8", "ETIMEDOUT")
    assert reply["us"] >= POLL_MS * 1000 * 0.9
    assert reply["us"] < (POLL_MS + 2000) * 1000
    # The engine knows by now: the next ones do not poll for all of the time again
    for index in (9, 10, 11):
        reply = dev.cmd(f"request {index}", check=False)
        assert reply.errno == "ETIMEDOUT", reply
        assert reply["us"] < 6_000_000
    # A move cannot fail, because the parent cannot go back: it is made good later
    for index in range(4):
        dev.cmd(f"move {index} 1")
    first = dev.vectors()
    time.sleep(1)
    second = dev.vectors()
    for index in range(8):
        assert second[index]["handled"] > first[index]["handled"], f"vector {index} stands still"
    assert log_lines(guest, lines), "the log says nothing"
    assert len(log_lines(guest, lines)) < 20, "the log is flooded"
    guest.check_dmesg()

    guest.set("mute", "off")
    guest.wait_until(lambda: recovered(dev, 8), "the driver recovers by itself", RECOVERY)
    dev.cmd("request-all")
    guest.wait_until(lambda: all((host.vectors(dev.endpoint)[index]["route-address"] >> 12) & 0xff
                                 == 1 for index in range(4)),
                     "dirty vectors get their route", RECOVERY)
    dev.cmd("gap 0")
    dev.cmd("fire-all 100 8 4")
    reply = dev.settle(120000)
    assert reply["handled"] == 8 * 20000 + 4 * 100
    for index in range(4):
        assert_route(host.vectors(dev.endpoint)[index], 1)


@pytest.mark.parametrize("mute", ["silent", "stall"])
def test_mute_while_freeing(boot, devices, mute):
    """free_irq() and pci_free_irq_vectors() do not wait for a silent host, and nothing leaks."""
    devices.testdev()
    guest = boot(append=BOUNDS)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 8 8")
    dev.cmd("request-all")
    guest.set("mute", mute)
    assert dev.cmd("free-all")["us"] < 2_000_000
    assert dev.cmd("release")["us"] < 5_000_000
    guest.set("mute", "off")
    guest.wait_until(lambda: not host.vectors(dev.endpoint), "the host has all back", RECOVERY)
    assert dev.cmd("alloc msix 8 8").ret == 8
    dev.cmd("request-all")
    assert dev.fire_and_wait(10)["handled"] == 80


def test_mute_while_allocating(boot, devices):
    """ALLOC without an answer is an error within the bound, and what it took is given back."""
    devices.testdev()
    guest = boot(append=BOUNDS)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    guest.set("mute", "silent")
    reply = dev.fails("alloc msix 8 8", "ENOSPC")
    assert reply["us"] < (SLEEP_MS + 4000) * 1000
    guest.set("mute", "off")
    guest.wait_until(lambda: dev.cmd("alloc msix 8 8", check=False).ret == 8,
                     "the driver recovers by itself", RECOVERY)
    dev.cmd("request-all")
    assert dev.fire_and_wait(10)["handled"] == 80
    assert len(host.vectors(dev.endpoint)) == 8


@pytest.mark.debug_kernel
def test_mute_with_cpu_offline(boot, devices):
    """A CPU goes offline while the host is silent: no lockup, all is made good later."""
    devices.testdev()
    guest = boot(append="virtio_irq.poll_timeout_ms=100 virtio_irq.sleep_timeout_ms=1000")
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 8 8")
    dev.cmd("request-all")
    dev.many([f"move {index} 1" for index in range(8)])
    guest.set("mute", "stall")
    guest.run("echo 0 > /sys/devices/system/cpu/cpu1/online", timeout=90)
    guest.set("mute", "off")
    guest.wait_until(lambda: all((vector["route-address"] >> 12) & 0xff == 0
                                 for vector in host.vectors(dev.endpoint).values()),
                     "all vectors are routed to CPU 0", RECOVERY)
    assert dev.fire_and_wait(100)["handled"] == 800
    guest.run("echo 1 > /sys/devices/system/cpu/cpu1/online")


def test_unbind_while_mute(boot, devices):
    """The driver of a function can be unbound while the host is silent."""
    devices.testdev()
    guest = boot(append=BOUNDS)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 8 8")
    dev.cmd("request-all")
    guest.set("mute", "stall")
    guest.unbind(dev.address)
    guest.set("mute", "off")
    guest.wait_until(lambda: not host.vectors(dev.endpoint), "the host has all back", RECOVERY)
    guest.bind("ims-testdev", dev.address)
    guest.wait_until(lambda: dev.cmd("alloc msix 8 8", check=False).ret == 8,
                     "vectors can be allocated", RECOVERY)
    dev.cmd("request-all")
    assert dev.fire_and_wait(10)["handled"] == 80


def test_slow_alloc_delays_nobody(boot, devices):
    """While the host thinks about one function's ALLOC, another's request_irq() is quick."""
    devices.testdev("slow").testdev("quick")
    guest = boot()
    slow = Testdev(guest, devices.address("slow"), "slow")
    quick = Testdev(guest, devices.address("quick"), "quick")
    quick.cmd("alloc msix 8 8")
    guest.set("delay", f"alloc@1x1={4000 * guest.pace}")
    with guest.background(f"{{ {slow.shell('alloc msix 8 8')}; }} > /tmp/slow; echo > /tmp/done"):
        guest.wait_until(lambda: guest.get("stats")["held"] == 1, "the host thinks", 10)
        start = time.monotonic()
        for index in range(8):
            assert quick.cmd(f"request {index}")["us"] < 500_000 * guest.pace
        quick.many([f"move {index} {index % 2}" for index in range(8)])
        quick.fire_and_wait(20)
        quick.cmd("free 0")
        assert guest.get("stats")["held"] == 1, "the host answered before the test was done"
        assert time.monotonic() - start < 4 * guest.pace
        guest.wait_until(lambda: guest.run("[ -e /tmp/done ]", check=False).rc == 0,
                         "the slow ALLOC is answered", 30)
    assert "ret=8 errno=0" in guest.read("/tmp/slow")
    slow.cmd("request-all")
    assert slow.fire_and_wait(10)["handled"] == 80


def test_slow_add_of_the_same_function(boot, devices):
    """A slow ALLOC of one more vector does not hold up the function's others."""
    devices.testdev()
    guest = boot()
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 4 4")
    dev.cmd("request-all 0 2")
    dev.cmd("gap 1000000 0 2")
    dev.cmd("fire-all 5000 0 2")
    guest.set("delay", f"alloc@1x1={3000 * guest.pace}")
    with guest.background(f"{{ {dev.shell('add 9')}; }} > /tmp/slow; echo > /tmp/done"):
        guest.wait_until(lambda: guest.get("stats")["held"] == 1, "the host thinks", 10)
        assert dev.cmd("request 2")["us"] < 500_000 * guest.pace
        dev.cmd("move 0 1")
        dev.cmd("move 0 0")
        assert guest.get("stats")["held"] == 1
        guest.wait_until(lambda: guest.run("[ -e /tmp/done ]", check=False).rc == 0,
                         "the slow ALLOC is answered", 30)
    assert "ret=9 errno=0" in guest.read("/tmp/slow")
    dev.cmd("gap 0")
    assert dev.settle(60000)["handled"] == 10000


@pytest.mark.parametrize("kind", ["short", "long", "empty", "status", "window", "align"])
def test_malformed_activate(boot, devices, kind):
    """A malformed answer to ACTIVATE: request_irq() fails with -EIO, the next one works."""
    devices.testdev()
    guest = boot(append=BOUNDS)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 6 6")
    dev.cmd("request-all 0 2")
    dev.cmd("gap 500000 0 2")
    dev.cmd("fire-all 2000 0 2")
    guest.set("malform", f"activate@1x3={kind}")
    for index in (2, 3, 4):
        dev.fails(f"request {index}", "EIO")
    guest.wait_until(lambda: recovered(dev, 2), "a good answer is taken", RECOVERY)
    dev.cmd("request-all")
    dev.cmd("fire-all 100 2 4")
    dev.cmd("gap 0")
    assert dev.settle(60000)["handled"] == 2 * 2000 + 4 * 100
    guest.check_dmesg()


def test_malformed_data(boot, devices):
    """Data that does not fit into MSI's 16 bits is refused."""
    devices.testdev()
    guest = boot(append=BOUNDS)
    dev = Testdev(guest, devices.address("testdev"))
    guest.set("malform", "activate@1x1=data")
    reply = dev.cmd("alloc msi 1 1", check=False)
    if reply.errno == "0":
        reply = dev.cmd("request 0", check=False)
    assert reply.errno in ("EIO", "ENOSPC"), reply
    guest.set("malform", "")
    dev.cmd("release", check=False)
    guest.wait_until(lambda: dev.cmd("alloc msi 1 1", check=False).ret == 1, "MSI works", RECOVERY)
    dev.cmd("request 0")
    assert dev.fire_and_wait(10)["handled"] == 10


def test_malformed_pair_changes(boot, devices):
    """Another pair for an armed vector is an error of the host's; the old one stays in use."""
    devices.testdev()
    guest = boot(append=BOUNDS)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 2 2")
    dev.cmd("request-all")
    dev.many(["move 0 0", "move 1 0"])
    before = dev.vectors()
    guest.set("malform", "activate@1x1=pair")
    dev.cmd("move 0 1")
    guest.wait_until(lambda: (host.vectors(dev.endpoint)[0]["route-address"] >> 12) & 0xff == 1,
                     "the move is made good", RECOVERY)
    dev.fire_and_wait(100)
    after = dev.vectors()
    for index in (0, 1):
        assert (after[index]["address"], after[index]["data"]) == (before[index]["address"],
                                                                   before[index]["data"])
        assert after[index]["handled"] == 100


@pytest.mark.parametrize("kind", ["short", "long", "empty", "status", "granted"])
def test_malformed_alloc(boot, devices, kind):
    """A malformed answer to ALLOC: no vectors, the host gets back what it may have given."""
    devices.testdev()
    guest = boot(append=BOUNDS)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    guest.set("malform", f"alloc@1x1={kind}")
    dev.fails("alloc msix 8 8", "ENOSPC")
    guest.wait_until(lambda: dev.cmd("alloc msix 8 8", check=False).ret == 8,
                     "a good answer is taken", RECOVERY)
    dev.cmd("request-all")
    assert dev.fire_and_wait(10)["handled"] == 80
    dev.cmd("release")
    guest.wait_until(lambda: host.allocated() == 0, "the host has all back", RECOVERY)


@pytest.mark.parametrize("kind", ["short", "long", "empty", "status"])
@pytest.mark.parametrize("request_type", ["deactivate", "free"])
def test_malformed_freeing(boot, devices, request_type, kind):
    """Malformed answers while freeing: nothing dangles, nothing leaks."""
    devices.testdev()
    guest = boot(append=BOUNDS)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    for turn in range(3):
        guest.wait_until(lambda: dev.cmd("alloc msix 8 8", check=False).ret == 8,
                         "vectors can be allocated", RECOVERY)
        dev.cmd("request-all")
        assert dev.fire_and_wait(10)["handled"] == 80 * (turn + 1)
        guest.set("malform", f"{request_type}@1x2={kind}")
        dev.cmd("free-all")
        dev.cmd("release")
        guest.wait_until(lambda: host.allocated() == 0, "the host has all back", RECOVERY)


@pytest.mark.parametrize("spoil", [("malform", "attach@1x1=short"), ("malform", "attach@1x1=empty"),
                                   ("malform", "attach@1x1=status"), ("refuse", "attach@1x1=perm"),
                                   ("refuse", "attach@1x1=nomem")],
                         ids=lambda spoil: spoil[1].replace("@1x1=", "-"))
def test_attach_fails(boot, devices, spoil):
    """A function that cannot be attached keeps its native interrupts, and can be bound again."""
    devices.testdev()
    guest = boot(append=BOUNDS)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    guest.unbind(dev.address)
    guest.wait_until(lambda: host.stats()["endpoints"] == 0, "it is detached", 5)
    lines = len(guest.dmesg().splitlines())
    guest.set(*spoil)
    guest.bind("ims-testdev", dev.address)
    # After a malformed answer it may be attached: the driver takes that back
    guest.wait_until(lambda: host.stats()["endpoints"] == 0, "it is not attached", RECOVERY)
    # PERM says that the host never serves this function, which is no news
    assert spoil[1].endswith("perm") or any(
        dev.address in line for line in guest.dmesg().splitlines()[lines:])
    dev.cmd("alloc msix 4 4")
    dev.cmd("request-all")
    assert dev.fire_and_wait(10)["handled"] == 40
    assert not any(irq.virtual for irq in guest.interrupts(chip=dev.address))
    guest.rebind("ims-testdev", dev.address)
    guest.wait_until(lambda: host.stats()["endpoints"] == 1, "it is attached", RECOVERY)
    dev.cmd("alloc msix 4 4")
    dev.cmd("request-all")
    assert dev.fire_and_wait(10)["handled"] == 40
