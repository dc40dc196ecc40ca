# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The harness notices what it is there to notice."""

import time

import pytest
from guest import BAD_DMESG, CommandError, Guest, GuestError, parse_interrupts

SPLATS = [
    "WARNING: CPU: 0 PID: 1 at kernel/irq/manage.c:100 irq_foo+0x1/0x2",
    "BUG: kernel NULL pointer dereference, address: 0000000000000000",
    "BUG: scheduling while atomic: sh/100/0x00000002",
    "WARNING: possible circular locking dependency detected",
    "watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [sh:100]",
    "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
    "rcu: INFO: rcu_preempt self-detected stall on CPU",
    "INFO: task sh:100 blocked for more than 120 seconds.",
    "Call Trace:",
    "Oops: 0002 [#1] PREEMPT SMP NOPTI",
    "irq 24: nobody cared (try booting with the \"irqpoll\" option)",
    "BUG: KASAN: slab-use-after-free in virtio_irq_foo+0x1/0x2",
    "UBSAN: array-index-out-of-bounds in drivers/virtio/virtio_irq_ring.c:10:20",
    "BUG: MAX_LOCKDEP_ENTRIES too low!",
    "INFO: trying to register non-static key.",
    "do_IRQ: 1.36 No irq handler for vector",
    "__common_interrupt: 1.36 no irq handler for vector",
]

INTERRUPTS = """\
            CPU0       CPU1
   0:         84          0  IO-APIC   2-edge      timer
  24:          5         17  VIRTIO-PCI-MSIX-0000:00:03.0   0-edge      nvme0q0, other one
  25:          0          0  PCI-MSI-0000:00:04.0   0-edge
 NMI:          0          0   Non-maskable interrupts
"""


@pytest.mark.parametrize("line", SPLATS)
def test_splat_is_known(line):
    """Each of the kernel's ways to complain is recognised."""
    assert any(pattern.search(f"[    1.000000] {line}") for pattern in BAD_DMESG)


def test_interrupts_are_parsed():
    """Counts, chip, actions; lines of the architecture are not there."""
    irqs = parse_interrupts(INTERRUPTS)
    assert [irq.number for irq in irqs] == [0, 24, 25]
    assert irqs[1].counts == [5, 17] and irqs[1].total == 22 and irqs[1].virtual
    assert irqs[1].actions == "nvme0q0, other one"
    assert not irqs[2].virtual and irqs[2].actions == ""


def test_log_is_checked(log_dir):
    """A splat in the guest's log fails the check, and a clean log does not."""
    with Guest(log_dir) as guest:
        guest.check_dmesg()
        guest.run(f"echo '<4>{SPLATS[0]}' > /dev/kmsg")
        with pytest.raises(AssertionError, match="irq_foo"):
            guest.check_dmesg()


def test_commands(log_dir):
    """Status, output that is not text, time limits, and jobs in the background."""
    with Guest(log_dir) as guest:
        assert guest.run("echo out; echo err >&2; exit 7", check=False).rc == 7
        with pytest.raises(CommandError, match="status 3"):
            guest.run("exit 3")
        assert len(guest.run("head -c 300000 /dev/zero").out) == 300000
        assert guest.run("printf '=%s 0 \\n' nonce").out == "=nonce 0 \n"
        start = time.monotonic()
        assert guest.run("sleep 100", timeout=2, check=False).rc == 137
        assert time.monotonic() - start < 20
        with guest.background("while :; do echo tick; sleep 0.1; done") as output:
            guest.wait_until(lambda: output().count("tick") > 3, "it ticks", 20)
        # BusyBox's timeout leaves its timer behind for a second, and that has our words in it
        assert "job" not in guest.run("ps | grep -v timeout | grep '[j]ob'", check=False).out


def test_crash_is_seen_at_once(log_dir):
    """A guest that panics is an error with its last words, not a timeout."""
    with Guest(log_dir) as guest:
        start = time.monotonic()
        with pytest.raises(GuestError, match="(?s)Kernel panic.*sysrq_handle_crash"):
            guest.run("echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger")
        assert time.monotonic() - start < 30


def test_bad_option_is_explained(log_dir):
    """What QEMU complains of is in the error."""
    with pytest.raises(GuestError, match="no-such-device"):
        Guest(log_dir, devices=[("no-such-device", {})]).start()
