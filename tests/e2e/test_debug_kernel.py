# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""What only a kernel with the driver built in, and its interrupts' debugfs, can show."""

import re

import pytest
from guest import Guest
from host import Host
from lan import GUEST_IP, HOST_IP
from scenario import IRQS, destination, irq_state, move, network_up, trigger, write_disk
from testdev import Testdev

pytestmark = pytest.mark.debug_only

TRIGGERS = 10
TRACING = "/sys/kernel/debug/tracing"


def test_taint_is_noticed(log_dir, kernel):
    """A kernel whose checkers are on and content passes; one that is tainted does not."""
    with Guest(log_dir, kernel=kernel) as guest:
        guest.check_dmesg()
        # As a warning that no pattern matches would
        guest.write("/proc/sys/kernel/tainted", 1 << 9)
        with pytest.raises(AssertionError):
            guest.check_dmesg()


@pytest.mark.parametrize("kind", ["msix", "msi"])
def test_trigger(boot, devices, kind):
    """An interrupt that an administrator asks for is handled where its vector goes."""
    devices.testdev()
    guest = boot()
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd(f"alloc {kind} 4 4")
    dev.cmd("request-all 0 3")
    irqs = [row["virq"] for row in dev.vectors().values()]
    for turn in range(2):
        for index, irq in enumerate(irqs[:3]):
            move(guest, irq, (index + turn) % 2)
            trigger(guest, irq, TRIGGERS)
        # The device has sent nothing, so the handler has nothing to claim
        want = [(turn + 1) * TRIGGERS] * 3 + [0]
        guest.wait_until(lambda: [row["spurious"] for row in  # pylint: disable=cell-var-from-loop
                                  dev.vectors().values()] == want, "all are handled", 5)
        assert [row["last_cpu"] for row in dev.vectors().values()][:3] == \
            [(index + turn) % 2 for index in range(3)]
    assert [irq.total for irq in guest.interrupts(chip=dev.address)][:3] == [2 * TRIGGERS] * 3
    # Nobody waits for the fourth
    assert guest.write(f"{IRQS}/{irqs[3]}", "trigger", check=False).rc != 0
    dev.cmd("request-all 3 1")
    reply = dev.fire_and_wait(20)
    assert (reply["handled"], reply["spurious"]) == (80, 6 * TRIGGERS)
    trigger(guest, irqs[3])
    guest.wait_until(lambda: dev.vectors()[3]["spurious"] == 1, "the fourth is handled", 5)


def test_served_from_the_first_probe(boot, devices):
    """Built in, the controller is there before any consumer: no function has to be bound again."""
    devices.virtio_blk().nvme().ahci().e1000e().testdev()
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 4 4")
    dev.cmd("request-all")
    dev.fire_and_wait(20)
    network_up(guest, GUEST_IP)
    guest.run(f"ping -c 5 -i 0.2 -s 1400 -W 5 {HOST_IP}")
    assert devices.lan.pings >= 5
    for name, node in (("vblk", "/dev/vda"), ("nvme", "/dev/nvme0n1"), ("ahci", "/dev/sda")):
        write_disk(guest, devices, name, node)
    for name in ("vblk", "nvme", "ahci", "e1000e", "testdev"):
        address = devices.address(name)
        irqs = guest.interrupts(chip=address)
        assert irqs and all(irq.virtual for irq in irqs), f"{name}: {irqs}"
        assert host.delivered(address) > 0, f"{name}: no interrupt delivered"
    assert guest.interrupts(chip=f"VIRTIO-PCI-MSI-{devices.address('ahci')}")
    assert "has interrupts already" not in guest.dmesg()


def test_old_vector_is_given_up_at_once(boot, devices):
    """After a move the CPU left has its vector back without waiting for an interrupt."""
    devices.testdev()
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 8 8")
    dev.cmd("request-all")
    rows = dev.vectors()
    for turn in range(4):
        for index, row in rows.items():
            cpu = (turn + index) % 2
            move(guest, row["virq"], cpu)
            guest.wait_until(lambda: "Previous vector" not in  # pylint: disable=cell-var-from-loop
                             irq_state(guest, row["virq"]), "the old vector is free", 5)
            # The host sees it with the next request, or message, or after a while
            guest.wait_until(lambda: destination(  # pylint: disable=cell-var-from-loop
                host.vectors(dev.endpoint)[index]) == cpu, "the host has the route", 5)
    assert host.messages()["delivered"] == 0, "this test is of moves without interrupts"
    assert dev.fire_and_wait(20)["handled"] == 160


def test_state_of_an_interrupt(boot, devices):
    """The kernel's own view of an interrupt has ours in it, and can be read at any time."""
    devices.testdev()
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 8 8")
    dev.cmd("request-all 0 4")
    for index, row in dev.vectors().items():
        text = irq_state(guest, row["virq"])
        names = re.findall(r"domain: +(\S+)", text)
        assert len(names) == 3 and names[-1] == "VECTOR", text
        pair = host.vectors(dev.endpoint)[index]
        assert ("armed" in text) == (index < 4) == pair["armed"], text
    dev.cmd("churn 8 16 0 3")
    dev.cmd("mover 0 4 0")
    for _ in range(5):
        guest.run("cat /sys/kernel/debug/irq/irqs/* /sys/kernel/debug/irq/domains/* "
                  "/sys/kernel/debug/virtio-irq/*/* 2>/dev/null | wc -l")
    dev.cmd("mover-stop")
    dev.cmd("churn-stop", timeout=120)
    assert dev.fire_and_wait(20)["handled"] == 80


def irqs_off(dev, text, at_least=0, turns=3):
    """The longest times in microseconds that the kernel's own tracer has seen with interrupts off
    while a command was carried out, on any CPU, if longer than at_least; once for each turn. The
    command is undone after each.

    What lasts while another CPU sets a new maximum is not noted, so small ones are to be left out
    if a long one must not be missed.
    """
    found = []
    for _ in range(turns):
        out = dev.guest.run(
            f"cd {TRACING} && echo irqsoff > current_tracer && "
            f"echo {at_least} > tracing_max_latency; {dev.shell(text)}; "
            "cat tracing_max_latency; echo nop > current_tracer").out
        reply, latency = out.strip().splitlines()[-2:]
        assert "errno=0" in reply, out
        found.append(int(latency))
        dev.cmd("free 0")
    return found


def test_slow_commit_with_interrupts_on(boot, devices):
    """However long the host works for an interrupt, no CPU has interrupts off for that. The same
    tracer sees what an ACTIVATE costs that is answered late."""
    devices.testdev()
    guest = boot(virq={"commit-first": "on"})
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 2 2")
    for work in (0, 50, 2000):
        guest.set("work", work)
        print(f"{work} ms of work: {min(irqs_off(dev, 'request 0'))} us with interrupts off")
        if work:
            longest = max(irqs_off(dev, "request 0", at_least=20000))
            assert longest < max(50, work / 2) * 1000
        assert dev.cmd("request 0")["us"] >= work * 1000
        dev.cmd("free 0")
    guest.set("work", 0)
    guest.set("delay", "activate=50")
    assert min(irqs_off(dev, "request 0", at_least=20000)) >= 50000
