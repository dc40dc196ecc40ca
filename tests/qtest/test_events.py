# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""eventq, and what an administrator does to vectors that the guest has."""

import struct
import time

import pytest
import qmp
import qtest
import virtio_irq as v
from rig import EP, EVENTS, OTHER, Rig

CFG_ISR = 3
MSIX = 0x11


def address(endpoint):
    """As an administrator writes it."""
    return f"0000:{endpoint >> 8:02x}:{endpoint >> 3 & 31:02x}.{endpoint & 7}"


def change(rig, which="all", still_valid=None, **more):
    """Change pairs."""
    if still_valid is not None:
        more["still-valid"] = "on" if still_valid else "off"
    rig.machine.set("change-pairs", ",".join([f"endpoint={which}"] +
                                             [f"{k}={value}" for k, value in more.items()]))


def revoke(rig, reason, which="all", **more):
    """Take vectors away."""
    more["reason"] = reason
    rig.machine.set("revoke", ",".join([f"endpoint={which}"] +
                                       [f"{k}={value}" for k, value in more.items()]))


def stale(first, count, flags=0, store=0, endpoint=EP):
    """A STALE."""
    return v.Event(v.E_STALE, 0, store, endpoint, first, count, 0, 0, flags)


def revoked(reason, first, count, store=0, endpoint=EP):
    """A REVOKED."""
    return v.Event(v.E_REVOKED, reason, store, endpoint, first, count, 0, 0, 0)


# The queue

def test_without_events(start):
    """events=off is a device without the option (DEV-167)."""
    rig = Rig(start, ",events=off")
    assert not rig.ctl.transport.device_features() & 1 << v.F_EVENTQ
    assert rig.ctl.transport.queue_max(v.EVENTQ) == 0
    assert rig.function.config(rig.function.capability(MSIX) + 2, 2) & 0x7ff == 0
    rig.ctl.attach(EP)
    rig.ctl.arm(EP, 0)
    with pytest.raises(qmp.QMPError, match="VIRTIO_IRQ_F_EVENTQ"):
        change(rig)


def test_not_negotiated(rig):
    """A driver that has not accepted the feature has its queue ignored (DEV-9, DEV-114)."""
    events = v.EventQueue(rig.ctl.transport)
    events.fill(4)
    events.fill(1, size=8)
    rig.ctl.attach(EP)
    pair = rig.ctl.arm(EP, 0)
    for command in ("change-pairs", "revoke", "unrevoke"):
        with pytest.raises(qmp.QMPError, match="VIRTIO_IRQ_F_EVENTQ"):
            rig.machine.set(command, "endpoint=all" + ",reason=quota" * (command == "revoke"))
    rig.machine.set("enforce-quotas", True)
    rig.machine.set("vector-quota", 0)
    rig.dev.send((pair[0], 0xdead))
    events.kick()
    assert not events.take()
    rig.dev.send(pair)
    assert rig.messages() == {"delivered": 1, "freed": 1}
    assert rig.stats()["revoked"] == 0


def test_buffers(erig):
    """Of any division and size: the event is 32 bytes of it, or none (DEV-115, DEV-116)."""
    queue, machine = erig.ctl.events.queue, erig.machine
    memory = machine.alloc()
    machine.write(memory, b"\xaa" * 0x400)
    short = [queue.add([(memory, 31, True)]), queue.add([(memory, 31, False)]),
             queue.add([(memory, 1, True), (memory + 1, 30, True)])]
    pieces = queue.add([(memory + 0x100, 1, True), (memory + 0x110, 17, True),
                        (memory + 0x130, 14, True)])
    large = queue.add([(memory + 0x200, 8, False), (memory + 0x200, 0x100, True)])
    erig.ctl.events.kick()
    machine.command("clock_step", 0)
    # Those that cannot be used need not wait
    assert queue.reap() == dict.fromkeys(short, 0)
    change(erig, index=0)
    revoke(erig, "quota", index=1)
    machine.wait_for(lambda: queue.used_index() == 5)
    assert queue.reap() == {pieces: 32, large: 32}
    data = machine.read(memory, 0x400)
    assert data[:0x100] == b"\xaa" * 0x100
    event = data[0x100:0x101] + data[0x110:0x121] + data[0x130:0x13e]
    assert v.Event._make(struct.unpack("<BBHIIIQII", event)) == stale(0, 1)
    assert v.Event._make(struct.unpack("<BBHIIIQII", data[0x200:0x220])) == \
        revoked(v.S_QUOTA, 1, 1)
    assert data[0x220:] == b"\xaa" * (0x400 - 0x220)


def test_short_buffer_behind_others(erig):
    """It is returned when it is its turn, and no event is lost."""
    erig.ctl.events.fill(1)
    erig.ctl.events.fill(1, size=16)
    erig.ctl.events.fill(1)
    assert not erig.ctl.events.take()
    change(erig, index=0)
    assert erig.ctl.events.wait(2) == [stale(0, 1), None]
    change(erig, index=1)
    assert erig.ctl.events.wait(1) == [stale(1, 1)]


def test_broken_queue(erig):
    """A chain that cannot be is an error of the driver's, as in any virtio device."""
    queue = erig.ctl.events.queue
    queue.publish(queue.size)
    erig.ctl.events.kick()
    erig.machine.command("clock_step", 0)
    assert erig.ctl.transport.status() & qtest.STATUS_NEEDS_RESET
    change(erig)
    # Messages still get through (DEV-134)
    erig.dev.send((erig.pairs[0][0], erig.vector(0)["pair-data"]))
    assert erig.vector(0)["delivered"] == 1
    erig.ctl.start(EVENTS)
    erig.ctl.attach(EP)
    erig.ctl.arm(EP, 0)
    erig.ctl.events.fill(1)
    change(erig)
    assert erig.ctl.events.wait(1) == [stale(0, 1)]


def test_interrupt(erig):
    """An event is announced, by its own vector of MSI-X or by INTx (DEV-169)."""
    transport, machine = erig.ctl.transport, erig.machine
    bar, isr = transport.areas[CFG_ISR]
    erig.ctl.events.fill(2)
    # Reading it clears it
    erig.function.read(bar, isr, 1)
    assert erig.function.read(bar, isr, 1) == 0
    change(erig, index=0)
    erig.ctl.events.wait(1)
    assert erig.function.read(bar, isr, 1) == 1

    memory = machine.alloc()
    msix = erig.function.capability(MSIX)
    table = erig.function.config(msix + 4)
    for number in range(2):
        entry = (table & ~7) + 16 * number
        for offset, value in ((0, memory + 4 * number), (4, 0), (8, 0x1234 + number), (12, 0)):
            erig.function.write(table & 7, entry + offset, value)
    erig.function.set_config(msix + 2, 1 << 15, 2)
    transport.set("queue_select", v.EVENTQ)
    transport.set("queue_msix_vector", 1)
    assert transport.get("queue_msix_vector") == 1
    # Not of what the driver does not want to hear of
    machine.write(erig.ctl.events.queue.avail, b"\1")
    change(erig, index=1)
    assert erig.ctl.events.wait(1) == [stale(1, 1)]
    assert machine.read(memory, 8) == bytes(8)
    machine.write(erig.ctl.events.queue.avail, b"\0")
    erig.ctl.events.fill(1)
    revoke(erig, "perm", index=1)
    assert erig.ctl.events.wait(1) == [revoked(v.S_PERM, 1, 1)]
    assert machine.read(memory, 8) == struct.pack("<II", 0, 0x1235)


# STALE

def test_stale(erig):
    """The old pair before the event, another one after it (DEV-120)."""
    before = int(time.time())
    change(erig, address(EP), index=0)
    stats = erig.stats()
    assert (stats["stale"], stats["waiting"], stats["revoked-since"]) == (1, 1, 0)
    assert before <= stats["stale-since"] <= time.time()
    assert erig.vector(0)["stale"] and "stale" not in erig.vector(1)
    assert erig.ctl.activate(EP, 0, 0x50) == erig.pairs[0]
    erig.ctl.events.fill(1)
    assert erig.ctl.events.wait(1) == [stale(0, 1)]
    new = erig.ctl.activate(EP, 0, 0x51)
    assert new != erig.pairs[0] and new[0] == erig.pairs[0][0]
    assert erig.ctl.activate(EP, 0, 0x51) == new
    assert erig.vector(0)["pair-data"] == new[1]
    stats = erig.stats()
    assert (stats["stale"], stats["stale-since"], stats["waiting"]) == (0, 0, 0)
    assert stats["events"] == {"stale": 1, "revoked": 0, "fault": 0}
    erig.dev.send(erig.pairs[0])
    erig.dev.send(new)
    erig.dev.send(erig.pairs[1])
    assert erig.messages() == {"delivered": 2, "freed": 1}
    assert erig.ctl.activate(EP, 1, 0x41) == erig.pairs[1]


def test_still_valid(erig):
    """Both pairs deliver, until the new one is used (DEV-123)."""
    erig.ctl.events.fill(2)
    change(erig, still_valid=True, index=0)
    erig.dev.send(erig.pairs[0])
    assert erig.ctl.events.wait(1) == [stale(0, 1, v.E_STILL_VALID)]
    erig.dev.send(erig.pairs[0])
    new = erig.ctl.activate(EP, 0, 0x52)
    # One more, that the driver had sent before it knew
    assert erig.ctl.activate(EP, 0, 0x53) == new
    erig.dev.send(erig.pairs[0])
    assert erig.vector(0)["delivered"] == 3
    erig.dev.send(new)
    erig.dev.send(erig.pairs[0])
    assert erig.vector(0)["delivered"] == 4
    assert erig.messages() == {"delivered": 4, "freed": 1}


def test_stale_of_many(erig):
    """Indices that follow each other are one event (DEV-118); all of it at once, by one command."""
    erig.ctl.attach(OTHER)
    erig.ctl.alloc(EP, 2, 30)
    for index in range(2, 32):
        erig.ctl.activate(EP, index, 0x60 + index)
    erig.ctl.arm(EP, 3, store=1)
    erig.ctl.arm(OTHER, 7)
    erig.ctl.events.fill(8)
    change(erig)
    assert sorted(erig.ctl.events.wait(3)) == sorted([
        stale(0, 32), stale(3, 1, store=1), stale(7, 1, endpoint=OTHER)])
    change(erig, address(EP), store=1)
    assert erig.ctl.events.wait(1) == [stale(3, 1, store=1)]
    change(erig, address(EP), store=0, index="4-7")
    assert erig.ctl.events.wait(1) == [stale(4, 4)]


def test_stale_block(erig):
    """A block of MSI changes as a whole, and is one again (DEV-122)."""
    erig.ctl.attach(OTHER)
    assert erig.ctl.alloc(OTHER, 0, 4, flags=v.ALLOC_CONTIGUOUS | v.ALLOC_DATA16) == 4
    old = [erig.ctl.activate(OTHER, index, 0x40 + index) for index in range(3)]
    erig.ctl.events.fill(2)
    change(erig, address(OTHER), still_valid=True, index=1)
    assert erig.ctl.events.wait(1) == [stale(0, 4, v.E_STILL_VALID, endpoint=OTHER)]
    new = [erig.ctl.activate(OTHER, index, 0x40 + index) for index in range(4)]
    assert [pair[1] - new[0][1] for pair in new] == [0, 1, 2, 3]
    assert new[0][1] % 4 == 0 and new[3][1] < 0x10000
    assert not {pair[1] for pair in new} & {pair[1] for pair in old}
    for pair in old + new:
        erig.other.send(pair)
    assert erig.messages() == {"delivered": 7}


def test_no_buffers(erig):
    """Nothing is lost, and nothing waits for them (DEV-117, DEV-119)."""
    erig.ctl.alloc(EP, 2, 38)
    for index in range(2, 40):
        erig.ctl.activate(EP, index, 0x60)
    for index in range(0, 40, 2):
        change(erig, index=index)
    revoke(erig, "nospc", index=39)
    assert not erig.ctl.events.take()
    erig.dev.send(erig.pairs[1])
    assert erig.vector(1)["delivered"] == 1
    assert erig.ctl.activate(EP, 1, 0x70) == erig.pairs[1]
    assert erig.stats()["waiting"] == 21
    found = []
    for _ in range(3):
        erig.ctl.events.fill(7)
        found += erig.ctl.events.wait(7)
    assert sorted(found) == sorted([stale(index, 1) for index in range(0, 40, 2)] +
                                   [revoked(v.S_NOSPC, 39, 1)])
    assert erig.stats()["waiting"] == 0


@pytest.mark.parametrize("popped", [True, False])
def test_queue_reset(erig, popped):
    """What is still stale or revoked comes again (DEV-124), old buffers are left alone (DEV-131)."""
    events, machine = erig.ctl.events, erig.machine
    events.fill(2)
    change(erig)
    revoke(erig, "quota", index=1)
    machine.wait_for(lambda: events.queue.used_index() == 2)
    events.fill(5, kick=popped)
    memory = machine.read(events.queue.desc, 16 * 64)
    erig.ctl.transport.reset_queue(v.EVENTQ)
    buffers = [struct.unpack_from("<Q", memory, 16 * index)[0] for index in range(7)]
    before = [machine.read(buffer, 32) for buffer in buffers]
    events.start()
    events.fill(8)
    assert sorted(events.wait(2)) == [stale(0, 1), revoked(v.S_QUOTA, 1, 1)]
    assert [machine.read(buffer, 32) for buffer in buffers[2:]] == [b"\xaa" * 32] * 5 or popped
    assert before[2:] == [b"\xaa" * 32] * 5
    erig.ctl.activate(EP, 0, 0x50)
    erig.ctl.transport.reset_queue(v.EVENTQ)
    events.start()
    events.fill(8)
    assert events.wait(1) == [revoked(v.S_QUOTA, 1, 1)]
    # The request queue was none of its business
    assert erig.ctl.refused(v.activate(EP, 1, 0x50)) == v.S_QUOTA


def test_device_reset(erig):
    """Nothing is left of what was to be told, and of buffers (DEV-130, DEV-131)."""
    change(erig)
    revoke(erig, "perm", index=1)
    erig.ctl.transport.set_status(0)
    stats = erig.stats()
    assert [stats[name] for name in ("stale", "revoked", "waiting", "stale-since")] == [0] * 4
    erig.ctl.start(EVENTS)
    erig.ctl.events.fill(3)
    assert not erig.ctl.events.take()
    erig.ctl.attach(EP)
    erig.ctl.arm(EP, 1)
    queue = erig.ctl.events.queue
    areas = [(queue.used, 6 + 8 * queue.size), (queue.desc, 16 * queue.size)]
    erig.ctl.transport.set_status(0)
    before = [erig.machine.read(*area) for area in areas]
    with pytest.raises(qmp.QMPError, match="has not negotiated"):
        change(erig)
    erig.machine.command("clock_step", 1000)
    assert [erig.machine.read(*area) for area in areas] == before


def test_stopped(erig):
    """An administrator's command takes effect at once, and is told when the machine runs."""
    erig.ctl.events.fill(2)
    erig.machine.qmp.execute("stop")
    revoke(erig, "quota", index=0)
    assert erig.vector(0)["revoked"] == "quota" and not erig.vector(0)["armed"]
    assert not erig.ctl.events.take()
    erig.machine.qmp.execute("cont")
    assert erig.ctl.events.wait(1) == [revoked(v.S_QUOTA, 0, 1)]


# REVOKED

@pytest.mark.parametrize("reason, status", [("quota", v.S_QUOTA), ("nospc", v.S_NOSPC),
                                            ("perm", v.S_PERM)])
def test_revoke(erig, reason, status):
    """It delivers nothing, and requests get the reason (DEV-129), until it is given back."""
    before = erig.stats()["committed"]
    erig.ctl.events.fill(4)
    revoke(erig, reason, address(EP), index=0)
    assert erig.ctl.events.wait(1) == [revoked(status, 0, 1)]
    erig.dev.send(erig.pairs[0])
    assert erig.messages() == {"freed": 1}
    assert erig.vector(0)["revoked"] == reason
    stats = erig.stats()
    assert (stats["allocated"], stats["committed"], stats["revoked"]) == (2, before - 1, 1)
    assert stats["revoked-since"] and not stats["stale-since"]
    assert erig.ctl.refused(v.activate(EP, 0, 0x40)) == status
    assert erig.ctl.refused(v.alloc(EP, 0, 1)) == status
    assert erig.ctl.refused(v.ranged(v.T_COMMIT, EP, 0, 1)) == status
    erig.ctl.ok(v.deactivate(EP, 0))
    erig.ctl.ok(v.ranged(v.T_RELEASE, EP, 0, 1))
    assert erig.ctl.refused(v.activate(EP, 0, 0x40)) == status
    with pytest.raises(qmp.QMPError, match="not revoked for that reason"):
        revoke(erig, reason, index=0)
    erig.machine.set("unrevoke", "endpoint=all")
    assert erig.ctl.events.wait(1) == [stale(0, 1)]
    assert "revoked" not in erig.vector(0)
    new = erig.ctl.activate(EP, 0, 0x40)
    erig.dev.send(new)
    assert erig.vector(0)["delivered"] == 1
    assert (erig.stats()["stale"], erig.stats()["revoked"]) == (0, 0)
    # FREE ends it as well
    revoke(erig, reason, index=0)
    assert erig.ctl.events.wait(1) == [revoked(status, 0, 1)]
    erig.ctl.ok(v.ranged(v.T_FREE, EP, 0, 1))
    erig.ctl.arm(EP, 0)


def test_revoke_while_commit_is_kept(start):
    """What the host is being asked for is refused in the end, and given back."""
    rig = Rig(start, features=EVENTS)
    rig.ctl.attach(EP)
    rig.ctl.alloc(EP, 0, 2)
    rig.machine.set("work", 10)
    late = rig.ctl.put(v.ranged(v.T_COMMIT, EP, 0, 2))
    rig.ctl.kick()
    assert rig.stats()["kept"] == 1
    revoke(rig, "nospc", index=1)
    rig.machine.clock_step(100 * 1000 * 1000)
    answers = rig.ctl.answers()
    assert answers[late][0] == v.S_NOSPC and rig.stats()["committed"] == 0


def test_enforce_quotas(erig):
    """Only if it is told to, a quota that is lowered takes away (DEV-152)."""
    erig.ctl.alloc(EP, 2, 4)
    erig.ctl.activate(EP, 3, 0x43)
    erig.ctl.events.fill(8)
    erig.machine.set("endpoint-quota", 3)
    assert erig.stats()["revoked"] == 0
    erig.machine.set("enforce-quotas", True)
    # What is idle goes first, and then the highest
    assert sorted(erig.ctl.events.wait(2)) == [revoked(v.S_QUOTA, 2, 1), revoked(v.S_QUOTA, 4, 2)]
    erig.machine.set("commit-quota", 2)
    assert erig.ctl.events.wait(1) == [revoked(v.S_QUOTA, 3, 1)]
    erig.machine.set("commit-pool", 1)
    assert erig.ctl.events.wait(1) == [revoked(v.S_NOSPC, 1, 1)]
    for quota in ("endpoint-quota", "commit-quota", "commit-pool"):
        erig.machine.set(quota, 100)
    assert erig.stats()["revoked"] == 5
    erig.machine.set("unrevoke", f"endpoint={address(EP)}")
    assert erig.ctl.events.wait(1) == [stale(1, 5)]
    erig.dev.send(erig.pairs[0])
    assert erig.vector(0)["delivered"] == 1
    erig.machine.set("enforce-quotas", False)
    erig.machine.set("endpoint-quota", 0)
    assert erig.stats()["revoked"] == 0


@pytest.mark.parametrize("command, message", [
    ("", "endpoint= is missing"),
    (",endpoint=all", "'' is not understood"),
    ("all", "'all' is not understood"),
    ("endpoint=04.0", "'endpoint=04.0' is not understood"),
    ("endpoint=0000:00:04.0x", "is not understood"),
    ("endpoint=0001:00:04.0", "is not understood"),
    ("store=0", "endpoint= is missing"),
    ("endpoint=all,store=65536", "'store=65536' is not understood"),
    ("endpoint=all,store=-1", "is not understood"),
    ("endpoint=all,index=", "is not understood"),
    ("endpoint=all,index=5-4", "is not understood"),
    ("endpoint=all,index=1-", "is not understood"),
    ("endpoint=all,index=4294967296", "is not understood"),
    ("endpoint=all,still-valid=maybe", "is not understood"),
    ("endpoint=all,reason=quota", "'reason=quota' is not understood"),
    ("endpoint=all,index=2-9", "there is no vector that is armed"),
    ("endpoint=0000:00:05.0", "there is no vector that is armed"),
    ("endpoint=all,store=1", "there is no vector that is armed"),
])
def test_bad_commands(erig, command, message):
    """What makes no sense, or does nothing, is an error that says why."""
    with pytest.raises(qmp.QMPError) as error:
        erig.machine.set("change-pairs", command)
    assert message in str(error.value)
    assert erig.stats()["stale"] == 0


def test_bad_reasons(erig):
    """REVOKED has one of three (DEV-129)."""
    for command, message in (("endpoint=all", "reason= is missing"),
                             ("endpoint=all,reason=busy", "'reason=busy' is not understood"),
                             ("endpoint=all,reason=quota,still-valid=on", "is not understood"),
                             ("endpoint=all,index=7,reason=quota", "there is no vector")):
        with pytest.raises(qmp.QMPError) as error:
            erig.machine.set("revoke", command)
        assert message in str(error.value)
    with pytest.raises(qmp.QMPError, match="there is no vector that is revoked"):
        erig.machine.set("unrevoke", "endpoint=all")


# FAULT

def fault(data, count=1, flags=0, reason=v.R_UNKNOWN, endpoint=EP, first=0):
    """A FAULT at the pair address."""
    return v.Event(v.E_FAULT, reason, 0, endpoint, first, count, 0xfee00004, data, flags)


def test_faults(erig):
    """One at a time for each endpoint, counted, the others dropped (DEV-125 to DEV-127)."""
    pair = erig.pairs[0][0]
    erig.ctl.attach(OTHER)
    erig.ctl.events.fill(3)
    for _ in range(3):
        erig.dev.send((pair, 0x11))
    # Each is told as soon as the main loop gets to it
    first = erig.ctl.events.wait(1)
    assert first[0]._replace(count=1) == fault(0x11) and first[0].count <= 3
    for _ in range(5):
        erig.dev.send((pair, 0x12))
    erig.dev.send((pair, 0x13))
    assert not erig.ctl.events.take(), "though there are buffers"
    erig.other.send((pair, 0x14))
    found = erig.ctl.events.wait(1)
    dropped = erig.stats()["faults-dropped"]
    assert dropped and found == [fault(0x14, flags=v.E_OVERFLOW, endpoint=OTHER)]
    erig.ctl.events.fill(1)
    after, = erig.ctl.events.wait(1)
    assert after.endpoint == EP and after.data in (0x11, 0x12) and not after.flags
    assert first[0].count + after.count + dropped == 9
    assert erig.stats()["events"]["fault"] == 3


def test_fault_of_a_pasid(erig):
    """It says which one it was, and which vector."""
    erig.ctl.events.fill(1)
    erig.dev.send(erig.pairs[1], pasid=0x777)
    assert erig.ctl.events.wait(1) == [
        fault(erig.pairs[1][1], flags=v.E_PASID_VALID | 0x777, reason=v.R_PASID, first=1)]


def test_no_fault_of_what_is_not_armed(erig):
    """A message that was on its way is only counted (DEV-128)."""
    erig.ctl.events.fill(2)
    erig.ctl.ok(v.deactivate(EP, 0))
    erig.dev.send(erig.pairs[0])
    revoke(erig, "quota", index=1)
    erig.dev.send(erig.pairs[1])
    assert erig.ctl.events.wait(1) == [revoked(v.S_QUOTA, 1, 1)]
    assert not erig.ctl.events.take()
    assert erig.messages() == {"freed": 2}


def test_tester(erig):
    """virtio-irq-test-pci places what it is told to, in its order and before anything else."""
    erig.ctl.events.fill(4)
    for text in ("00" * 33, "0", "0g", "01,used=", "01,used=x", "01 "):
        with pytest.raises(qmp.QMPError, match="is not HEX"):
            erig.machine.set("event", text)
    erig.machine.qmp.execute("stop")
    change(erig, index=1)
    erig.machine.set("event", "01ee0200" + "20000000" + "ff" * 24)
    erig.machine.set("event", "07,used=0")
    erig.machine.qmp.execute("cont")
    assert erig.ctl.events.wait(3) == [
        v.Event(1, 0xee, 2, EP, 0xffffffff, 0xffffffff, 0xffffffffffffffff, 0xffffffff,
                0xffffffff), None, stale(1, 1)]
    erig.machine.set("event", "01,used=4000000000")
    head = erig.ctl.events.queue
    erig.machine.wait_for(lambda: head.used_index() == 4)
    assert list(head.reap().values()) == [4000000000]
    for _ in range(64):
        erig.machine.set("event", "")
    with pytest.raises(qmp.QMPError, match="at most 64"):
        erig.machine.set("event", "")


def test_trace(start):
    """Commands and events are traced."""
    rig = Rig(start, features=EVENTS, extra=("-trace", "virtio_irq_event",
                                             "-trace", "virtio_irq_control",
                                             "-trace", "virtio_irq_short_buffer"))
    rig.ctl.attach(EP)
    rig.ctl.arm(EP, 3)
    rig.ctl.events.fill(1, size=4)
    rig.ctl.events.fill(1)
    change(rig)
    assert rig.ctl.events.wait(2) == [None, stale(3, 1)]
    log = rig.machine.stderr()
    assert "virtio_irq_control" in log and "change-pairs endpoint=all: 1" in log
    assert "stale reason=0 endpoint=0000:00:04.0 store=0 first=3 count=1" in log
    assert "virtio_irq_short_buffer" in log
