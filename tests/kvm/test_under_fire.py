# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""A function passed through fires, and what it belongs to goes away: the guest is reset, starts
another kernel, is killed, the function is taken out. No vector of the host's is left, nothing hits
what comes after, and that works.
"""

from nested import FASTER, L2_IMAGE, L2_INITRAMFS
from power import OtherKernel
from rig import fire_each
from test_slow_host import BEHIND_PORT, PORT, host_vectors
from testdev import Testdev
from traffic import Traffic

VECTORS = 8
MODULES = ["virtio_irq", "ims_testdev"]
# More than it comes to; each is sent when the one before was handled
ENDLESS = 10_000_000
# Between two of a vector, so that one CPU has time for other things
GAP_NS = 5_000_000


def boot_behind_port(boot, rig, **keywords):
    """A guest whose function can be taken out while it runs."""
    testdev, = rig.vfio("testdev")
    testdev[1].update(bus="slot1", addr="0")
    return boot(virq={}, buses=[PORT], devices=[testdev], load=MODULES, **keywords)


def fire(guest):
    """Have all vectors fire, and go on."""
    testdev = Testdev(guest, BEHIND_PORT)
    testdev.cmd(f"alloc msix {VECTORS} {VECTORS}")
    testdev.cmd("request-all")
    testdev.cmd(f"gap {GAP_NS}")
    testdev.cmd(f"fire-all {ENDLESS}")
    guest.wait_until(lambda: all(row["handled"] > 10 for row in testdev.vectors().values()),
                     "all vectors fire", 30)
    return testdev


def works(guest):
    """As new: each vector comes once for each time that it fires."""
    testdev = Testdev(guest, BEHIND_PORT)
    testdev.cmd(f"alloc msix {VECTORS} {VECTORS}")
    testdev.cmd("request-all")
    assert fire_each(testdev, VECTORS) == [1] * VECTORS
    testdev.settle()


def test_unplug_and_reset(boot, rig, l1):
    """The function is taken out, and put in again; the guest is reset without notice."""
    guest = boot_behind_port(boot, rig)
    fire(guest)
    function = {"driver": "vfio-pci", "id": "testdev", "bus": "slot1", "addr": "0",
                "host": guest.devices[0][1]["host"]}
    for _ in range(2):
        guest.qmp.execute("device_del", id="testdev")
        guest.wait_until(lambda: "testdev" not in {
            child["name"] for child in guest.qmp.execute("qom-list", path="/machine/peripheral")},
            "the function is gone", 60)
        assert not host_vectors(l1)
        assert guest.get("stats")["endpoints"] == 0
        guest.qmp.execute("device_add", **function)
        guest.wait_until(lambda: guest.run(f"[ -e /sys/bus/pci/devices/{BEHIND_PORT}/driver ]",
                                           check=False).rc == 0, "the function is back", 60)
        fire(guest)

    guest.qmp.execute("set-action", reboot="reset")
    guest.qmp.execute("system_reset")
    guest.await_agent("the guest boots again")
    assert not host_vectors(l1)
    works(guest)


def test_kexec(boot, rig, l1):
    """The guest starts another kernel."""
    machine = boot_behind_port(boot, rig, memory=512, args=[
        "-drive", f"if=none,id=kernel,format=raw,readonly=on,file={L2_IMAGE}",
        "-device", "virtio-blk-pci,addr=8,drive=kernel",
        "-drive", f"if=none,id=initramfs,format=raw,readonly=on,file={L2_INITRAMFS}",
        "-device", "virtio-blk-pci,addr=9,drive=initramfs"])
    machine.insmod("virtio_blk")
    fire(machine)
    OtherKernel.load(machine, ("/dev/vda", "/dev/vdb"),
                     f"{FASTER} agent={machine.agent_device} load={','.join(MODULES)}")
    machine.other_kernel("kexec start", "the other kernel boots")
    assert not host_vectors(l1)
    works(machine)


def test_killed(boot, rig, l1):
    """QEMU is killed; the next guest has all that it had."""
    guest = boot_behind_port(boot, rig)
    fire(guest)
    l1.run("kill -KILL $(cat /run/l2.pid)")
    guest.wait_until(guest.ended, "QEMU is gone", 30)
    assert not host_vectors(l1)
    works(boot_behind_port(boot, rig))


RESET = "echo 1 > $(echo /sys/bus/virtio/drivers/virtio_irq/virtio*/reset)"


def test_reset_of_the_controller(boot, rig):
    """All host's interrupts are given back and asked for again while the function fires, and none
    of its messages is lost: the next one is sent when the one before was handled."""
    guest = boot(virq={}, devices=rig.vfio("testdev"), load=MODULES, smp=2)
    testdev = Testdev(guest, rig.devices.address("testdev"))
    testdev.cmd(f"alloc msix {VECTORS} {VECTORS}")
    testdev.cmd("request-all")
    with Traffic(guest, units=[testdev], gap=20_000_000) as traffic:
        # The first one was enough, before pending bits were kept
        for _ in range(4):
            guest.run(RESET)
            traffic.await_progress("after a reset")
