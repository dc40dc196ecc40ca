# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""What it takes to tell the host everything again after a reset of the device."""

import re

from host import Host

import life

RESET = "/sys/bus/virtio/drivers/virtio_irq/virtio*/reset"
TRACING = "/sys/kernel/debug/tracing"
STATES = f"{TRACING}/events/virtio_irq/virtio_irq_state/enable"
COUNTS = {life.SMALL_SMP: life.SMALL, life.LARGE_SMP: (2048,)}
SECONDS = 60
# enum virtio_irq_state of the driver
READY = 0


def without_ready(trace):
    """Microseconds from the state's leaving READY to its coming back, by the trace."""
    changes = [(round(float(at) * 1e6), int(before), int(after)) for at, before, after in
               re.findall(r" (\d+\.\d+): virtio_irq_state: (\d+) -> (\d+)", trace)]
    assert changes and changes[0][1] == READY and changes[-1][2] == READY, trace
    return changes[-1][0] - changes[0][0]


def once(bench, host, vectors):
    """Requests, notifications and time of a reset with so many armed vectors."""
    bench.dev.cmd(f"alloc msix {vectors} {vectors}", timeout=life.COMMAND_TIMEOUT)
    bench.dev.cmd("request-all", timeout=life.COMMAND_TIMEOUT)
    bench.guest.run(f"echo > {TRACING}/trace; echo 1 > {STATES}")
    before = host.stats()
    bench.guest.run(f"echo 1 | tee {RESET}")
    bench.guest.wait_until(lambda: host.stats()["armed"] == vectors, "all is armed again",
                           timeout=SECONDS)
    bench.guest.wait_until(
        lambda: f"-> {READY}\n" in bench.guest.run(f"cat {TRACING}/trace").out + "\n",
        "the driver is ready again", timeout=SECONDS)
    after = host.stats()
    trace = bench.guest.run(f"echo 0 > {STATES}; cat {TRACING}/trace").out
    bench.dev.fire_and_wait(1)
    bench.dev.cmd("release", timeout=life.COMMAND_TIMEOUT)
    return {"notifications": after["kicks"] - before["kicks"],
            "requests": sum(after["requests"].values()) - sum(before["requests"].values()),
            "us": without_ready(trace)}


def measure(directory, contender, say=print):
    """{number of vectors: numbers}"""
    results = {}
    for smp, counts in COUNTS.items():
        with life.Bench(directory / str(smp), contender, max(counts), smp) as bench:
            host = Host(bench.guest)
            for vectors in counts:
                say(f"replay of {vectors} after a reset")
                results[str(vectors)] = once(bench, host, vectors)
            bench.check()
    return results
