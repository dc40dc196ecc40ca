# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""A reset of the device makes the host forget everything, and the guest's drivers notice nothing."""

import pytest
from host import Host
from scenario import assert_route, write_disk
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


def test_reset_with_less_quota(boot, devices):
    """What the host does not give any more is missing, the rest works; later all of it works."""
    devices.testdev()
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 16 16")
    dev.cmd("request-all")
    others = host.allocated() - 16
    guest.set("vector-quota", others + 8)
    guest.run(f"echo 1 > $(echo {RESET})", timeout=RECOVERY)
    assert host.allocated() == others + 8
    dev.cmd("fire-all 100 0 8")
    settle(dev)
    guest.set("vector-quota", 65536)
    guest.wait_until(lambda: len(host.vectors(dev.endpoint)) == 16 and
                     all(vector["armed"] for vector in
                         host.vectors(dev.endpoint).values()),
                     "the driver asks again by itself", RECOVERY)
    dev.cmd("fire-all 100")
    settle(dev)


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


def test_reset_wants_a_true_word(boot):
    """Anything but a yes is refused and does nothing."""
    guest = boot()
    assert guest.run(f"echo 0 > $(echo {RESET})", check=False).rc != 0
    assert guest.run(f"echo perhaps > $(echo {RESET})", check=False).rc != 0
    assert "device resets: 0" in guest.run("cat /sys/kernel/debug/virtio-irq/*/stats").out
