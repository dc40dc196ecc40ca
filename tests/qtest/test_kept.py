# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Requests that are kept back until the host has what they need: who may overtake them, and how
they end. The tester takes WORK milliseconds for each vector."""

import pytest
import virtio_irq as v
from rig import EP, MSEC, OTHER, Rig
from test_migration import load, save

WORK = 100
COMMIT, RELEASE, FREE = v.T_COMMIT, v.T_RELEASE, v.T_FREE


@pytest.fixture
def rig(start):
    """Eight vectors of EP, reserved; vector 7 is armed."""
    machine = Rig(start)
    machine.ctl.attach(EP)
    machine.ctl.attach(OTHER)
    assert machine.ctl.alloc(EP, 0, 8) == 8
    machine.pair = machine.ctl.activate(EP, 7, 0x47)
    machine.machine.set("work", WORK)
    return machine


def keep(rig, *requests):  # pylint: disable=redefined-outer-name
    """Requests that are not answered now; their heads."""
    before = rig.stats()["kept"]
    heads = [rig.ctl.put(request) for request in requests]
    rig.ctl.kick()
    assert not rig.ctl.answers() and rig.stats()["kept"] == before + len(heads)
    return heads


def commit(first, count=1, endpoint=EP):
    """The bytes of a COMMIT."""
    return v.ranged(COMMIT, endpoint, first, count)


def step(rig, vectors):  # pylint: disable=redefined-outer-name
    """Let the host work for so many vectors; statuses of what is answered, by head."""
    rig.machine.clock_step(vectors * WORK * MSEC)
    return {head: answer[0] for head, answer in rig.ctl.answers().items()}


def test_commit(rig):
    """COMMIT takes so long, and changes nothing before; again, it takes no time."""
    head, = keep(rig, commit(0, 3))
    assert rig.stats()["committed"] == 1 and rig.stats()["requests"]["commit"] == 0
    assert step(rig, 2) == {}
    assert step(rig, 1) == {head: v.S_OK}
    assert rig.stats()["committed"] == 4 and rig.stats()["kept"] == 0
    rig.ctl.ok(commit(0, 3))
    # What is armed holds it already
    rig.ctl.ok(commit(7))


def test_alloc(rig):
    """ALLOC with COMMIT, of which three vectors are new to the host's books."""
    rig.machine.set("work", 0)
    rig.ctl.ok(commit(6))
    rig.machine.set("work", WORK)
    head, = keep(rig, v.alloc(EP, 5, 5, flags=v.ALLOC_COMMIT))
    assert rig.stats()["allocated"] == 8
    assert step(rig, 2) == {}
    assert step(rig, 1) == {head: v.S_OK}
    assert rig.stats()["allocated"] == 10 and rig.stats()["committed"] == 5


def test_refusals_are_not_kept(rig):
    """What is refused whatever the host says is refused at once, and the host is not asked."""
    for request, status in (
            (commit(0, 0), v.S_RANGE), (commit(0, 5000), v.S_RANGE), (commit(6, 3), v.S_NOENT),
            (commit(0, endpoint=6 << 3), v.S_NOENT), (commit(0)[:-1], v.S_INVAL),
            (v.alloc(EP, 20, 1, flags=v.ALLOC_COMMIT, width=3), v.S_RANGE),
            (v.alloc(EP, 0, 1, flags=v.ALLOC_COMMIT | v.ALLOC_DATA16), v.S_BUSY),
            (v.alloc(EP, 9000, 1, flags=v.ALLOC_COMMIT), v.S_RANGE),
            (v.alloc(EP, 4, 8, flags=v.ALLOC_COMMIT | v.ALLOC_CONTIGUOUS), v.S_BUSY),
            (v.alloc(EP, 0, 1, flags=0x80), v.S_INVAL)):
        assert rig.ctl.refused(request) == status
    for quota in ("commit-quota", "commit-pool"):
        rig.machine.set(quota, 1)
        assert rig.ctl.refused(commit(0)) in (v.S_QUOTA, v.S_NOSPC)
        rig.machine.set(quota, 0xffffffff)
    rig.machine.set("vector-quota", 8)
    assert rig.ctl.refused(v.alloc(EP, 8, 1, flags=v.ALLOC_COMMIT)) == v.S_QUOTA
    # What a limit leaves of an ALLOC is worked for, and no more
    rig.machine.set("vector-quota", 10)
    head, = keep(rig, v.alloc(EP, 8, 8, flags=v.ALLOC_COMMIT))
    assert step(rig, 1) == {}
    assert step(rig, 1) == {head: v.S_OK}
    assert rig.stats()["allocated"] == 10


def test_limit_that_changes_meanwhile(rig):
    """The limit that is in force when the host has answered counts."""
    head, = keep(rig, commit(0))
    rig.machine.set("commit-quota", 1)
    assert step(rig, 1) == {head: v.S_QUOTA}
    assert rig.stats()["committed"] == 1


def test_who_overtakes(rig):
    """Everything that names no vector in common, and DEACTIVATE; ACTIVATE of the vector is BUSY,
    before NOENT and after what is wrong with it (DEV-91, DEV-92, DEV-163)."""
    allocating = v.alloc(EP, 20, 2, flags=v.ALLOC_COMMIT)
    kept = keep(rig, commit(0, 2), allocating, commit(6, 2))
    assert rig.ctl.refused(v.activate(EP, 1, 0x40)) == v.S_BUSY
    assert rig.ctl.refused(v.activate(EP, 21, 0x40)) == v.S_BUSY
    assert rig.ctl.refused(v.activate(EP, 22, 0x40)) == v.S_NOENT
    assert rig.ctl.refused(v.activate(EP, 1, 0x40, pasid=1)) == v.S_UNSUPP
    assert rig.ctl.refused(v.deactivate(EP, 21)) == v.S_NOENT
    # Re-routes, too, have to wait for what names them; but messages go on
    assert rig.ctl.refused(v.activate(EP, 7, 0x48)) == v.S_BUSY
    rig.dev.send(rig.pair)
    assert rig.messages() == {"delivered": 1}
    rig.ctl.ok(v.deactivate(EP, 7))
    rig.dev.send(rig.pair)
    assert rig.messages() == {"delivered": 1, "freed": 1}
    rig.ctl.activate(EP, 4, 0x44)
    assert rig.ctl.alloc(EP, 30, 2) == 2
    rig.ctl.ok(v.ranged(FREE, EP, 30, 2))
    rig.ctl.ok(v.ranged(RELEASE, EP, 4, 1))
    rig.ctl.attach(EP)
    assert rig.ctl.alloc(OTHER, 0, 2) == 2
    rig.ctl.ok(v.detach(OTHER))
    assert rig.stats()["kept"] == 3
    # The third one had to be worked for one vector: the other was armed
    assert step(rig, 1) == {kept[2]: v.S_OK}
    assert step(rig, 1) == dict.fromkeys(kept[:2], v.S_OK)
    assert rig.ctl.activate(EP, 7, 0x47) == rig.pair
    rig.ctl.activate(EP, 21, 0x40)


def test_order_of_a_vector(rig):
    """What names a vector in common, and may wait, comes after it (DEV-90)."""
    first, second, third = keep(rig, commit(0, 4), commit(3, 2), v.alloc(EP, 4, 3))
    assert step(rig, 2) == {}
    # Of others the host has nothing to do now
    rig.ctl.ok(commit(7))
    assert step(rig, 2) == {first: v.S_OK}
    # Its turn has come, and it needs one vector
    assert step(rig, 1) == {second: v.S_OK, third: v.S_OK}
    assert rig.stats()["committed"] == 6


@pytest.mark.parametrize("ending", [v.ranged(FREE, EP, 3, 1), v.ranged(RELEASE, EP, 3, 1),
                                    v.detach(EP)], ids=["free", "release", "detach"])
def test_what_gives_up(rig, ending):
    """FREE, RELEASE and DETACH do not wait: what comes before them and names the vector is BUSY,
    and all that has to come before that. The rest goes on."""
    kept = keep(rig, commit(0, 2), commit(1, 3), commit(5), commit(3))
    head = rig.ctl.put(ending)
    rig.ctl.kick()
    statuses = {head: answer[0] for head, answer in rig.ctl.answers().items()}
    everything = ending == v.detach(EP)
    assert statuses == {head: v.S_OK, kept[0]: v.S_BUSY, kept[1]: v.S_BUSY, kept[3]: v.S_BUSY,
                        **({kept[2]: v.S_BUSY} if everything else {})}
    assert list(statuses)[-1] == head, "in the order of the queue"
    assert rig.stats()["committed"] == (0 if everything else 1)
    assert step(rig, 9) == ({} if everything else {kept[2]: v.S_OK})


@pytest.mark.parametrize("how", ["device", "queue"])
def test_reset(rig, how):
    """Afterwards the device writes neither to its buffers nor to the ring, nothing takes effect
    any more, and the same can be asked for again (DEV-131)."""
    keep(rig, commit(0, 2), commit(1), v.alloc(EP, 20, 2, flags=v.ALLOC_COMMIT))
    queue = rig.ctl.requestq
    areas = [(queue.used, 6 + 8 * queue.size), (queue.desc, 16 * queue.size)]
    areas += [(buffer, v.RSP_SIZE) for _, buffer in
              rig.ctl._where.values()]  # pylint: disable=protected-access
    if how == "device":
        rig.ctl.transport.set_status(0)
    else:
        rig.ctl.transport.reset_queue(v.REQUESTQ)
    assert rig.stats()["kept"] == 0
    before = [rig.machine.read(*area) for area in areas]
    rig.machine.clock_step(10 * WORK * MSEC)
    assert [rig.machine.read(*area) for area in areas] == before
    assert rig.stats()["committed"] == (0 if how == "device" else 1)
    if how == "device":
        rig.ctl.start(1 << v.F_LAZY)
        rig.ctl.attach(EP)
        rig.ctl.alloc(EP, 0, 8)
    else:
        rig.ctl.restart_queue()
    head, = keep(rig, commit(0, 2))
    assert step(rig, 2) == {head: v.S_OK}


def test_stopped_machine(rig):
    """Nothing is written into the memory of a machine that does not run."""
    head, = keep(rig, commit(0))
    rig.machine.qmp.execute("stop")
    rig.machine.set("work", 0)
    assert step(rig, 2) == {} and rig.stats()["kept"] == 1
    rig.machine.qmp.execute("cont")
    rig.machine.wait_for(lambda: rig.stats()["kept"] == 0)
    assert {head: v.S_OK} == {head: answer[0] for head, answer in rig.ctl.answers().items()}


def test_migration(start, rig, tmp_path):
    """They are carried out before the machine goes, and answered where it goes to (DEV-145)."""
    first, second, third = keep(rig, commit(0, 2), commit(1, 2), commit(5))
    save(rig, tmp_path / "state")
    assert rig.stats()["kept"] == 0 and rig.stats()["held"] == 3
    assert not rig.ctl.answers(), "the memory had been saved by then"
    load(start, rig, tmp_path / "state")
    answers = {}
    rig.machine.wait_for(lambda: answers.update(rig.ctl.answers()) or len(answers) == 3)
    assert {head: answer[0] for head, answer in answers.items()} == \
        dict.fromkeys((first, second, third), v.S_OK)
    assert sorted(vec["index"] for vec in rig.machine.get("vectors") if vec["committed"]) == \
        [0, 1, 2, 5, 7]


def test_migration_that_fails(rig, tmp_path):
    """The answers are given when the machine goes on where it was."""
    head, = keep(rig, commit(0))
    save(rig, tmp_path / "state")
    rig.machine.qmp.execute("cont")
    rig.machine.wait_for(lambda: rig.stats()["held"] == 0)
    assert {head: v.S_OK} == {head: answer[0] for head, answer in rig.ctl.answers().items()}


def test_silent_and_delayed(rig):
    """The tester's other rules hold for what was kept back."""
    rig.machine.set("delay", f"commit@1x1={WORK}")
    rig.machine.set("refuse", "commit@2x1=nomem")
    first, second = keep(rig, commit(0), commit(1))
    assert step(rig, 1) == {second: v.S_NOMEM}
    assert step(rig, 1) == {first: v.S_OK}
    rig.machine.set("mute", "stall")
    rig.ctl.put(commit(2))
    rig.ctl.kick()
    assert rig.stats()["kept"] == 0
    rig.machine.set("mute", "off")
    rig.machine.wait_for(lambda: rig.stats()["kept"] == 1)
    assert step(rig, 1).popitem()[1] == v.S_OK


def test_commit_first(start):
    """Where COMMIT has to come first the driver is told so, and ACTIVATE without it is BUSY."""
    rig = Rig(start, ",commit-first=on")  # pylint: disable=redefined-outer-name
    _, tlvs = rig.ctl.attach(EP)
    assert tlvs[2][0][3] & 1
    rig.ctl.alloc(EP, 0, 1)
    assert rig.ctl.refused(v.activate(EP, 0, 0x40)) == v.S_BUSY
    rig.ctl.ok(commit(0))
    rig.ctl.activate(EP, 0, 0x40)
