# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""What the host says about virtio-irq: its counters and vectors."""

import contextlib


class Host:
    """The controller, seen from QEMU's monitor."""

    def __init__(self, guest):
        self.guest = guest
        self._before = {}

    def begin(self):
        """Messages so far are those of another test."""
        self._before = self.messages()

    def stats(self):
        """All counters."""
        return self.guest.get("stats")

    def books(self):
        """What is held at this moment, in numbers."""
        stats = self.stats()
        return {name: stats[name] for name in ("endpoints", "allocated", "committed", "armed")}

    def allocated(self):
        """Vectors allocated at this moment."""
        return self.stats()["allocated"]

    def requests(self, kind):
        """Requests of a type so far."""
        return self.stats()["requests"][kind]

    def messages(self):
        """Messages so far, by what became of them."""
        return {name: count - self._before.get(name, 0)
                for name, count in self.stats()["messages"].items()}

    def blocked(self):
        """Messages that were blocked, for any reason."""
        return sum(count for name, count in self.messages().items()
                   if name not in ("delivered", "pass"))

    def raw(self):
        """Messages of functions that were attached once and were not when they sent them: inert,
        and live, which may have hit anything."""
        return self.stats()["raw"]

    def vectors(self, endpoint=None):
        """Allocated vectors of an endpoint, by index."""
        return {vector["index"]: vector for vector in self.guest.get("vectors")
                if endpoint is None or vector["endpoint"] == endpoint}

    def delivered(self, endpoint):
        """Messages delivered for the vectors that an endpoint has now."""
        return sum(vector["delivered"] for vector in self.vectors(endpoint).values())

    @contextlib.contextmanager
    def kicks(self, at_most):
        """At most so many exits may happen within; yields a function that says how many so far.

        Counted twice: by QEMU's trace, and by the device.
        """
        before = self.stats()["kicks"]
        with self.guest.tracing("virtio_irq_kick") as lines:
            yield lambda: len(lines())
            traced = len(lines())
        counted = self.stats()["kicks"] - before
        assert traced == counted, f"{traced} kicks traced, {counted} counted"
        assert traced <= at_most, f"{traced} exits instead of at most {at_most}"
