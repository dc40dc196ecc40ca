# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""A guest that makes registers of devices the buffers of its requests, and the target of routes.

What the device writes there may come back to it while it is at work.
"""

import pytest
import qtest
import virtio_irq as v
from rig import EP, MSEC, Rig

EXPRESS, DEVCTL = 0x10, 8
ECAM = 0xb0000000


def ecam(machine, bdf, offset):
    """The address of a function's configuration space in memory, on a "q35"."""
    qtest.Function(machine, 0).set_config(0x60, ECAM | 1)
    return ECAM + (bdf << 12) + offset


def put(ctl, request, *buffers):
    """Put a request whose answer goes into the (address, size) of buffers."""
    memory = ctl.machine.alloc()
    ctl.machine.write(memory, request)
    return ctl.requestq.add([(memory, len(request), False),
                             *((address, size, True) for address, size in buffers)])


def status_register(rig):
    """Where the controller's own device_status is in memory."""
    bar, start = rig.ctl.transport.areas[qtest.CFG_COMMON]
    return rig.function.bars[bar] + start + qtest.COMMON["device_status"][0]


class ExpressRig(Rig):
    """The controller is behind a root port, where it has a function level reset."""

    def __init__(self, start, options="", vectors=256):  # pylint: disable=super-init-not-called
        self.machine = start(
            # Slots are switched off by their port's registers, and not by ACPI's
            "-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
            "-device", "pcie-root-port,id=rp,chassis=1,addr=2",
            "-device", f"virtio-irq-test-pci,id=irq,bus=rp{options}",
            "-device", f"ims-testdev,id=t0,addr=4,vectors={vectors}", machine="q35")
        qtest.make_bridge(self.machine, 2, 1)
        self.function = qtest.Function(self.machine, 0, bus=1)
        self.dev = v.Testdev(self.machine, 4).enable()
        self.ctl = v.Controller(qtest.PCITransport(self.function.enable()))

    def flr(self):
        """The byte of configuration space in which bit 7 means FLR."""
        return ecam(self.machine, self.function.bdf,
                    self.function.capability(EXPRESS) + DEVCTL + 1)


@pytest.mark.parametrize("late", [True, False])
def test_answer_is_flr(start, late):
    """An answer resets the function whose it is; those that wait behind it are gone."""
    rig = ExpressRig(start)
    rig.ctl.attach(EP)
    if late:
        rig.machine.set("delay", "alloc=1")
    memory = rig.machine.alloc()
    # 128 are granted, and the count's low byte goes there
    put(rig.ctl, v.alloc(EP, 0, 128), (memory, 8), (rig.flr(), 1), (memory + 9, 7))
    for index in range(3):
        rig.ctl.put(v.alloc(EP, 128 + index, 1))
    rig.ctl.kick()
    rig.machine.clock_step(MSEC)
    stats = rig.stats()
    assert [stats[name] for name in ("endpoints", "allocated", "held")] == [0] * 3
    rig.function.set_config(qtest.COMMAND, qtest.COMMAND_MEMORY | qtest.COMMAND_MASTER, 2)
    rig.ctl = v.Controller(qtest.PCITransport(rig.function.enable()))
    rig.machine.set("delay", "")
    rig.ctl.attach(EP)


@pytest.mark.parametrize("late", [True, False])
def test_answer_is_unplug(start, late):
    """An answer switches the slot of the function off whose it is: all of it goes."""
    rig = ExpressRig(start)
    rig.ctl.attach(EP)
    pair = rig.ctl.arm(EP, 200)
    port = qtest.Function(rig.machine, 2)
    slot_control = port.capability(EXPRESS) + 0x18
    port.set_config(slot_control, 0, 2)
    if late:
        rig.machine.set("delay", "alloc=1")
    memory = rig.machine.alloc()
    # A reserved byte and the number of those granted: 0x0700 is power and its indicator off
    put(rig.ctl, v.alloc(EP, 0, 7), (memory, 7),
        (ecam(rig.machine, port.bdf, slot_control), 2), (memory + 9, 7))
    rig.ctl.put(v.alloc(EP, 100, 1))
    rig.ctl.kick()
    rig.machine.clock_step(MSEC)
    rig.machine.wait_for(lambda: not rig.function.exists())
    assert rig.dev.send(pair) == 0
    assert "irq" not in {child["name"] for child in rig.machine.qmp.execute(
        "qom-list", path="/machine/peripheral")}


@pytest.mark.parametrize("way", ["notification", "bottom half", "timer", "message", "command"])
def test_answer_is_status(rig, way):
    """The status OK, written to the device's own status register, would be a reset."""
    rig.ctl.attach(EP)
    pair = rig.ctl.arm(EP, 0)
    status = rig.ctl.transport.status()
    if way == "bottom half":
        rig.machine.set("mute", "stall")
    elif way == "timer":
        rig.machine.set("delay", "alloc=1")
    elif way == "command":
        rig.machine.set("mute", "silent")
    memory = rig.machine.alloc()
    put(rig.ctl, v.alloc(EP, 1, 1), (status_register(rig), 1), (memory, 15))
    if way == "message":
        rig.dev.send(pair)
    else:
        rig.ctl.kick()
    rig.machine.clock_step(MSEC)
    rig.machine.set("mute", "off")
    rig.machine.wait_for(lambda: rig.ctl.requestq.used_index() == 4)
    assert rig.stats()["endpoints"] == 1
    assert rig.ctl.transport.status() == status
    assert rig.vector(1)["index"] == 1


def test_route_is_status(start):
    """A message whose route is the device's own status register resets it."""
    rig = Rig(start, ",route-window=0-0xffffffffffffffff", extra=("-trace", "virtio_irq_message"))
    rig.ctl.attach(EP)
    rig.ctl.alloc(EP, 0, 1)
    rig.dev.send(rig.ctl.activate(EP, 0, 0, address=status_register(rig)))
    assert rig.ctl.transport.status() == 0
    assert rig.stats()["endpoints"] == 0
    rig.ctl.start(1 << v.F_LAZY)
    rig.ctl.attach(EP)


def test_answer_is_another_doorbell(rig):
    """A message that the device's own answer causes counts as sent before or after (DEV-96)."""
    rig.ctl.attach(EP)
    address, data = rig.ctl.arm(EP, 0)
    for offset, value in ((0x58, 0), (0x40, address & 0xffffffff), (0x44, address >> 32),
                          (0x48, data)):
        rig.dev.write(0, offset, value)
    memory = rig.machine.alloc()
    # RAW_SEND takes 4 bytes, whatever they are
    put(rig.ctl, v.deactivate(EP, 0), (rig.dev.bars[0] + 0x4c, 4), (memory, 4))
    rig.ctl.kick()
    assert rig.dev.read(0, 0x54) == 1, "it was sent"
    assert rig.messages() in ({"delivered": 1}, {"freed": 1})
    rig.dev.send((address, data))
    assert rig.messages()["freed"] in (1, 2)
