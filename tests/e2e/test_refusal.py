# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""A refusal of the host becomes the error of the guest's call, at each point."""

import pytest
from host import Host
from scenario import write_disk
from testdev import Testdev

STATUSES = [("nospc", "ENOSPC"), ("quota", "EDQUOT"), ("nomem", "ENOMEM"), ("perm", "EPERM"),
            ("busy", "EAGAIN"), ("deverr", "EIO")]


@pytest.fixture
def testdev(boot, devices):
    """A guest with one ims-testdev."""
    devices.testdev()
    guest = boot()
    return Testdev(guest, devices.address("testdev"))


@pytest.mark.parametrize("prop", ["endpoint-quota", "vector-quota"])
@pytest.mark.port("its", "imsic", "q35")
def test_partial_grant(testdev, prop):
    """A driver that asks for 64 vectors under a quota of 8 gets 8, and they work."""
    guest = testdev.guest
    host = Host(guest)
    guest.set(prop, host.allocated() + 8 if prop == "vector-quota" else 8)
    assert testdev.cmd("alloc msix 1 64").ret == 8
    testdev.cmd("request-all")
    assert testdev.fire_and_wait(100)["handled"] == 800
    assert len(host.vectors(testdev.endpoint)) == 8
    testdev.cmd("release")
    # Fewer than the driver's minimum is an error
    testdev.fails("alloc msix 16 64", "ENOSPC")
    guest.wait_until(lambda: not host.vectors(testdev.endpoint), "the host has all back", 5)
    guest.set(prop, 1000)
    assert testdev.cmd("alloc msix 64 64").ret == 64
    testdev.cmd("request-all")
    assert testdev.fire_and_wait(10)["handled"] == 800 + 640


def test_max_vectors(boot, devices):
    """The device's own limit works like a quota."""
    devices.testdev()
    guest = boot(virq={"max-vectors": 12})
    dev = Testdev(guest, devices.address("testdev"))
    assert dev.cmd("alloc msix 1 64").ret == 12
    dev.cmd("request-all")
    assert dev.fire_and_wait(20)["handled"] == 240


def test_max_endpoints(boot, devices):
    """A function that the host cannot attach works as it does without a controller, or not at
    all, but never without interrupts."""
    devices.testdev("first").testdev("second").testdev("third")
    guest = boot(virq={"max-endpoints": 2})
    served = 0
    for name in ("first", "second", "third"):
        dev = Testdev(guest, devices.address(name), name)
        reply = dev.cmd("alloc msix 2 2", check=False)
        if reply.errno != "0":
            continue
        dev.cmd("request-all")
        dev.fire_and_wait(10)
        served += guest.interrupts(chip=devices.address(name))[0].virtual
    assert served == 2
    assert Host(guest).stats()["endpoints"] == 2


def test_alloc_refused(testdev):
    """No vector granted: pci_alloc_irq_vectors() fails; the device has no INTx to fall back to."""
    testdev.guest.set("endpoint-quota", 0)
    testdev.fails("alloc any 1 64", "ENOSPC")
    assert Host(testdev.guest).allocated() == 0
    testdev.guest.set("endpoint-quota", 64)
    assert testdev.cmd("alloc msix 64 64").ret == 64


def test_alloc_refused_status(testdev):
    """Whatever the reason, the driver sees an error and the next attempt works."""
    for turn, (status, _) in enumerate(STATUSES, 1):
        print(status)
        testdev.guest.set("refuse", f"alloc@1x1={status}")
        testdev.fails("alloc msix 8 8", "ENOSPC")
        assert testdev.cmd("alloc msix 8 8").ret == 8
        testdev.cmd("request-all")
        assert testdev.fire_and_wait(10)["handled"] == 80 * turn
        testdev.cmd("release")


def test_added_vector_refused(testdev):
    """pci_msix_alloc_irq_at() under a quota: an error, and the others do not notice."""
    testdev.cmd("alloc msix 4 4")
    testdev.cmd("request-all")
    testdev.guest.set("endpoint-quota", 4)
    assert testdev.cmd("add 9", check=False).ret < 0
    testdev.guest.set("endpoint-quota", 5)
    assert testdev.cmd("add 9").ret == 9
    testdev.cmd("request 9")
    assert testdev.fire_and_wait(50)["handled"] == 250


@pytest.mark.port
def test_activate_refused(testdev):
    """request_irq() returns what the host said, the others keep firing, the next try works."""
    testdev.cmd("alloc msix 8 8")
    testdev.cmd("request-all 0 4")
    handled = 0
    for status, errno in STATUSES:
        print(status)
        testdev.cmd("gap 50000 0 4")
        testdev.cmd("fire-all 2000 0 4")
        testdev.guest.set("refuse", f"activate={status}")
        for index in range(4, 8):
            testdev.fails(f"request {index}", errno)
        testdev.guest.set("refuse", "")
        testdev.cmd("request-all 4 4")
        testdev.cmd("fire-all 10 4 4")
        handled += 4 * 2000 + 4 * 10
        assert testdev.settle(60000)["handled"] == handled
        testdev.cmd("free-all 4 4")


@pytest.mark.debug_kernel
@pytest.mark.parametrize("prop,errno", [("commit-quota", "EDQUOT"), ("commit-pool", "ENOSPC")])
@pytest.mark.port("v2m", "its", "imsic", "q35")
def test_commit_limit(testdev, prop, errno):
    """N get in, the next is refused, the N lose nothing; a raised limit lets it in."""
    host = Host(testdev.guest)
    before = host.stats()["committed"]
    testdev.cmd("alloc msix 8 8")
    testdev.guest.set(prop, before + 5)
    assert testdev.fails("request-all", errno)["done"] == 5
    assert testdev.fire_and_wait(1000)["handled"] == 5000
    testdev.fails("request 5", errno)
    testdev.guest.set(prop, before + 6)
    testdev.cmd("request 5")
    testdev.fails("request 6", errno)
    # One that is freed makes room for another
    testdev.cmd("free 0")
    testdev.cmd("request 6")
    assert host.stats()["committed"] == before + 6
    testdev.cmd("fire-all 100 1 6")
    assert testdev.cmd("wait 20000 1 6")["handled"] == 4 * 1100 + 2 * 100


def test_moving_is_never_refused(testdev):
    """An armed vector can be moved with the pool empty."""
    testdev.cmd("alloc msix 4 4")
    testdev.cmd("request-all")
    for prop in ("commit-quota", "commit-pool", "vector-quota", "endpoint-quota"):
        testdev.guest.set(prop, 0)
    for turn in range(6):
        testdev.many([f"move {index} {(index + turn) % 2}" for index in range(4)])
        testdev.fire_and_wait(50)
    assert {row["last_cpu"] for row in testdev.vectors().values()} == {0, 1}
    assert testdev.settle()["handled"] == 6 * 4 * 50


def nvme_online(guest):
    """The disk is there."""
    return guest.run("ls /dev/nvme0n1", check=False).rc == 0


def test_nvme_fewer_queues(boot, devices):
    """Managed vectors under a quota: NVMe comes up with fewer queues, and works."""
    devices.nvme()
    guest = boot()
    address = devices.address("nvme")
    guest.unbind(address)
    guest.set("endpoint-quota", 2)
    guest.bind("nvme", address)
    guest.wait_until(lambda: nvme_online(guest), "NVMe is there")
    irqs = guest.interrupts(chip=address)
    assert len(irqs) == 2 and all(irq.virtual for irq in irqs)
    assert guest.run("ls /sys/block/nvme0n1/mq | wc -l").out.strip() == "1"
    write_disk(guest, devices, "nvme", "/dev/nvme0n1")
    # And with all of them when it may
    guest.unbind(address)
    guest.set("endpoint-quota", 64)
    guest.bind("nvme", address)
    guest.wait_until(lambda: nvme_online(guest), "NVMe is there")
    assert len(guest.interrupts(chip=address)) == 3
    write_disk(guest, devices, "nvme", "/dev/nvme0n1")


@pytest.mark.debug_kernel
def test_nvme_managed_commit_limit(boot, devices):
    """NVMe's vectors are committed when they are allocated, the admin queue's too: a limit means
    fewer queues, none of them dead."""
    devices.nvme()
    guest = boot()
    address = devices.address("nvme")
    guest.unbind(address)
    for limit, queues in ((2, 1), (3, 2)):
        guest.set("commit-quota", limit)
        guest.bind("nvme", address)
        guest.wait_until(lambda: nvme_online(guest), "NVMe is there")
        assert guest.run("ls /sys/block/nvme0n1/mq | wc -l").out.strip() == str(queues)
        write_disk(guest, devices, "nvme", "/dev/nvme0n1")
        guest.unbind(address)


def test_nvme_none_granted(boot, devices):
    """Without any resource NVMe's probe fails with an error, and works again afterwards."""
    devices.nvme()
    guest = boot()
    address = devices.address("nvme")
    guest.unbind(address)
    guest.set("commit-quota", 0)
    result = guest.bind("nvme", address, check=False)
    # The probe may go on in the background; then its end is in the log
    guest.wait_until(lambda: result.rc or "probe" in guest.run("dmesg | grep nvme").out,
                     "the probe ended")
    guest.wait_until(lambda: not guest.run(
        f"[ -e /sys/bus/pci/devices/{address}/driver ] && cat /sys/class/nvme/*/state",
        check=False).out.strip(), "the function has no driver", 60)
    assert not nvme_online(guest)
    assert not guest.interrupts(chip=address)
    guest.wait_until(lambda: not Host(guest).vectors(address), "the host has all back", 5)
    guest.set("commit-quota", 64)
    guest.bind("nvme", address)
    guest.wait_until(lambda: nvme_online(guest), "NVMe is there")
    write_disk(guest, devices, "nvme", "/dev/nvme0n1")


@pytest.mark.debug_kernel
def test_managed_activation_refused(boot, devices):
    """A managed vector whose activation fails is replayed: no WARN, no silent dead queue."""
    devices.testdev()
    guest = boot()
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 3 3 affinity 1 0")
    guest.set("refuse", "activate@1x3=nospc")
    # The core has no way to return the error; what counts is that it works soon
    for index in range(3):
        dev.cmd(f"request {index}", check=False)
    dev.cmd("request-all")
    dev.cmd("fire-all 100")
    # A replayed vector is retriggered once, which the handler calls spurious
    reply = dev.cmd("wait 60000", timeout=90)
    assert reply["fired"] == reply["handled"] == 300
    assert reply["spurious"] <= 3


def test_msi32_window_above_4g(boot, devices):
    """MSI without 64-bit addresses cannot hold such a pair: an error, never a cut address."""
    devices.testdev("narrow", msi64="off").testdev("wide")
    guest = boot(virq={"window": "0x1000000000-0x10000fffff"})
    narrow = Testdev(guest, devices.address("narrow"), "narrow")
    # The PCI core takes such a function's MSI-X for 32-bit, too (dev->no_64bit_msi)
    for command in ("alloc msi 1 1", "alloc msi 1 8", "alloc msix 1 4", "alloc any 1 4"):
        narrow.fails(command, "ENOSPC")
    assert not Host(guest).vectors(narrow.endpoint)
    wide = Testdev(guest, devices.address("wide"), "wide")
    for turn, command in enumerate(("alloc msi 4 4", "alloc msix 4 4"), 1):
        assert wide.cmd(command).ret == 4
        wide.cmd("request-all")
        assert wide.fire_and_wait(50)["handled"] == 200 * turn
        for row in wide.vectors().values():
            assert 0x1000000000 <= row["address"] <= 0x10000fffff
        wide.cmd("release")


def test_msi32_window_below_4g(boot, devices):
    """With the usual window the same function works."""
    devices.testdev(msi64="off")
    guest = boot()
    dev = Testdev(guest, devices.address("testdev"))
    assert dev.cmd("alloc msi 4 4").ret == 4
    dev.cmd("request-all")
    assert dev.fire_and_wait(50)["handled"] == 200
    assert all(row["address"] < 1 << 32 for row in dev.vectors().values())
