# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""A reset of the device makes the host forget everything, and the guest's drivers notice nothing."""

import shlex

import pcie
import pytest
from host import Host
from scenario import assert_route, cycle_cpu, write_disk
from testdev import Testdev

RESET = "/sys/bus/virtio/drivers/virtio_irq/virtio*/reset"
RECOVERY = 40


def by_administrator(guest):
    """The reset that root can ask for."""
    guest.run(f"echo 1 > $(echo {RESET})", timeout=RECOVERY)


def by_device(guest):
    """The reset that the device asks for."""
    guest.set("needs-reset", True)
    guest.wait_until(lambda: not guest.get("needs-reset"), "the driver resets the device", RECOVERY)
    guest.wait_until(lambda: "state: ready" in
                     guest.run("cat /sys/kernel/debug/virtio-irq/*/stats").out,
                     "requests are answered again", RECOVERY)


def settle(dev):
    """All that was owed has arrived. A reset retriggers what may be lost, so more is possible."""
    reply = dev.wait(120000)
    assert reply["fired"] == reply["handled"] == reply["acked"]
    assert reply["abandoned"] == 0
    return reply


@pytest.mark.debug_kernel
@pytest.mark.parametrize("reset", [by_administrator, by_device])
@pytest.mark.port("its", "imsic", "q35")
def test_reset_under_fire(boot, devices, reset):
    """Interrupts that are armed lose nothing over resets, disks go on."""
    devices.nvme().virtio_blk().testdev()
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 32 32")
    dev.cmd("request-all 0 16")
    dev.many([f"move {index} {index % 2}" for index in range(16)])
    before = host.allocated()
    fires = guest.fewer(20000)
    dev.cmd("gap 200000 0 16")
    dev.cmd(f"fire-all {fires} 0 16")
    with guest.background("while :; do dd if=/dev/nvme0n1 of=/dev/null bs=64k count=32 "
                          "iflag=direct 2>/dev/null || exit 1; done"):
        for _ in range(5):
            reset(guest)
            write_disk(guest, devices, "nvme", "/dev/nvme0n1", size=1 << 20)
            write_disk(guest, devices, "vblk", "/dev/vda", size=1 << 20)
    assert host.raw()["live"] == 0, "a message of before a reset may have hit anything"
    dev.cmd("gap 0")
    assert settle(dev)["handled"] == 16 * fires
    assert host.allocated() == before
    vectors = host.vectors(dev.endpoint)
    assert len(vectors) == 32
    for index in range(16):
        assert_route(vectors[index], index % 2)
    # What was reserved and not requested yet is still to be had
    dev.cmd("request-all 16 16")
    dev.cmd("fire-all 100 16 16")
    settle(dev)
    dev.cmd("free-all")
    dev.cmd("release")
    guest.wait_until(lambda: not host.vectors(dev.endpoint), "nothing is left", RECOVERY)


def test_reset_of_a_block(boot, devices):
    """A multi-MSI function gets a block again, and its message is written anew."""
    devices.testdev()
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msi 8 8")
    dev.cmd("request-all")
    for _ in range(3):
        by_administrator(guest)
        vectors = host.vectors(dev.endpoint)
        assert len(vectors) == 8
        assert {vectors[index]["pair-data"] - index for index in vectors} == \
            {vectors[0]["pair-data"]}
        dev.cmd("fire-all 100")
        settle(dev)


def refusals(guest):
    """Lines of the log that say that the host refused something."""
    return [line for line in guest.dmesg().splitlines() if "refused" in line]


@pytest.mark.parametrize("limit,of,error", [("vector-quota", "allocated", "EDQUOT"),
                                            ("commit-quota", "committed", "EDQUOT"),
                                            ("commit-pool", "committed", "ENOSPC")])
def test_reset_with_less(boot, devices, limit, of, error):
    """What the host does not give any more is missing, and the log says so; the rest works.
    Later all of it works, and what was fired meanwhile is raised."""
    devices.testdev()
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 16 16")
    dev.cmd("request-all")
    others = host.stats()[of] - 16
    unlimited = guest.get(limit)
    guest.set(limit, others + 8)
    guest.run(f"echo 1 > $(echo {RESET})", timeout=RECOVERY)
    guest.wait_until(lambda: host.stats()[of] == others + 8, "half of it is had again", RECOVERY)
    armed = {index for index, vector in host.vectors(dev.endpoint).items() if vector["armed"]}
    assert armed == set(range(8))
    guest.wait_until(lambda: refusals(guest), "the log tells of it", RECOVERY)
    assert any(dev.endpoint in line and error in line for line in refusals(guest))
    dev.cmd("fire-all 100 0 8")
    assert dev.wait(30000, 0, 8)["handled"] >= 800
    # These go nowhere for now
    dev.cmd("fire-all 1 8 8")
    # It asks again and again, but does not fill the log
    guest.run("sleep 6")
    assert len(refusals(guest)) < 16, refusals(guest)
    guest.set(limit, unlimited)
    guest.wait_until(lambda: len(host.vectors(dev.endpoint)) == 16 and
                     all(vector["armed"] for vector in
                         host.vectors(dev.endpoint).values()),
                     "the driver asks again by itself", RECOVERY)
    assert settle(dev)["handled"] == 808
    dev.cmd("fire-all 100")
    assert settle(dev)["handled"] == 2408


def test_reset_while_mute(boot, devices):
    """A host that is reset because it does not answer still has to answer at the end."""
    devices.testdev()
    guest = boot(append="virtio_irq.poll_timeout_ms=300 virtio_irq.sleep_timeout_ms=1500")
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 8 8")
    dev.cmd("request-all")
    guest.set("mute", "silent")
    dev.cmd("move 0 1")
    result = guest.run(f"echo 1 > $(echo {RESET})", timeout=RECOVERY, check=False)
    assert result.rc != 0, "the reset claims to have worked"
    guest.set("mute", "off")
    guest.wait_until(lambda: len(host.vectors(dev.endpoint)) == 8 and
                     all(vector["armed"] for vector in
                         host.vectors(dev.endpoint).values()),
                     "the driver recovers by itself", RECOVERY)
    assert_route(host.vectors(dev.endpoint)[0], 1)
    dev.cmd("fire-all 100")
    settle(dev)


def test_messages_before_it_is_attached_again(boot, devices):
    """What functions send while the host knows nothing of them does no harm: no interrupt, no
    error in an APIC, which would keep a CPU from ever coming up again; and nothing is lost."""
    devices.testdev().testdev("unmaskable", **{"msi-mask": "off"})
    guest = boot(append="virtio_irq.poll_timeout_ms=300 virtio_irq.sleep_timeout_ms=1500")
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    other = Testdev(guest, devices.address("unmaskable"), "unmaskable")
    dev.cmd("alloc msix 16 16")
    assert other.cmd("alloc msi 8 8").ret == 8
    for each in (dev, other):
        each.cmd("request-all")
        each.fire_and_wait(10)
    guest.set("mute", "stall")
    guest.run(f"echo 1 > $(echo {RESET})", timeout=RECOVERY, check=False)
    assert not host.vectors()
    # QEMU's APIC takes what a CPU's own access sends for that CPU's
    for each in (dev, other):
        guest.run(f"taskset 1 sh -c {shlex.quote(each.shell('fire-all 20'))}")
        guest.run(f"taskset 1 sh -c {shlex.quote(each.shell('raw-vector 0 20'))}")
    guest.set("mute", "off")
    assert settle(dev)["handled"] == 16 * 30
    assert settle(other)["handled"] == 8 * 30
    for turn in range(2):
        cycle_cpu(guest)
        dev.many([f"move {index} 1" for index in range(16)])
        dev.cmd("fire-all 10")
        assert settle(dev)["handled"] == 16 * (40 + 10 * turn)
    raw = host.raw()
    assert raw["live"] == 0
    # At least those that no mask held back
    assert raw["inert"] >= 40


def test_function_reset(boot, devices):
    """Somebody resets the controller's function and tells nobody: the driver finds out with its
    next request, sets everything up, and nothing is lost."""
    devices.nvme().testdev()
    guest = boot(buses=pcie.BUSES, virq=pcie.VIRQ)
    host = Host(guest)
    address = devices.address("nvme")
    guest.rebind("nvme", address)
    guest.wait_until(lambda: guest.run("ls /dev/nvme0n1", check=False).rc == 0, "NVMe is back")
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 16 16")
    dev.cmd("request-all 0 8")
    before = {name: host.stats()[name] for name in ("endpoints", "allocated", "armed")}
    fires = 2000
    for turn in range(3):
        dev.cmd("gap 1000000")
        dev.cmd(f"fire-all {fires}")
        with guest.background("while :; do dd if=/dev/nvme0n1 of=/dev/null bs=64k count=32 "
                              "iflag=direct 2>/dev/null || exit 1; done"):
            pcie.reset(guest, pcie.BEHIND_PORT)
            # Whatever it was sent for, it is carried out
            dev.cmd(f"move 0 {turn % 2}")
            guest.wait_until(lambda: {name: host.stats()[name] for name in before} == before,
                             "all is armed again", RECOVERY)
        dev.cmd("gap 0")
        assert settle(dev)["handled"] == 8 * fires * (turn + 1)
        assert_route(host.vectors(dev.endpoint)[0], turn % 2)
        assert "state: ready" in guest.run("cat /sys/kernel/debug/virtio-irq/*/stats").out
        write_disk(guest, devices, "nvme", "/dev/nvme0n1", size=1 << 20)
    # Whatever was reserved and not requested yet is still to be had
    dev.cmd("request-all 8 8")
    dev.cmd("fire-all 100")
    settle(dev)


def test_move_while_it_needs_a_reset(boot, devices):
    """A device that has failed answers nothing, so nobody waits for its answer: moves happen with
    interrupts off."""
    devices.testdev()
    guest = boot(buses=pcie.BUSES, virq=pcie.VIRQ)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 4 4")
    dev.cmd("request-all")
    dev.many([f"move {index} 0" for index in range(4)])
    # Else the kernel puts the next move off
    dev.fire_and_wait(10)
    # The interrupt that tells of the failure must not come first
    pcie.enable_msix(guest, pcie.BEHIND_PORT, False)
    guest.set("needs-reset", True)
    # A request that waits for all of its time takes a second
    assert dev.cmd("move 0 1")["us"] < 500_000
    guest.wait_until(lambda: not guest.get("needs-reset"), "the driver resets the device", RECOVERY)
    guest.wait_until(lambda: len(host.vectors(dev.endpoint)) == 4 and
                     all(vector["armed"] for vector in
                         host.vectors(dev.endpoint).values()), "all is armed again", RECOVERY)
    assert_route(host.vectors(dev.endpoint)[0], 1)
    dev.cmd("fire-all 100")
    assert settle(dev)["handled"] == 440


def test_reset_wants_a_true_word(boot):
    """Anything but a yes is refused and does nothing."""
    guest = boot()
    assert guest.run(f"echo 0 > $(echo {RESET})", check=False).rc != 0
    assert guest.run(f"echo perhaps > $(echo {RESET})", check=False).rc != 0
    assert "device resets: 0" in guest.run("cat /sys/kernel/debug/virtio-irq/*/stats").out
