# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""How long interrupts are off while the guest waits for an answer.

The numbers are the driver's own, in the guest's time, which does not pass while
the host works: a host that answers within the notification takes as long as the
instructions around it. Slow ones answer after the time that they are told to.
"""

import life

# In us; the worst wait is not forgotten, so the slowest host comes last
DELAYS = (0, 10, 100, 1000)
ROUNDS = 16
COMMAND = "life 64"
REQUEST = "ACTIVATE"
QUANTILE = 0.999


def histogram(guest):
    """(worst in ns, waits by power of two of us) of the requests that are polled for."""
    text = guest.run("cat /sys/kernel/debug/virtio-irq/*/latency").out
    words = next(line.split() for line in text.splitlines() if line.startswith(REQUEST))
    return int(words[1]), [int(word) for word in words[2:]]


def quantile(buckets):
    """Upper bound in us of that part of all waits."""
    left = sum(buckets) * QUANTILE
    for power, number in enumerate(buckets):
        left -= number
        if left <= 0:
            return 1 << power
    raise AssertionError("no waits at all")


def measure(directory, contender, say=print):
    """{delay: {"waits", "worst-ns", "p99.9-us"}}"""
    results = {}
    with life.Bench(directory, contender, 64, 2, "virtio-irq-test-pci") as bench:
        for delay in DELAYS:
            say(f"latency with a host that takes {delay} us")
            _, before = histogram(bench.guest)
            with bench.guest.setting("delay", f"activate={delay}us" if delay else ""):
                for _ in range(ROUNDS):
                    bench.dev.cmd(f"bench {COMMAND}", timeout=life.COMMAND_TIMEOUT)
            worst, after = histogram(bench.guest)
            waits = [now - then for now, then in zip(after, before)]
            results[str(delay)] = {"waits": sum(waits), "worst-ns": worst,
                                   "p99.9-us": quantile(waits)}
        bench.check()
    return results
