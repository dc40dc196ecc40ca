# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""A guest that sleeps and wakes up again, or that starts another kernel."""

import contextlib
import secrets
import shlex

from guest import FASTER_BOOT
from qmp import QMPError

SLEEP_TIMEOUT = 60


@contextlib.contextmanager
def _asleep(guest, command):
    """Run a command during which the whole guest sleeps. Yields a function that tells whether
    it has ended; at the end of the context it has to have ended, without an error."""
    word = f"awake-{secrets.token_hex(4)}"
    # The agent has to answer first, and it sleeps like all others
    with guest.background(f"sleep 1\n( {command} )\n"
                          f"echo \"<3>{word} with status $?\" > /dev/kmsg"):
        yield lambda: word in guest.console()
        guest.wait_console(word, SLEEP_TIMEOUT)
    # The line may have been read while it was written
    match = guest.wait_console(rf"{word} with status (\d+)", 5)
    assert match[1] == "0", f"'{command}' failed"


def to_idle(guest):
    """s2idle: the devices sleep, the CPUs do nothing. The agent's line wakes the guest."""
    wakeup = "/sys/class/tty/ttyS1/power/wakeup"
    guest.write(wakeup, "enabled")
    to_idle_until(guest, guest.nudge)
    guest.write(wakeup, "disabled")


def to_idle_until(guest, wake):
    """s2idle. What wakes the guest is done once a second until it is awake."""
    with _asleep(guest, "echo freeze > /sys/power/state") as awake:
        # It wakes nobody who is not asleep yet
        def try_it():
            wake()
            return awake()
        guest.wait_until(try_it, "the guest wakes up", SLEEP_TIMEOUT, interval=1)


def to_ram(guest):
    """ACPI's S3: the devices lose their power, and with it all that they know."""
    with _asleep(guest, "echo mem > /sys/power/state") as awake:
        # QEMU's timers may come first: no error, it was asleep then
        def wake():
            with contextlib.suppress(QMPError):
                guest.qmp.execute("system_wakeup")
            return awake()
        guest.wait_until(wake, "the guest sleeps and wakes up", SLEEP_TIMEOUT)
    assert "ACPI: PM: Waking up from system sleep state S3" in guest.dmesg()


def to_disk(guest, swap):
    """Hibernation: the image is written to a disk, read back, and the guest goes on from there.
    That is the whole way of an image but for the power."""
    guest.run(f"grep -q {swap} /proc/swaps || {{ mkswap {swap} && swapon {swap}; }}")
    # No memory is given up for a smaller image, which takes longer than to write it
    with _asleep(guest, "echo test_resume > /sys/power/disk && echo disk > /sys/power/state"):
        pass


class OtherKernel:
    """Starts another kernel out of the running one: the same image, from a disk of the guest's.

    Before boot(): adds disks. Their nodes are given to load().
    """

    def __init__(self, artifacts, devices):
        self.artifacts = artifacts
        devices.file("kernel", artifacts.image).file("initramfs", artifacts.initramfs)

    @staticmethod
    def load(guest, nodes, append="", crash=False):
        """Have the kernel ready, for start() or for a panic."""
        guest.run(f"cat {nodes[0]} > /tmp/kernel && cat {nodes[1]} > /tmp/initramfs && "
                  f"kexec {'crash' if crash else 'load'} /tmp/kernel /tmp/initramfs "
                  f"{shlex.quote(OtherKernel.command_line(append))} && "
                  "rm /tmp/kernel /tmp/initramfs")

    @staticmethod
    def command_line(append):
        """As in guest.py; modules to be loaded are in append."""
        return ("console=ttyS0 panic=-1 oops=panic loglevel=5 random.trust_cpu=on agent "
                f"no_timer_check {' '.join(FASTER_BOOT)} {append}").strip()
