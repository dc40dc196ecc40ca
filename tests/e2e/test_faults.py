# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""A host that is silent, slow or wrong costs an error: never a hang, a splat, or an interrupt."""

import itertools
import time

import pytest
from host import Host
from scenario import assert_route, destination
from testdev import Testdev, parse_reply

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
    guest.wait_until(lambda: all(destination(host.vectors(dev.endpoint)[index]) == 1 for index in range(4)),
                     "dirty vectors get their route", RECOVERY)
    dev.cmd("gap 0")
    dev.cmd("fire-all 100 8 4")
    # Each move that failed is made up for by one interrupt
    reply = dev.settle(120000, raised=4)
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
    guest.wait_until(lambda: all(destination(vector) == 0
                                 for vector in host.vectors(dev.endpoint).values()),
                     "all vectors are routed to CPU 0", RECOVERY)
    assert dev.fire_and_wait(100)["handled"] == 800
    guest.run("echo 1 > /sys/devices/system/cpu/cpu1/online")


@pytest.mark.parametrize("mute", ["silent", "stall"])
def test_failed_move_then_offline(boot, devices, mute):
    """A move of which the host did not hear, and then the CPU that it left goes: what came
    meanwhile went nowhere, and is raised once the host has the new route."""
    devices.testdev()
    guest = boot(append=BOUNDS)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 8 8")
    dev.cmd("request-all")
    dev.many([f"move {index} 1" for index in range(8)])
    dev.fire_and_wait(10)
    guest.set("mute", mute)
    for index in range(4):
        dev.cmd(f"move {index} 0")
    guest.run("echo 0 > /sys/devices/system/cpu/cpu1/online", timeout=90)
    dev.cmd("fire-all 1")
    guest.set("mute", "off")
    guest.wait_until(lambda: all(destination(vector) == 0
                                 for vector in host.vectors(dev.endpoint).values()),
                     "all vectors are routed to CPU 0", RECOVERY)
    assert dev.wait(RECOVERY * 1000)["handled"] == 8 * 11
    guest.run("echo 1 > /sys/devices/system/cpu/cpu1/online")


def test_failed_move_then_resend(boot, devices):
    """A move of which the host did not hear, and then the kernel itself raises the interrupt on
    the new CPU: the vector on the old one, where messages still arrive, is not given up."""
    devices.testdev()
    guest = boot(append=BOUNDS)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 4 4")
    dev.cmd("request-all")
    dev.many([f"move {index} 1" for index in range(4)])
    dev.fire_and_wait(10)
    guest.set("mute", "stall")
    # x86 gives the old vectors up with the first interrupt on the new CPU, while the host
    # routes to them: those messages are made up for when it has heard of the moves
    guest.expected.append(r"No irq handler for 1\.")
    for index in range(4):
        dev.cmd(f"move {index} 0")
    # Held back by the kernel, which sends them itself when it is told to go on
    dev.many([f"mask {index} lazy" for index in range(4)])
    dev.cmd("fire-all 1")
    dev.many([f"unmask {index}" for index in range(4)])
    dev.cmd("fire-all 1000")
    guest.set("mute", "off")
    guest.wait_until(lambda: all(destination(vector) == 0
                                 for vector in host.vectors(dev.endpoint).values()),
                     "all vectors are routed to CPU 0", RECOVERY)
    assert dev.wait(RECOVERY * 1000)["handled"] == 4 * 1011


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


def test_slow_commit_delays_nobody(boot, devices):
    """While the host works for one interrupt, those of the same function and of another one are
    quick; request_irq() returns 0 after that, also if the controller was reset meanwhile."""
    devices.testdev("slow").testdev("quick")
    guest = boot(virq={"commit-first": "on"})
    slow = Testdev(guest, devices.address("slow"), "slow")
    quick = Testdev(guest, devices.address("quick"), "quick")
    slow.cmd("alloc msix 4 4")
    slow.cmd("request 0")
    quick.cmd("alloc msix 4 4")
    quick.cmd("request-all")
    work = 4000 * guest.pace
    guest.set("work", work)
    for index, reset in ((1, False), (2, True)):
        done = f"/tmp/done{index}"
        with guest.background(f"{{ {slow.shell(f'request {index}')}; }} > /tmp/slow{index}; "
                              f"echo > {done}"):
            guest.wait_until(lambda: guest.get("stats")["kept"] == 1, "the host works", 10)
            quick.many([f"move {vector} {vector % 2}" for vector in range(4)])
            quick.fire_and_wait(20)
            slow.cmd("move 0 1")
            slow.cmd("fire 0 20")
            slow.wait(3000, 0, 1)
            quick.cmd("free 3")
            quick.cmd("free 2")
            assert guest.get("stats")["kept"] == 1, "the host was ready before the test was done"
            if reset:
                guest.set("work", 0)
                guest.run("echo 1 > $(echo /sys/bus/virtio/drivers/virtio_irq/virtio*/reset)")
            guest.wait_until(lambda: guest.run(  # pylint: disable=cell-var-from-loop
                f"[ -e {done} ]", check=False).rc == 0, "the interrupt is there", 30)
        reply = parse_reply(guest.read(f"/tmp/slow{index}"))
        assert reply.errno == "0" and (reset or reply["us"] >= work * 1000)
        guest.set("work", 0)
        quick.cmd("request-all 2 2")
        guest.set("work", work)
    guest.set("work", 0)
    slow.cmd("request 3")
    slow.cmd("fire-all 10")
    slow.settle(raised=8)


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


def test_malformed_activate(boot, devices):
    """A malformed answer to ACTIVATE: request_irq() fails with -EIO, the next one works."""
    devices.testdev()
    guest = boot(append=BOUNDS)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 6 6")
    dev.cmd("request-all 0 2")
    handled = 0
    for kind in ("short", "long", "empty", "status", "window", "align"):
        print(kind)
        dev.cmd("gap 500000 0 2")
        dev.cmd("fire-all 2000 0 2")
        guest.set("malform", f"activate@1x3={kind}")
        for index in (2, 3, 4):
            dev.fails(f"request {index}", "EIO")
        guest.wait_until(lambda: recovered(dev, 2), "a good answer is taken", RECOVERY)
        dev.cmd("request-all")
        dev.cmd("fire-all 100 2 4")
        dev.cmd("gap 0")
        handled += 2 * 2000 + 4 * 100
        assert dev.settle(60000)["handled"] == handled
        guest.check_dmesg()
        dev.cmd("free-all 2 4")


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
    guest.wait_until(lambda: destination(host.vectors(dev.endpoint)[0]) == 1,
                     "the move is made good", RECOVERY)
    dev.fire_and_wait(100)
    after = dev.vectors()
    for index in (0, 1):
        assert (after[index]["address"], after[index]["data"]) == (before[index]["address"],
                                                                   before[index]["data"])
        assert after[index]["handled"] == 100


def test_malformed_alloc(boot, devices):
    """A malformed answer to ALLOC: no vectors, the host gets back what it may have given."""
    devices.testdev()
    guest = boot(append=BOUNDS)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    for turn, kind in enumerate(("short", "long", "empty", "status", "granted"), 1):
        print(kind)
        guest.set("malform", f"alloc@1x1={kind}")
        dev.fails("alloc msix 8 8", "ENOSPC")
        guest.wait_until(lambda: dev.cmd("alloc msix 8 8", check=False).ret == 8,
                         "a good answer is taken", RECOVERY)
        dev.cmd("request-all")
        assert dev.fire_and_wait(10)["handled"] == 80 * turn
        dev.cmd("release")
        guest.wait_until(lambda: host.allocated() == 0, "the host has all back", RECOVERY)


def test_malformed_freeing(boot, devices):
    """Malformed answers while freeing: nothing dangles, nothing leaks."""
    devices.testdev()
    guest = boot(append=BOUNDS)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    handled = 0
    for case in itertools.product(("deactivate", "free"), ("short", "long", "empty", "status")):
        print(*case)
        for _ in range(2):
            guest.wait_until(lambda: dev.cmd("alloc msix 8 8", check=False).ret == 8,
                             "vectors can be allocated", RECOVERY)
            dev.cmd("request-all")
            handled += 80
            assert dev.fire_and_wait(10)["handled"] == handled
            guest.set("malform", "{}@1x2={}".format(*case))
            dev.cmd("free-all")
            dev.cmd("release")
            guest.wait_until(lambda: host.allocated() == 0, "the host has all back", RECOVERY)
        guest.set("malform", "")


def test_attach_fails(boot, devices):
    """A function that cannot be attached keeps its native interrupts, and can be bound again."""
    devices.testdev()
    guest = boot(append=BOUNDS)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    for prop, text in (("malform", "short"), ("malform", "empty"), ("malform", "status"),
                       ("refuse", "perm"), ("refuse", "nomem")):
        print(prop, text)
        guest.unbind(dev.address)
        guest.wait_until(lambda: host.stats()["endpoints"] == 0, "it is detached", RECOVERY)
        lines = len(guest.dmesg().splitlines())
        guest.set(prop, f"attach@1x1={text}")
        guest.bind("ims-testdev", dev.address)
        # After a malformed answer it may be attached: the driver takes that back
        guest.wait_until(lambda: host.stats()["endpoints"] == 0, "it is not attached", RECOVERY)
        # PERM says that the host never serves this function, which is no news
        assert text == "perm" or any(dev.address in line
                                     for line in guest.dmesg().splitlines()[lines:])
        dev.cmd("alloc msix 4 4")
        dev.cmd("request-all")
        assert dev.fire_and_wait(10)["handled"] == 40
        assert not any(irq.virtual for irq in guest.interrupts(chip=dev.address))
        guest.rebind("ims-testdev", dev.address)
        guest.wait_until(lambda: host.stats()["endpoints"] == 1, "it is attached", RECOVERY)
        dev.cmd("alloc msix 4 4")
        dev.cmd("request-all")
        assert dev.fire_and_wait(10)["handled"] == 40
