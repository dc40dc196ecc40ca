# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The machine that most tests use."""

import qtest
import virtio_irq as v

EP, OTHER = 4 << 3, 5 << 3
MSEC = 1000 * 1000
# A driver that has events
EVENTS = 1 << v.F_LAZY | 1 << v.F_EVENTQ | 1 << v.F_PASID


class Rig:
    """A machine with a controller in slot 3 and test functions in slots 4 and 5."""

    # pylint: disable-next=too-many-arguments
    def __init__(self, start, options="", extra=(), features=1 << v.F_LAZY, testdev="",
                 controller="virtio-irq-test-pci", **keywords):
        self.arguments = ("-device", f"{controller},id=irq,addr=3{options}",
                          "-device", f"ims-testdev,id=t0,addr=4{testdev}",
                          "-device", "ims-testdev,id=t1,addr=5", *extra)
        self.machine = start(*self.arguments, **keywords)
        self.find()
        self.ctl = v.Controller(qtest.PCITransport(self.function.enable()), features)
        self.dev.enable()
        self.other.enable()

    def find(self):
        """Functions on bus 0."""
        self.function = qtest.Function(self.machine, 3)
        self.dev = v.Testdev(self.machine, 4)
        self.other = v.Testdev(self.machine, 5)

    def stats(self):
        """Counters."""
        return self.machine.get("stats")

    def raw(self):
        """Messages of functions that were attached."""
        return self.stats()["raw"]

    def messages(self):
        """What became of messages so far, without what is zero."""
        return {name: n for name, n in self.stats()["messages"].items() if n}

    def vector(self, index=0, store=0):
        """The administrator's view of a vector."""
        found = [vec for vec in self.machine.get("vectors")
                 if (vec["index"], vec["store"]) == (index, store)]
        assert len(found) == 1
        return found[0]
