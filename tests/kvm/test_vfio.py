# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Functions passed through by VFIO that the controller serves: what the host's kernel refuses is
the error of request_irq(), and harms nothing else. test_plain.py has the same without it.
"""

import pytest

import pcie
from nested import USERSPACE_IRQCHIP, FileShortage, SlowHost
from rig import GROWTH, SHOTS, fire_each, grow_under_fire, request_one_by_one
from scenario import affinity, move, read_disk, write_disk
from test_irqfd import not_by_qemu
from testdev import Testdev

VECTORS = 8
LEFT = 4


def boot_testdev(boot, rig, **keywords):
    """A guest with ims-testdev; both. Without other words it is shared."""
    address = rig.devices.address("testdev")
    words = {"virq": {}, "devices": rig.vfio("testdev"), "load": ["virtio_irq", "ims_testdev"]}
    if keywords:
        guest = boot(**words, **keywords)
    else:
        guest = boot.shared(lambda guest: guest.rebind("ims-testdev", address), smp=2, **words)
    return guest, Testdev(guest, address)


def came_of(granted):
    """What has to come after each of VECTORS requests, of which so many were granted."""
    return [[1] * min(index + 1, granted) + [0] * (index + 1 - granted)
            for index in range(VECTORS)]


@pytest.mark.parametrize("irqchip", ["split", "off", "on"])
def test_delivery(boot, rig, irqchip):
    """Every interrupt arrives, also behind a mask; by way of QEMU only without irqfds."""
    words = {"split": {"irqchip": "split"}, "on": {},
             "off": {"irqchip": "off", "errors": USERSPACE_IRQCHIP}}
    guest, testdev = boot_testdev(boot, rig, **words[irqchip])
    testdev.cmd(f"alloc msix {VECTORS} {VECTORS}")
    testdev.cmd("request-all")
    irqs = [testdev.virq(index) for index in range(VECTORS)]
    if irqchip == "off":
        assert testdev.fire_and_wait(50)["handled"] == 50 * VECTORS
    else:
        with not_by_qemu(guest, irqs):
            assert testdev.fire_and_wait(50)["handled"] == 50 * VECTORS
    testdev.cmd("mask 3")
    testdev.cmd("fire 3 1")
    testdev.cmd("unmask 3")
    assert testdev.settle()["handled"] == 50 * VECTORS + 1


def test_without_a_route(boot, rig):
    """A vector for which KVM has no route, as when it has none left: QEMU takes the host's
    interrupt, and the controller delivers the message, also behind a mask."""
    guest = boot(virq={}, devices=rig.vfio("testdev", **{"x-no-kvm-msix": "on"}),
                 load=["virtio_irq", "ims_testdev"])
    testdev = Testdev(guest, rig.devices.address("testdev"))
    testdev.cmd("alloc msix 2 2")
    testdev.cmd("request-all")
    before = guest.get("stats")["messages"]["delivered"]
    assert testdev.fire_and_wait(20)["handled"] == 40
    testdev.cmd("mask 1")
    testdev.cmd("fire 1 1")
    testdev.cmd("unmask 1")
    assert testdev.settle()["handled"] == 41
    assert guest.get("stats")["messages"]["delivered"] == before + 41


def test_move(boot, rig):
    """Vectors that fire are moved around: none is lost, and each comes where it was moved to."""
    guest, testdev = boot_testdev(boot, rig)
    testdev.cmd("alloc msix 4 4")
    testdev.cmd("request-all")
    with not_by_qemu(guest, [testdev.virq(index) for index in range(4)]):
        testdev.cmd("fire-all 2000")
        testdev.cmd("mover 0 4 20")
        assert testdev.cmd("mover-wait 60000", timeout=90)["failed"] == 0
        # x86 retriggers one that it moves, when in doubt
        testdev.settle(60000, raised=80)
    irq = testdev.virq(2)

    def moved(cpu):
        """x86 finishes one move with an interrupt before it begins another one, which may be one
        that it still owes."""
        move(guest, irq, cpu)
        testdev.cmd("fire 2 1")
        testdev.settle(raised=80)
        return affinity(guest, irq) == cpu

    for cpu in (1, 0):
        # pylint: disable-next=cell-var-from-loop
        guest.wait_until(lambda: moved(cpu), f"the interrupt is on CPU {cpu}")
        testdev.cmd("fire 2 1")
        testdev.settle(raised=80)
        assert testdev.vectors()[2]["last_cpu"] == cpu


def test_growth_under_fire(boot, rig):
    """Vectors are requested one after the other while the earlier ones fire: none is lost."""
    _, testdev = boot_testdev(boot, rig)
    sums = grow_under_fire(testdev, GROWTH, SHOTS)
    assert sums["fired"] == sums["handled"] == SHOTS
    assert sums["abandoned"] == sums["spurious"] == 0


def test_host_without_dynamic_msix(boot, rig):
    """A host's kernel that cannot add vectors to MSI-X: neither growth nor a refusal touches what
    is there, and no CPU vector is taken before one is requested."""
    _, testdev = boot_testdev(boot, rig, setup=SlowHost.FIXED)
    host = SlowHost(rig.l1)
    sums = grow_under_fire(testdev, GROWTH, SHOTS)
    assert sums["fired"] == sums["handled"] == SHOTS
    assert sums["abandoned"] == sums["spurious"] == 0
    testdev.cmd("release")
    # Turned on once, for all that the function has, and off once
    sizes = [count for _, _, count, signal, _ in host.calls() if signal == 0 and count > 1]
    assert len(sizes) == 1 and sizes[0] >= GROWTH
    assert [signal for *_, signal, _ in host.calls()].count("-") == 1
    with rig.shortage.leaving(LEFT):
        errors, came = request_one_by_one(testdev, VECTORS)
    assert errors == ["0"] * LEFT + ["ENOSPC"] * (VECTORS - LEFT)
    assert came == came_of(LEFT)
    testdev.cmd("request-all")
    assert fire_each(testdev, VECTORS) == [1] * VECTORS


def wait_for_all(guest):
    """What was revoked is given back, and the guest has all of it again."""
    guest.set("unrevoke", "endpoint=all")
    guest.wait_until(lambda: sum(vec["armed"] for vec in guest.get("vectors")) == VECTORS,
                     "all are armed again")


def test_revoked(boot, rig):
    """An administrator takes vectors away: the host has their interrupts back at once, and the
    others do not notice."""
    guest, testdev = boot_testdev(boot, rig)

    def held():
        return int(rig.l1.run("grep -c vfio-msix /proc/interrupts; true").out)

    testdev.cmd(f"alloc msix {VECTORS} {VECTORS}")
    testdev.cmd("request-all")
    before = held()
    assert before >= VECTORS
    guest.set("revoke", f"endpoint={testdev.address},index={LEFT}-{VECTORS - 1},reason=nospc")
    rig.l1.wait_until(lambda: held() == before - (VECTORS - LEFT), "the host has them back")
    testdev.cmd(f"fire-all 50 0 {LEFT}")
    testdev.wait(60000, 0, LEFT)
    wait_for_all(guest)
    assert held() == before
    assert fire_each(testdev, VECTORS) == [1] * VECTORS
    testdev.settle(raised=VECTORS)


def test_host_does_not_give_again(boot, rig):
    """MSI-X is off for a moment, and then the host has not enough left for what was committed: who
    gets nothing is revoked, and the guest is told."""
    guest, testdev = boot_testdev(boot, rig, errors=["no interrupt for vector"])
    testdev.cmd(f"alloc msix {VECTORS} {VECTORS}")
    testdev.cmd("request-all")
    pcie.enable_msix(guest, testdev.address, False)
    with rig.shortage.leaving(LEFT):
        pcie.enable_msix(guest, testdev.address, True)
        guest.wait_until(lambda: guest.get("stats")["revoked"] == VECTORS - LEFT,
                         "the host has refused some")
        found = {vec["index"]: vec.get("revoked") for vec in guest.get("vectors")}
        assert found == {index: "nospc" if index >= LEFT else None for index in range(VECTORS)}
        testdev.cmd(f"fire-all 50 0 {LEFT}")
        testdev.wait(60000, 0, LEFT)
    wait_for_all(guest)
    assert fire_each(testdev, VECTORS) == [1] * VECTORS


def test_host_without_vectors(boot, rig):
    """The host's CPU has vectors for four: request_irq() says so for the fifth, and the four go
    on. After the end of the shortage the same call succeeds."""
    _, testdev = boot_testdev(boot, rig)
    with rig.shortage.leaving(LEFT):
        errors, came = request_one_by_one(testdev, VECTORS)
    assert errors == ["0"] * LEFT + ["ENOSPC"] * (VECTORS - LEFT)
    assert came == came_of(LEFT)
    testdev.cmd("request-all")
    assert fire_each(testdev, VECTORS) == [1] * VECTORS
    testdev.settle()


def test_vectors_go_back_to_the_host(boot, rig):
    """free_irq() gives the host's vector back, which then is there for another one."""
    _, testdev = boot_testdev(boot, rig)
    with rig.shortage.leaving(1):
        testdev.cmd("alloc msix 2 2")
        for _ in range(3):
            for one, other in ((0, 1), (1, 0)):
                testdev.cmd(f"request {one}")
                testdev.fails(f"request {other}", "ENOSPC")
                testdev.cmd(f"fire {one} 1")
                testdev.settle()
                testdev.cmd(f"free {one}")


def test_host_without_file_descriptors(boot, rig):
    """The same for RLIMIT_NOFILE of QEMU, of which a vector takes one."""
    guest, testdev = boot_testdev(boot, rig, setup=FileShortage.SETUP)
    shortage = FileShortage(guest)
    shortage.leave_only(LEFT)
    errors, came = request_one_by_one(testdev, VECTORS)
    assert errors == ["0"] * LEFT + ["ENOSPC"] * (VECTORS - LEFT)
    assert came == came_of(LEFT)
    shortage.end()
    testdev.cmd("request-all")
    assert fire_each(testdev, VECTORS) == [1] * VECTORS


def test_msi(boot, rig):
    """MSI is one block: the host has vectors for all of it, or there is none."""
    _, testdev = boot_testdev(boot, rig)
    with rig.shortage.leaving(LEFT - 1):
        assert testdev.cmd(f"alloc msi {VECTORS} {VECTORS}").ret == VECTORS
        for index in (0, VECTORS - 1):
            testdev.fails(f"request {index}", "ENOSPC")
        testdev.cmd("release")
        assert testdev.cmd("alloc msi 2 2").ret == 2
        testdev.cmd("request-all")
        assert fire_each(testdev, 2) == [1, 1]
        testdev.cmd("release")
    for _ in range(2):
        assert testdev.cmd(f"alloc msi {VECTORS} {VECTORS}").ret == VECTORS
        testdev.cmd("request-all")
        assert fire_each(testdev, VECTORS) == [1] * VECTORS
        testdev.cmd("release")


def boot_nvme(boot, rig, **keywords):
    """A guest with NVMe, whose driver is built in and was there before the controller."""
    guest = boot(virq={}, devices=rig.vfio("nvme"), load=["virtio_irq"], smp=2, **keywords)
    guest.unbind(rig.devices.address("nvme"))
    return guest


def bind_nvme(guest, rig):
    """The interrupts of its queues."""
    guest.bind("nvme", rig.devices.address("nvme"))
    guest.wait_until(lambda: guest.run("ls /dev/nvme0n1", check=False).rc == 0, "NVMe is there")
    irqs = guest.interrupts(action="nvme0q")
    assert irqs and all(irq.virtual for irq in irqs)
    return irqs


def test_nvme(boot, rig):
    """A disk: every byte arrives, and no interrupt by way of QEMU."""
    guest = boot_nvme(boot, rig)
    irqs = bind_nvme(guest, rig)
    assert len(irqs) == 3
    messages = guest.get("stats")["messages"]["delivered"]
    write_disk(guest, rig.devices, "nvme", "/dev/nvme0n1")
    read_disk(guest, rig.devices, "nvme", "/dev/nvme0n1", size=4 << 20)
    assert guest.get("stats")["messages"]["delivered"] == messages
    assert sum(irq.total for irq in guest.interrupts(action="nvme0q")) > \
        sum(irq.total for irq in irqs)


def test_nvme_on_a_host_without_vectors(boot, rig):
    """An unmodified driver comes up with fewer queues, at once."""
    guest = boot_nvme(boot, rig)
    # One more is that of INTx, which the function has as long as it does not use MSI-X
    with rig.shortage.leaving(1):
        assert len(bind_nvme(guest, rig)) == 2
        write_disk(guest, rig.devices, "nvme", "/dev/nvme0n1")
    assert "completion polled" not in guest.dmesg()
