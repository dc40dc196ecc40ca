# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""A host that takes its time for an interrupt of a function passed through, or fails: only who
wants that interrupt waits, and every error is one of request_irq().
"""

import errno
import time

import pytest

from nested import SlowHost
from rig import DISK, fire_each
from test_vfio import bind_nvme
from testdev import Testdev, parse_reply

DELAY = 2000
VECTORS = 4
DISK_ADDRESS = "0000:00:09.0"
SOME = 256 << 10
# A slot that a function can be taken out of while it runs
PORT = ("pcie-root-port", {"id": "slot1", "addr": "a", "chassis": 1, "slot": 1})
BEHIND_PORT = "0000:01:00.0"
RESET = "echo 1 > $(echo /sys/bus/virtio/drivers/virtio_irq/virtio*/reset)"
# All that a driver does, which handles one interrupt of each vector that it has got
LIFE = [f"alloc {{kind}} {VECTORS} {VECTORS}",
        *(f"request {index}" for index in range(VECTORS)), "fire-all 1", "wait 5000",
        *(f"free {index}" for index in range(VECTORS)), "release"]
REQUESTS = range(1, 1 + VECTORS)


def boot_slow(boot, rig, devices=(), behind_port=False, **keywords):
    """A guest whose host can be made slow; the guest, ims-testdev, the host."""
    host = SlowHost(rig.l1)
    testdev, = rig.vfio("testdev")
    if behind_port:
        testdev[1].update(bus="slot1", addr="0")
    guest = boot(virq={}, devices=[testdev, *devices], setup=SlowHost.SETUP,
                 load=["virtio_irq", "virtio_blk", "ims_testdev"], **keywords)
    address = BEHIND_PORT if behind_port else rig.devices.address("testdev")
    return guest, Testdev(guest, address), host


def kept(guest):
    """Requests that wait for the host."""
    return guest.get("stats")["kept"]


def host_vectors(l1):
    """Interrupts that L1 has for the function's MSI and MSI-X."""
    return l1.interrupts(action="vfio-msi")


def works(testdev):
    """All of the function's vectors can be had, and come."""
    testdev.cmd(f"alloc msix {VECTORS} {VECTORS}")
    testdev.cmd("request-all")
    assert fire_each(testdev, VECTORS) == [1] * VECTORS


class Meanwhile:
    """A command for ims-testdev in the background, which makes the host work."""

    def __init__(self, guest, testdev, text):
        self.guest = guest
        self.out = f"/tmp/meanwhile.{time.monotonic_ns()}"
        guest.run(f"({testdev.shell(text)} > {self.out}; echo > {self.out}.done) "
                  "</dev/null >/dev/null 2>&1 &")
        guest.wait_until(lambda: kept(guest) >= 1, f"'{text}' waits for the host", 10, 0.05)

    def over(self):
        """Has it ended?"""
        return self.guest.run(f"[ -e {self.out}.done ]", check=False).rc == 0

    def result(self):
        """What it has said."""
        self.guest.wait_until(self.over, "it ends", 60)
        return self.guest.read(self.out)


def read_some(guest):
    """Checksum of the disk's start, past the page cache."""
    return guest.run(f"dd if=/dev/vda bs={SOME} count=1 iflag=direct 2>/dev/null | sha256sum"
                     ).out.split()[0]


def test_only_who_wants_it_waits(boot, rig, l1, disk):  # pylint: disable=unused-argument
    """While the host works for one vector, QEMU's main loop, the function's other vectors and
    another function go on; then request_irq() returns 0. A guest may end meanwhile."""
    guest, testdev, host = boot_slow(boot, rig, smp=2, devices=[
        ("virtio-blk-pci", {"id": "vblk", "addr": DISK_ADDRESS[-3], "drive": "vblk-drive",
                            "disable-legacy": "on"})],
        args=["-drive", f"if=none,id=vblk-drive,format=raw,file={DISK}"])
    testdev.cmd(f"alloc msix {VECTORS} {VECTORS}")
    testdev.cmd("request 0")
    some = l1.run(f"head -c {SOME} {DISK} | sha256sum").out.split()[0]
    # The guest's driver waits for 30 s
    host.set(delay=12 * DELAY)
    meanwhile = Meanwhile(guest, testdev, "request 1")
    waits = []
    for _ in range(10):
        start = time.monotonic()
        guest.qmp.execute("query-status")
        waits.append(time.monotonic() - start)
    testdev.cmd("move 0 1")
    testdev.cmd("fire 0 20")
    assert testdev.wait(3000, 0, 1)["handled"] == 20
    assert read_some(guest) == some
    # ATTACH, ALLOC and ACTIVATE of another endpoint
    guest.rebind("virtio-pci", DISK_ADDRESS)
    assert read_some(guest) == some
    assert kept(guest) == 1 and not meanwhile.over(), "the host answered before the test was done"
    assert max(waits) < DELAY / 1000
    host.set()
    reply = parse_reply(meanwhile.result())
    assert reply.errno == "0" and reply["us"] > 500_000
    testdev.cmd("request-all 2 2")
    assert fire_each(testdev, VECTORS) == [1] * VECTORS
    testdev.settle()
    testdev.cmd("free 3")
    host.set(delay=DELAY)
    Meanwhile(guest, testdev, "request 3")


def test_meanwhile(boot, rig, l1):
    """The controller is reset, the machine saved, the function unbound, the guest reset, the
    function unplugged, each while the host works for it: no vector of the host's is left."""
    guest, testdev, host = boot_slow(boot, rig, buses=[PORT], behind_port=True)
    testdev.cmd(f"alloc msix {VECTORS} {VECTORS}")
    testdev.cmd("request 0")

    host.set(delay=DELAY)
    meanwhile = Meanwhile(guest, testdev, "request 1")
    guest.run(RESET)
    # The driver sends again what was dropped
    assert "ret=0 errno=0" in meanwhile.result()

    meanwhile = Meanwhile(guest, testdev, "request 2")
    with guest.tracing("virtio_irq_hold") as answers:
        guest.qmp.execute("xen-save-devices-state", filename="/run/l2.state")
        assert len(answers()) == 1, "the request was carried out before the machine was saved"
    assert "ret=0 errno=0" in meanwhile.result()
    host.set()
    assert fire_each(testdev, 3) == [1] * 3
    testdev.settle(raised=1)
    assert len(host_vectors(l1)) == 3

    host.set(delay=DELAY)
    meanwhile = Meanwhile(guest, testdev, "request 3")
    guest.unbind(testdev.address)
    assert meanwhile.over() and not kept(guest)
    assert not host_vectors(l1)
    host.set()
    guest.bind("ims-testdev", testdev.address)
    works(testdev)

    testdev.cmd("free 3")
    host.set(delay=DELAY)
    Meanwhile(guest, testdev, "request 3")
    guest.qmp.execute("set-action", reboot="reset")
    guest.qmp.execute("system_reset")
    guest.await_agent("the guest boots again")
    host.set()
    assert not kept(guest) and not host_vectors(l1)
    works(testdev)

    testdev.cmd("free 3")
    host.set(delay=DELAY)
    Meanwhile(guest, testdev, "request 3")
    guest.qmp.execute("device_del", id="testdev")
    guest.wait_until(lambda: "testdev" not in {
        child["name"] for child in guest.qmp.execute("qom-list", path="/machine/peripheral")},
        "the function is gone", 60)
    assert not kept(guest) and not host_vectors(l1)
    assert guest.get("stats")["endpoints"] == 0


def test_what_is_given_back(boot, rig):
    """Vectors that one function has released are there for another one, also if the host takes its
    time to take them back."""
    host = SlowHost(rig.l1)
    guest = boot(virq={}, devices=rig.vfio("nvme", "testdev"), setup=SlowHost.SETUP, smp=2,
                 load=["virtio_irq", "ims_testdev"])
    testdev = Testdev(guest, rig.devices.address("testdev"))
    guest.unbind(rig.devices.address("nvme"))
    testdev.cmd(f"alloc msix {VECTORS} {VECTORS}")
    testdev.cmd("request-all")
    # One more is that of INTx, for as long as NVMe has no MSI-X
    with rig.shortage.leaving(1):
        host.set(delay=DELAY // 4)
        testdev.cmd("free-all")
        assert len(bind_nvme(guest, rig)) == 3
        host.set()
        assert len(host_vectors(rig.l1)) == 3


@pytest.mark.parametrize("kind", ["msix", "msi"])
def test_nth_call_fails(boot, rig, l1, kind):
    """Each call of the host's in the life of some vectors fails once, with each error: at most one
    request_irq() has it, MSI's vectors being one block, and all else goes on."""
    _, testdev, host = boot_slow(boot, rig)
    life = [text.format(kind=kind) for text in LIFE]
    errors = [errno.ENOSPC, errno.ENOMEM, errno.EIO]
    testdev.many(life)
    calls = sum(signal != "-" for *_, signal, _ in host.calls())
    assert calls >= (2 * VECTORS if kind == "msix" else 1)
    seen = []
    for nth in range(1, calls + 1):
        for error in errors if kind == "msix" else errors[:1]:
            host.set(fail=nth, errno=error)
            replies = testdev.many(life, check=False)
            got = [reply.errno for reply in replies]
            refused = [index for index in REQUESTS if got[index] != "0"]
            assert len(refused) <= 1, (nth, got)
            # free of what was not requested
            bad = [index for index, name in enumerate(got) if name != "0" and
                   index not in refused and index - VECTORS - 2 not in refused]
            assert not bad, (nth, got)
            for index in refused:
                assert got[index] == errno_name(error), (nth, got)
            seen += refused
            assert not host_vectors(l1), (nth, got)
    # Each vector was refused once, with each error
    assert set(seen) == set(REQUESTS if kind == "msix" else REQUESTS[:1])
    host.set()
    testdev.many(life)


def errno_name(number):
    """ENOSPC and the like."""
    return errno.errorcode[number]
