# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The controller leaves the machine without a word, under functions that have vectors."""

import re
import time

import pcie
from host import Host
from testdev import Testdev, parse_reply

# Of requests that may sleep, as it is unless somebody changes it
SLEEP_S = 30
RECOVERY = 40


def driver_lines(guest):
    """What the driver has logged."""
    return [line for line in guest.dmesg().splitlines() if "virtio_irq" in line]


def state(guest):
    """Of the request engine."""
    return re.search(r"state: (\w+)",
                     guest.run("cat /sys/kernel/debug/virtio-irq/*/stats").out)[1]


def allocs(guest):
    """Requests of that type that the driver has sent, answered or not."""
    stats = guest.run("cat /sys/kernel/debug/virtio-irq/*/stats").out
    return int(re.search(r"request ALLOC: (\d+)", stats)[1])


def test_pulled_out(boot, devices):
    """A card that is pulled, with a request on its way: whoever waits is told so at once, the
    drivers of its functions go with its own, and have the platform's interrupts then."""
    devices.testdev("one").testdev("two")
    guest = boot(buses=pcie.BUSES, virq=pcie.VIRQ, args=pcie.NATIVE_HOTPLUG)
    dev = Testdev(guest, devices.address("one"), "one")
    other = Testdev(guest, devices.address("two"), "two")
    dev.cmd("alloc msix 8 8")
    dev.cmd("request-all 0 4")
    dev.fire_and_wait(10)
    guest.set("mute", "stall")
    before = allocs(guest)
    with guest.background(f"{{ {other.shell('alloc msix 8 8')}; }} > /tmp/waiter; "
                          "echo > /tmp/done"):
        guest.wait_until(lambda: allocs(guest) > before, "the host is asked", 10)
        pcie.pull_out(guest, pcie.PORT)
        guest.wait_until(lambda: not pcie.present(guest, pcie.BEHIND_PORT),
                         "the driver is removed", RECOVERY)
        guest.wait_until(lambda: guest.run("[ -e /tmp/done ]", check=False).rc == 0,
                         "the waiter is told", 5)
    # It has come back within seconds. If its driver went before it could read the answer: empty
    text = guest.read("/tmp/waiter")
    if text:
        waiter = parse_reply(text)
        # The PCI core's word for any error of an allocation
        assert waiter.errno == "ENOSPC" and waiter["us"] < SLEEP_S / 2 * 1_000_000, waiter
    assert guest.run("ls -d /sys/bus/virtio/drivers/virtio_irq/virtio*", check=False).rc != 0
    for each in (dev, other):
        # Its driver could not stay without what it depends on
        guest.bind("ims-testdev", each.address)
        each.cmd("alloc msix 4 4")
        each.cmd("request-all")
        assert each.fire_and_wait(10)["handled"] == 40
        assert not any(irq.virtual for irq in guest.interrupts(chip=each.address))


def test_without_power(boot, devices):
    """Its slot loses power, and nobody takes note but the driver: requests fail at once, the log
    has it once however long it lasts, and all is made good when the card is back."""
    devices.testdev()
    guest = boot(buses=pcie.BUSES, virq=pcie.VIRQ)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 8 8")
    dev.cmd("request-all 0 4")
    dev.fire_and_wait(10)
    before = pcie.save(guest, pcie.BEHIND_PORT)
    pcie.power(guest, pcie.PORT, False)
    dev.cmd("move 0 0")
    guest.wait_until(lambda: state(guest) == "absent", "the driver finds out", RECOVERY)
    dev.fails("request 6", "ENODEV")
    assert dev.cmd("move 0 1")["us"] < 500_000
    lines = driver_lines(guest)
    assert len([line for line in lines if "has left the bus" in line]) == 1, lines
    time.sleep(12)
    assert driver_lines(guest) == lines
    pcie.power(guest, pcie.PORT, True)
    pcie.restore(guest, pcie.BEHIND_PORT, before)
    guest.wait_until(lambda: state(guest) == "ready", "the driver sets it up", RECOVERY)
    guest.wait_until(lambda: len(host.vectors(dev.endpoint)) == 8, "all is as it was", RECOVERY)
    dev.cmd("request-all 4 4")
    dev.cmd("fire-all 10")
    reply = dev.wait(30000)
    assert reply["handled"] == reply["fired"] == 4 * 10 + 8 * 10
