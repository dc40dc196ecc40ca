# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""What the guest's driver takes for acknowledged, beside what the host holds."""

import re

from guest import VIRQ

RECORDS = "cat /sys/kernel/debug/virtio-irq/*/endpoints"


def of_guest(guest):
    """Of each vector that the host has granted, its route and pair if it is armed."""
    found = {}
    endpoint = store = None
    for line in guest.run(RECORDS, check=False).out.splitlines():
        vector = re.match(r" vector (\d+): irq \d+(.*) route (\w+)/(\w+) pair (\w+)/(\w+)", line)
        if not vector:
            other = re.match(r" store (\d+) ", line)
            endpoint, store = (endpoint, int(other[1])) if other else (line.split()[0], 0)
            continue
        words = vector[2].split()
        if "granted" in words or "lost" in words:
            armed = tuple(int(vector[i], 16) for i in range(3, 7)) if "armed" in words else None
            found[endpoint, store, int(vector[1])] = "lost" if "lost" in words else armed
    return found


def of_host(guest, controllers=(VIRQ,)):
    """The same of the host's, of all controllers together."""
    return {(vector["endpoint"], vector["store"], vector["index"]):
            tuple(vector[name] for name in ("route-address", "route-data", "pair-address",
                                            "pair-data")) if vector["armed"] else None
            for path in controllers for vector in guest.get("vectors", path)}


def assert_equal(guest, timeout=30, controllers=(VIRQ,)):
    """Both have the same; what the guest has put into the ring the host sees after a while."""
    def differences():
        ours, theirs = of_guest(guest), of_host(guest, controllers)
        return {key: (ours.get(key, "unknown"), theirs.get(key, "unknown"))
                for key in ours.keys() | theirs.keys()
                if ours.get(key, "unknown") != theirs.get(key, "unknown")}

    try:
        guest.wait_until(lambda: not differences(), "guest and host agree", timeout)
    except AssertionError as error:
        raise AssertionError(f"{error}: {differences()}") from error
