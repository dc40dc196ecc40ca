# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Events across a migration, and buffers of a guest that means harm."""

import random
import struct

import pytest
import qtest
import virtio_irq as v
from rig import EP, EVENTS
from test_events import change, revoke, revoked, stale
from test_migration import load, save
from test_reentry import ExpressRig, ecam, status_register

EXPRESS = 0x10


def other_window(rig, window="0x7f00000000-0x7f000fffff"):
    """The destination has its pairs elsewhere."""
    rig.arguments = [word + f",window={window}" if "id=irq" in word else word
                     for word in rig.arguments]


def test_migration(start, erig, tmp_path):
    """What waits for a buffer, what was told, and buffers that wait for an event."""
    rig = erig
    rig.ctl.alloc(EP, 2, 3)
    old = [rig.ctl.activate(EP, index, 0x42) for index in range(2, 5)]
    rig.ctl.events.fill(1)
    change(rig, still_valid=True, index=2)
    assert rig.ctl.events.wait(1) == [stale(2, 1, v.E_STILL_VALID)]
    change(rig, still_valid=True, index=3)
    revoke(rig, "nospc", index=4)
    assert not rig.ctl.events.take()
    before = rig.machine.get("vectors")
    save(rig, tmp_path / "state")
    load(start, rig, tmp_path / "state")
    assert sorted(map(str, rig.machine.get("vectors"))) == \
        sorted(str(dict(vec, delivered=0, routed=0)) for vec in before)
    stats = rig.stats()
    assert [stats[name] for name in ("stale", "revoked", "waiting")] == [2, 1, 2]
    assert stats["stale-since"] and stats["revoked-since"]
    # What was told is not told again, and both pairs deliver
    rig.dev.send(old[0])
    assert rig.vector(2)["delivered"] == 1
    new = rig.ctl.activate(EP, 2, 0x42)
    assert new != old[0]
    rig.dev.send(new)
    assert rig.vector(2)["delivered"] == 2
    assert rig.ctl.activate(EP, 3, 0x42) == old[1]
    rig.ctl.events.fill(4)
    assert sorted(rig.ctl.events.wait(2)) == [stale(3, 1, v.E_STILL_VALID),
                                              revoked(v.S_NOSPC, 4, 1)]
    # Two buffers are left. They were popped here, and are used there
    save(rig, tmp_path / "again")
    load(start, rig, tmp_path / "again")
    change(rig, index="0-1")
    assert rig.ctl.events.wait(1) == [stale(0, 2)]
    revoke(rig, "perm", index=0)
    assert rig.ctl.events.wait(1) == [revoked(v.S_PERM, 0, 1)]
    revoke(rig, "quota", index=0)
    assert not rig.ctl.events.take()


def test_migration_of_a_short_buffer(start, erig, tmp_path):
    """The order of buffers is that of the ring also after they were put back."""
    erig.ctl.events.fill(1)
    erig.ctl.events.fill(1, size=3)
    erig.ctl.events.fill(1)
    assert not erig.ctl.events.take()
    save(erig, tmp_path / "state")
    # The source can go on, too
    erig.machine.qmp.execute("cont")
    change(erig, index=1)
    assert erig.ctl.events.wait(2) == [stale(1, 1), None]
    erig.machine.qmp.execute("stop")
    save(erig, tmp_path / "state")
    load(start, erig, tmp_path / "state")
    revoke(erig, "quota", index=0)
    assert erig.ctl.events.wait(1) == [revoked(v.S_QUOTA, 0, 1)]


def test_migration_with_an_unread_fault(start, erig, tmp_path):
    """Buffers that were there before are none that the driver has made available since (DEV-127)."""
    pair = erig.pairs[0][0]
    erig.ctl.events.fill(3)
    erig.dev.send((pair, 1))
    assert [event.data for event in erig.ctl.events.wait(1)] == [1]
    save(erig, tmp_path / "state")
    load(start, erig, tmp_path / "state")
    erig.dev.send((pair, 2))
    assert not erig.ctl.events.take()
    erig.ctl.events.fill(1)
    assert [event.data for event in erig.ctl.events.wait(1)] == [2]


def test_migration_to_another_window(start, erig, tmp_path):
    """The driver is told to ask ATTACH and its pairs again (DEV-143)."""
    rig = erig
    rig.ctl.attach(5 << 3)
    rig.ctl.events.fill(2)
    save(rig, tmp_path / "state")
    other_window(rig)
    load(start, rig, tmp_path / "state")
    # There are buffers: it is told before it can ask
    everything = [stale(0, 0, v.E_REREAD | v.E_ALL),
                  stale(0, 0, v.E_REREAD | v.E_ALL, endpoint=5 << 3)]
    assert rig.ctl.events.wait(2) == everything
    assert rig.stats()["stale"] == 2
    _, tlvs = rig.ctl.attach(EP)
    assert struct.unpack("<4xQQ", tlvs[1][0]) == (0x7f00000000, 0x7f000fffff)
    new = rig.ctl.activate(EP, 0, 0x40)
    assert new == (0x7f00000004, rig.pairs[0][1])
    rig.dev.send(new)
    assert rig.vector(0)["delivered"] == 1
    # Vector 1 has not been asked for, and the queue is reset: it is still to be told
    rig.ctl.transport.reset_queue(v.EVENTQ)
    rig.ctl.events.start()
    rig.ctl.events.fill(4)
    assert sorted(rig.ctl.events.wait(2)) == sorted([stale(1, 1), everything[1]])
    rig.ctl.activate(EP, 1, 0x41)
    assert rig.stats()["stale"] == 0


def test_migration_to_another_window_without_buffers(start, erig, tmp_path):
    """Until it can be told, it is answered what it knows (DEV-120)."""
    save(erig, tmp_path / "state")
    other_window(erig)
    load(start, erig, tmp_path / "state")
    assert erig.ctl.activate(EP, 0, 0x50) == erig.pairs[0]
    # Back again, though the driver never knew
    save(erig, tmp_path / "again")
    other_window(erig, "0xfee00000-0xfeefffff")
    load(start, erig, tmp_path / "again")
    assert erig.ctl.activate(EP, 0, 0x50) == erig.pairs[0]
    erig.dev.send(erig.pairs[0])
    assert erig.vector(0)["delivered"] == 1
    erig.ctl.events.fill(1)
    assert erig.ctl.events.wait(1) == [stale(0, 0, v.E_REREAD | v.E_ALL)]


def test_migration_to_another_window_without_events(start, rig, tmp_path):
    """Nobody could tell the driver: it fails, and says so (DEV-143)."""
    rig.ctl.attach(EP)
    rig.ctl.arm(EP, 0)
    save(rig, tmp_path / "state")
    other_window(rig)
    machine = start(*rig.arguments, incoming=f"exec:cat {tmp_path}/state", wait=False)
    assert machine.process.wait(qtest.TIMEOUT) == 1
    assert "is out of scope, or is another one" in machine.stderr()


def test_migration_to_a_device_without_events(start, erig, tmp_path):
    """The destination has to offer what was negotiated (DEV-144)."""
    save(erig, tmp_path / "state")
    erig.arguments = [word + ",events=off" if "id=irq" in word else word
                      for word in erig.arguments]
    machine = start(*erig.arguments, incoming=f"exec:cat {tmp_path}/state", wait=False)
    assert machine.process.wait(qtest.TIMEOUT) == 1
    assert "rror while loading state" in machine.stderr()


@pytest.mark.parametrize("enforce", [True, False])
def test_migration_to_a_smaller_quota(start, erig, tmp_path, enforce):
    """What is too much stays, or is revoked if the administrator says so (DEV-149)."""
    erig.ctl.alloc(EP, 2, 1)
    erig.ctl.events.fill(2)
    save(erig, tmp_path / "state")
    options = ",vector-quota=1" + ",enforce-quotas=on" * enforce
    erig.arguments = [word + options if "id=irq" in word else word for word in erig.arguments]
    load(start, erig, tmp_path / "state")
    assert erig.stats()["allocated"] == 3
    assert erig.stats()["revoked"] == 2 * enforce
    if enforce:
        assert erig.ctl.events.wait(1) == [revoked(v.S_QUOTA, 1, 2)]
    else:
        assert not erig.ctl.events.take()
    erig.dev.send(erig.pairs[0])
    erig.dev.send(erig.pairs[1])
    assert erig.vector(0)["delivered"] == 1 and erig.vector(1)["delivered"] == int(not enforce)


def test_migration_corrupt(start, erig, tmp_path):
    """Damage to what events are about is refused, or harmless, and never a crash (DEV-147)."""
    erig.ctl.alloc(EP, 2, 2)
    erig.ctl.activate(EP, 2, 0x42)
    change(erig, still_valid=True, index=0)
    change(erig, index=2)
    revoke(erig, "quota", index=3)
    save(erig, tmp_path / "state")
    stream = (tmp_path / "state").read_bytes()
    counts = stream.index(struct.pack(">ii", 1, 4), stream.index(b"virtio-irq"))
    paths = counts + 8 + 4 + 4 + 8 * 8 + 3 * 8 + 4
    assert stream[paths:paths + 8] == b"0000:00:"
    vectors, size = paths + 256, 4 + 4 + 8 + 4 + 4 + 4 + 4 + 8 + 4 + 2 + 1 + 1
    # The flags of the endpoint, and of each vector all from its flags to its reason
    places = [counts + 8 + 7, *(vectors + size * number + offset
                                for number in range(4) for offset in range(24, 44))]
    source = random.Random(2)
    refused = 0
    for number in range(24):
        damaged = bytearray(stream)
        place = places[0] if number < 2 else source.choice(places)
        damaged[place] ^= 1 << source.randrange(8)
        (tmp_path / "damaged").write_bytes(damaged)
        machine = start(*erig.arguments, incoming=f"exec:cat {tmp_path}/damaged", wait=False)
        if machine.refuses_stream():
            assert "virtio-irq" in machine.stderr()
            refused += 1
        machine.stop()
    assert refused > 8


def event_buffer(rig, *buffers):
    """Make (address, size)s one buffer of eventq."""
    rig.ctl.events.queue.add([(address, size, True) for address, size in buffers])
    rig.ctl.events.kick()


def test_event_is_status(erig):
    """An event that is written to the device's own status register changes nothing there."""
    status = erig.ctl.transport.status()
    memory = erig.machine.alloc()
    event_buffer(erig, (memory, 1), (status_register(erig), 1), (memory + 2, 30))
    change(erig, index=0)
    erig.machine.wait_for(lambda: erig.ctl.events.queue.used_index() == 1)
    assert erig.ctl.transport.status() == status and erig.stats()["endpoints"] == 1


@pytest.fixture
def express(start):
    """A controller that can be reset and unplugged by what is written somewhere."""
    rig = ExpressRig(start, vectors=2048)
    rig.ctl = v.Controller(rig.ctl.transport, EVENTS)
    rig.ctl.attach(EP)
    rig.ctl.alloc(EP, 0, 256)
    for index in range(128, 256):
        rig.ctl.activate(EP, index, 0x40)
    return rig


def test_event_is_flr(express):  # pylint: disable=redefined-outer-name
    """The count's low byte, 128, resets the function whose event it is."""
    memory = express.machine.alloc()
    event_buffer(express, (memory, 12), (express.flr(), 1), (memory + 13, 19))
    event_buffer(express, (memory + 64, 32))
    change(express)
    express.machine.wait_for(lambda: not express.stats()["endpoints"])
    stats = express.stats()
    assert [stats[name] for name in ("stale", "waiting", "allocated")] == [0] * 3
    express.function.set_config(qtest.COMMAND, qtest.COMMAND_MEMORY | qtest.COMMAND_MASTER, 2)
    express.ctl = v.Controller(qtest.PCITransport(express.function.enable()), EVENTS)
    express.ctl.attach(EP)
    express.ctl.arm(EP, 3)
    express.ctl.events.fill(1)
    change(express)
    assert express.ctl.events.wait(1) == [stale(3, 1)]


def test_event_is_unplug(express):  # pylint: disable=redefined-outer-name
    """It switches the slot of the function off whose event it is: all of it goes."""
    machine, memory = express.machine, express.machine.alloc()
    port = qtest.Function(machine, 2)
    slot_control = port.capability(EXPRESS) + 0x18
    port.set_config(slot_control, 0, 2)
    # 0x0700 is power and its indicator off: the two low bytes of the first index
    express.ctl.ok(v.ranged(v.T_FREE, EP, 0, 256))
    express.ctl.arm(EP, 0x700)
    event_buffer(express, (memory, 8), (ecam(machine, port.bdf, slot_control), 2),
                 (memory + 10, 22))
    event_buffer(express, (memory + 64, 32))
    change(express)
    machine.wait_for(lambda: not express.function.exists())
    assert "irq" not in {child["name"] for child in machine.qmp.execute(
        "qom-list", path="/machine/peripheral")}
