# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The harness notices what it is there to notice, in L2, in its QEMU and in L1."""

import time

import pytest
from guest import GuestError


def test_crash_of_l2(boot, l1):
    """It is an error with L2's last words, not a timeout; L1 goes on."""
    guest = boot()
    assert guest.run("uname -r").out == l1.run("uname -r").out
    assert "KVM" in guest.run("dmesg | grep Hypervisor").out
    start = time.monotonic()
    with pytest.raises(GuestError, match="(?s)ended with status 0.*sysrq_handle_crash"):
        guest.run("echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger")
    assert time.monotonic() - start < 30
    assert l1.run("echo well").out == "well\n"
    # The next one has the same ports
    guest = boot()
    assert guest.qmp.execute("query-status")["running"]
    l1.run("kill -STOP $(cat /run/l2.pid)")
    with pytest.raises(GuestError, match="(?s)no answer in time.*QEMU: state T, CPU [1-9]"):
        guest.run("true", timeout=1)
    l1.run("kill -CONT $(cat /run/l2.pid)")
    assert guest.alive()


def test_qemu_that_refuses(boot):
    """What L2's QEMU complains of is in the error, and fails a test that does not expect it."""
    with pytest.raises(GuestError, match="(?s)ended with status 1.*no-such-device"):
        boot(devices=[("no-such-device", {})])
    with pytest.raises(AssertionError, match="no-such-device"):
        boot.guest.check_warnings()
    boot.guest.errors.append("no-such-device")
