# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""What it takes to tell the host everything again after a reset of the device."""

from host import Host

import life

RESET = "/sys/bus/virtio/drivers/virtio_irq/virtio*/reset"
COUNTS = (1, 8, 64)


def once(bench, host, vectors):
    """Requests and notifications of a reset with so many armed vectors."""
    bench.dev.cmd(f"alloc msix {vectors} {vectors}")
    bench.dev.cmd("request-all")
    before = host.stats()
    bench.guest.run(f"echo 1 | tee {RESET}")
    bench.guest.wait_until(lambda: host.stats()["armed"] == vectors, "all is armed again")
    after = host.stats()
    bench.dev.fire_and_wait(1)
    bench.dev.cmd("release")
    return {"notifications": after["kicks"] - before["kicks"],
            "requests": sum(after["requests"].values()) - sum(before["requests"].values())}


def measure(directory, contender, say=print):
    """{number of vectors: numbers}"""
    with life.Bench(directory, contender, max(COUNTS), 2) as bench:
        host = Host(bench.guest)
        results = {}
        for vectors in COUNTS:
            say(f"replay of {vectors} after a reset")
            results[str(vectors)] = once(bench, host, vectors)
        bench.check()
    return results
