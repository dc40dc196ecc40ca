# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""virtio-irq-pci: migration to a file and back."""

import json
import pathlib
import random
import struct
import subprocess

import pytest
import qtest
import virtio_irq as v
from rig import EP, MSEC, Rig

BEHIND = ("-device", "pci-bridge,chassis_nr=1,id=br,addr=6",
          "-device", "ims-testdev,id=t2,bus=br,addr=1")
FAR = 0x0108


def save(rig, path):
    """Migrate to a file."""
    rig.machine.qmp.execute("stop")
    rig.machine.qmp.execute("migrate", uri=f"exec:cat > {path}")
    rig.machine.wait_for(lambda: rig.machine.qmp.execute("query-migrate").get("status")
                         in ("completed", "failed"))
    assert rig.machine.qmp.execute("query-migrate")["status"] == "completed"


def load(start, rig, path):
    """Another machine, from the file; it is rig's machine from then on."""
    old = rig.machine
    machine = start(*rig.arguments, incoming=f"exec:cat {path}")
    machine.wait_for(lambda: machine.qmp.execute("query-status")["status"] != "inmigrate")
    machine.qmp.execute("cont")
    for holder in (rig, rig.ctl, rig.ctl.transport, rig.ctl.transport.function,
                   rig.ctl.requestq, rig.dev, rig.other,
                   *([rig.ctl.events.queue] if rig.ctl.events else [])):
        assert holder.machine is old
        holder.machine = machine


@pytest.fixture
def busy_rig(start):
    """Vectors on both sides of a bridge, and two requests that are not answered yet."""
    rig = Rig(start, extra=BEHIND)
    qtest.make_bridge(rig.machine, 6, 1)
    rig.far = v.Testdev(rig.machine, 1, bus=1).enable()
    rig.ctl.attach(EP)
    rig.ctl.attach(FAR)
    rig.pair = rig.ctl.arm(EP, 0)
    rig.far_pair = rig.ctl.arm(FAR, 1, data=0x51)
    rig.machine.set("endpoint-quota", 17)
    rig.machine.set("delay", "alloc@1x2=100")
    rig.late = [rig.ctl.put(v.alloc(EP, 9, 1)), rig.ctl.put(v.alloc(EP, 10, 1, store=7))]
    rig.ctl.put(v.deactivate(FAR, 5))
    rig.ctl.kick()
    assert len(rig.ctl.answers()) == 1
    # In the ring, and not notified
    rig.ctl.put(v.activate(EP, 0, 0x77))
    return rig


def test_migration(start, busy_rig, tmp_path):
    """Vectors, pairs and unanswered requests arrive; quotas are the host's own (DEV-149)."""
    rig = busy_rig
    before = rig.machine.get("vectors")
    save(rig, tmp_path / "state")
    load(start, rig, tmp_path / "state")
    rig.far.machine = rig.machine

    def places(vectors):
        return sorted((vec["endpoint"], vec["index"], vec["pair-address"], vec["pair-data"],
                       vec["armed"]) for vec in vectors)

    assert places(rig.machine.get("vectors")) == places(before)
    assert rig.machine.get("endpoint-quota") == 8192
    rig.far.send(rig.far_pair)
    assert rig.messages() == {"delivered": 1}
    assert rig.vector(1)["route-data"] == 0x51
    rig.dev.send(rig.pair)
    assert rig.messages() == {"delivered": 2}
    assert rig.vector(0)["route-data"] == 0x77, "LAZY holds across a migration"
    rig.ctl.answers()
    assert rig.stats()["held"] == 2
    rig.machine.clock_step(100 * MSEC)
    answers = rig.ctl.answers()
    assert sorted(answers) == sorted(rig.late)
    assert [len(answers[head]) for head in rig.late] == [16, 8]
    assert rig.ctl.alloc(EP, 9, 1) == 1
    rig.machine.set("endpoint-quota", 17)
    assert rig.ctl.alloc(EP, 20, 40) == 17 - 2, "index 0, index 9, and the quota"


def test_limits_of_the_destination(start, busy_rig, tmp_path):
    """A destination with less room takes what there is, and gives nothing more (DEV-149)."""
    rig = busy_rig
    save(rig, tmp_path / "state")
    rig.arguments = [word.replace("id=irq", "id=irq,vector-quota=2") for word in rig.arguments]
    load(start, rig, tmp_path / "state")
    assert rig.machine.get("vector-quota") == 2
    assert rig.stats()["allocated"] == 3
    rig.ctl.answers()
    assert rig.ctl.refused(v.alloc(EP, 1, 1)) == v.S_QUOTA
    rig.dev.send(rig.pair)
    assert rig.vector(0)["delivered"] == 1


@pytest.mark.parametrize("taken", [False, True])
def test_renumbered_bus(start, tmp_path, taken):
    """An endpoint is its function, whatever number that has by now."""
    rig = Rig(start, extra=BEHIND + ("-device", "pci-bridge,chassis_nr=2,id=br2,addr=7",
                                     "-device", "ims-testdev,id=t3,bus=br2,addr=1"))
    qtest.make_bridge(rig.machine, 6, 1)
    rig.far = v.Testdev(rig.machine, 1, bus=1).enable()
    rig.ctl.attach(FAR)
    pair = rig.ctl.arm(FAR, 0)
    qtest.make_bridge(rig.machine, 6, 2)
    rig.far.bdf = 0x0208
    if taken:
        qtest.make_bridge(rig.machine, 7, 1)
        rig.wrong = v.Testdev(rig.machine, 1, bus=1).enable()
    save(rig, tmp_path / "state")
    load(start, rig, tmp_path / "state")
    rig.far.machine = rig.machine
    rig.far.send(pair)
    assert rig.messages() == {"delivered": 1}
    assert rig.vector()["endpoint"] == "0000:01:01.0", "the number by which the guest knows it"
    if taken:
        rig.wrong.machine = rig.machine
        rig.wrong.send(pair)
        assert rig.messages() == {"delivered": 1}
    rig.ctl.answers()
    assert rig.ctl.refused(v.attach(0x0208)) == v.S_BUSY
    rig.ctl.ok(v.detach(FAR))
    rig.ctl.attach(0x0208)


def test_stream_is_readable(busy_rig, tmp_path):
    """QEMU's own script can read what we write, field by field."""
    save(busy_rig, tmp_path / "state")
    script = pathlib.Path(qtest.QEMU).parent / "analyze-migration.py"
    result = subprocess.run(["/usr/bin/python3", script, "-f", tmp_path / "state", "-d", "state"],
                            stdout=subprocess.PIPE, check=True)
    found = next(section for name, section in json.loads(result.stdout).items()
                 if "virtio-irq (" in name or "/virtio-irq" in name)
    text = json.dumps(found)
    for field in ("saved_endpoints", "saved_paths", "saved_vectors", "route_address", "held"):
        assert field in text


def test_migration_without_function(start, busy_rig, tmp_path):
    """A destination that lacks an attached function says so and gives up."""
    save(busy_rig, tmp_path / "state")
    arguments = [word.replace("addr=4", "addr=8") for word in busy_rig.arguments]
    machine = start(*arguments, incoming=f"exec:cat {tmp_path}/state", wait=False)
    assert machine.process.wait(qtest.TIMEOUT) == 1
    assert "does not exist here" in machine.stderr()


def test_migration_corrupt(start, busy_rig, tmp_path):
    """A damaged state is refused or harmless, and never a crash."""
    save(busy_rig, tmp_path / "state")
    stream = (tmp_path / "state").read_bytes()
    # The section of the device: from its name to the next section's
    begin = stream.index(b"virtio-irq")
    end = stream.index(b"/virtio-irq" if b"/virtio-irq" in stream[begin + 12:] else b"ims-testdev",
                       begin + 12)
    counts = stream.index(struct.pack(">ii", 2, 3), begin, end)
    endpoints = 4 + 4 + 8 * 8 + 3 * 8 + 4
    vectors = 4 + 4 + 8 + 4 + 4 + 4 + 4 + 8 + 4 + 2 + 1 + 1
    paths = counts + 8 + 2 * endpoints
    assert stream[paths:paths + 8] == b"0000:00:"
    # Not the zeros after the paths
    places = [*range(counts, paths + 32),
              *range(paths + 2 * 256, paths + 2 * 256 + 3 * vectors + 32)]
    source = random.Random(1)
    refused = 0
    for _ in range(25):
        damaged = bytearray(stream)
        damaged[source.choice(places)] ^= 1 << source.randrange(8)
        (tmp_path / "damaged").write_bytes(damaged)
        machine = start(*busy_rig.arguments, incoming=f"exec:cat {tmp_path}/damaged",
                        wait=False)
        if machine.refuses_stream():
            assert "rror" in machine.stderr() or "virtio-irq" in machine.stderr()
            refused += 1
        machine.stop()
    assert refused > 5
