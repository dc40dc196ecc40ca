# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""What the contract asks of QEMU's device, and no other test looks at."""

import pytest
import qtest
import virtio_irq as v
from rig import EP, MSEC, OTHER, Rig
from test_migration import save

CFG_ISR = 3
NO_INTERRUPT = 1
BRIDGE_CONTROL, BUS_RESET = 0x3e, 0x40
BEHIND = ("-device", "pci-bridge,chassis_nr=1,id=br,addr=6",
          "-device", "ims-testdev,id=t2,bus=br,addr=1")
FAR = 0x0108
PM, PM_CTRL, D3HOT = 0x01, 4, 3
TESTDEV_ID, TESTDEV_ID_VALUE = 0x00, 0x54534d49


def test_used_buffer_notifications(rig):
    """They come only where the driver wants them (DEV-4), and answers in any case (DEV-3)."""
    transport, queue = rig.ctl.transport, rig.ctl.requestq
    bar, isr = transport.areas[CFG_ISR]
    # No interrupt vector is given to the queue anywhere in these tests
    for flags, want in ((NO_INTERRUPT, 0), (0, 1), (NO_INTERRUPT, 0)):
        rig.machine.write(queue.avail, bytes([flags]))
        rig.ctl.attach(EP)
        assert rig.function.read(bar, isr, 1) == want
        # Reading it clears it
        assert rig.function.read(bar, isr, 1) == 0


def test_configuration_is_constant(rig):
    """Whatever is written to it, and whatever happens (DEV-17, DEV-23, DEV-25)."""
    transport = rig.ctl.transport
    bar, start = transport.areas[qtest.CFG_DEVICE]
    before, generation = transport.config(0, 216), transport.get("config_generation")

    def check():
        assert transport.config(0, 216) == before
        assert transport.get("config_generation") == generation

    for offset in range(0, 216, 4):
        rig.function.write(bar, start + offset, 0xffffffff)
        check()
    for offset in range(16, 216):
        rig.function.write(bar, start + offset, 0xff, 1)
    check()
    rig.ctl.attach(EP)
    rig.ctl.arm(EP, 0)
    rig.machine.set("vector-quota", 1)
    check()
    rig.ctl.start(1 << v.F_LAZY)
    check()


def test_queue_order(rig):
    """Requests of one notification take effect in the order of the ring (DEV-90)."""
    rig.ctl.attach(EP)
    rig.ctl.attach(OTHER)
    rig.ctl.alloc(EP, 0, 4)
    requests = [
        # Two vectors trade places: what one is given up for is the other's next
        (v.activate(EP, 0, 0x40), v.S_OK), (v.activate(EP, 1, 0x41), v.S_OK),
        (v.deactivate(EP, 0), v.S_OK), (v.activate(EP, 1, 0x40), v.S_OK),
        (v.activate(EP, 0, 0x41), v.S_OK),
        # Freed, used, allocated again, used again
        (v.ranged(v.T_FREE, EP, 2, 1), v.S_OK), (v.activate(EP, 2, 0x42), v.S_NOENT),
        (v.alloc(EP, 2, 1), v.S_OK), (v.activate(EP, 2, 0x43), v.S_OK),
        (v.activate(EP, 3, 0x44), v.S_OK), (v.deactivate(EP, 3), v.S_OK),
        (v.activate(EP, 3, 0x45), v.S_OK), (v.ranged(v.T_FREE, EP, 3, 1), v.S_OK),
        # The whole endpoint
        (v.alloc(OTHER, 0, 1), v.S_OK), (v.detach(OTHER), v.S_OK),
        (v.activate(OTHER, 0, 0x46), v.S_NOENT), (v.attach(OTHER), v.S_OK),
        (v.activate(OTHER, 0, 0x47), v.S_NOENT),
    ]
    heads = [rig.ctl.put(request) for request, _ in requests]
    rig.ctl.kick()
    answers = rig.ctl.answers()
    assert [answers[head][0] for head in heads] == [status for _, status in requests]
    assert [rig.vector(index)["route-data"] for index in range(3)] == [0x41, 0x40, 0x43]
    assert rig.stats()["allocated"] == 3 and rig.stats()["armed"] == 3


def test_nothing_beyond_the_used_length(rig):
    """The rest of the device-writable part stays as it was (DEV-39)."""
    memory = rig.machine.alloc()
    for request, used in ((v.attach(EP), 16 + v.TLV_SIZE), (v.attach(0), 8),
                          (v.alloc(EP, 0, 4), 16), (v.activate(EP, 0, 0x40), 24),
                          (v.activate(EP, 9, 0x40), 8), (v.deactivate(EP, 0), 8),
                          (b"\x63" + bytes(15), 8), (v.detach(EP)[:-1], 8)):
        rig.machine.write(memory, request)
        rig.machine.write(memory + 0x100, b"\xaa" * 0x200)
        rig.ctl.requestq.add([(memory, len(request), False), (memory + 0x100, 0x200, True)])
        rig.ctl.kick()
        assert list(rig.ctl.requestq.reap().values()) == [used]
        written = rig.machine.read(memory + 0x100, 0x200)
        assert written[used:] == b"\xaa" * (0x200 - used)
        assert written[1:8] == bytes(7)


def test_reset_while_a_request_is_held(rig):
    """Afterwards the device writes neither to its buffer nor to the ring (DEV-131)."""
    rig.ctl.attach(EP)
    rig.machine.set("delay", "alloc=100")
    rig.ctl.put(v.alloc(EP, 0, 4))
    rig.ctl.kick()
    queue = rig.ctl.requestq
    areas = [(queue.used, 6 + 8 * queue.size), (queue.desc, 16 * queue.size)]
    (_, buffer), = rig.ctl._where.values()  # pylint: disable=protected-access
    areas.append((buffer, v.RSP_SIZE))
    rig.ctl.transport.set_status(0)
    assert rig.stats()["held"] == 0 and rig.stats()["endpoints"] == 0
    before = [rig.machine.read(*area) for area in areas]
    rig.machine.clock_step(1000 * MSEC)
    assert [rig.machine.read(*area) for area in areas] == before


def test_function_reset(start):
    """A function that is reset keeps its vectors (DEV-138)."""
    rig = Rig(start, extra=BEHIND)
    qtest.make_bridge(rig.machine, 6, 1)
    far = v.Testdev(rig.machine, 1, bus=1).enable()
    rig.ctl.attach(FAR)
    pair = rig.ctl.arm(FAR, 3)
    bridge = qtest.Function(rig.machine, 6)
    bridge.set_config(BRIDGE_CONTROL, BUS_RESET, 2)
    bridge.set_config(BRIDGE_CONTROL, 0, 2)
    assert far.config(4, 2) == 0, "it was reset"
    far.enable()
    far.send(pair)
    assert rig.messages() == {"delivered": 1} and rig.vector(3)["delivered"] == 1
    assert rig.ctl.activate(FAR, 3, 0x41) == pair


def test_function_without_power(start):
    """So does one that was in D3hot, where it has no registers and sends nothing."""
    rig = Rig(start, testdev=",pm=on")
    rig.ctl.attach(EP)
    pair = rig.ctl.arm(EP, 3)
    power = rig.dev.capability(PM) + PM_CTRL
    assert rig.dev.read(0, TESTDEV_ID) == TESTDEV_ID_VALUE
    rig.dev.set_config(power, D3HOT, 2)
    assert rig.dev.read(0, TESTDEV_ID) != TESTDEV_ID_VALUE
    rig.dev.send(pair)
    assert rig.messages() == {}
    rig.dev.set_config(power, 0, 2)
    assert rig.dev.config(4, 2) == 0, "it was reset"
    rig.dev.enable()
    rig.dev.send(pair)
    assert rig.messages() == {"delivered": 1}
    assert rig.ctl.activate(EP, 3, 0x41) == pair


def test_messages_of_a_renumbered_function(start):
    """They find their vectors until its old number is detached (DEV-140), with the ID of the bus."""
    rig = Rig(start, extra=BEHIND + ("-trace", "virtio_irq_deliver"))
    qtest.make_bridge(rig.machine, 6, 1)
    far = v.Testdev(rig.machine, 1, bus=1).enable()
    rig.ctl.attach(FAR)
    pair = rig.ctl.arm(FAR, 3)
    qtest.make_bridge(rig.machine, 6, 2)
    moved = v.Testdev(rig.machine, 1, bus=2)
    moved.bars = far.bars
    moved.send(pair)
    assert rig.messages() == {"delivered": 1} and rig.vector(3)["delivered"] == 1
    # What a bridge to conventional PCI puts in place of the function's own ID (DEV-29)
    assert "requester=0000:00:06.0" in rig.machine.stderr()
    rig.ctl.ok(v.detach(FAR))
    moved.send(pair)
    assert rig.messages() == {"delivered": 1}


def test_inert_pair_elsewhere(start):
    """Where no message belongs, nothing answers to a pair of its own accord (DEV-160)."""
    rig = Rig(start, ",window=0x7f00000000-0x7f000fffff")
    rig.ctl.attach(EP)
    pair = rig.ctl.arm(EP, 0)
    assert rig.dev.send(pair) == 0 and rig.vector()["delivered"] == 1
    rig.ctl.ok(v.detach(EP))
    assert rig.dev.send(pair) != 0, "the bus has nobody there"


@pytest.mark.parametrize("options", ["max-count=4095", "lazy=off", "pasid-bits=0"])
def test_migration_to_another_contract(start, tmp_path, options):
    """What the driver has been told has to hold there, too (DEV-144)."""
    rig = Rig(start, features=1 << v.F_LAZY | 1 << v.F_PASID)
    rig.ctl.attach(EP)
    rig.ctl.arm(EP, 0)
    save(rig, tmp_path / "state")
    arguments = [word + "," + options if "id=irq" in word else word for word in rig.arguments]
    assert arguments != list(rig.arguments)
    machine = start(*arguments, incoming=f"exec:cat {tmp_path}/state", wait=False)
    assert machine.process.wait(qtest.TIMEOUT) == 1
    assert "rror while loading state" in machine.stderr()
