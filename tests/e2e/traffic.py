# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""What goes on in a guest while something happens to it: disks, the network, interrupts.

Not as much of it as there can be: whatever happens is to happen soon.
"""

import contextlib

from lan import HOST_IP

KIB = 1024
# Of each disk: what is written and read back all the time, behind what write_disk() takes
START, SIZE, BLOCK = 8 * KIB * KIB, 512 * KIB, 64 * KIB

# Two contents in turns: what was not written is not taken for what was
DISK = """
for content in a b; do
	dd if=/dev/urandom of=/tmp/{name}.$content bs={size} count=1 2>/dev/null
done
while :; do
	for content in a b; do
		dd if=/tmp/{name}.$content of={node} bs=64k seek={seek} oflag=direct \
			conv=notrunc 2>/tmp/{name}.error || {{ echo "cannot be written"; exit 1; }}
		dd if={node} bs=64k skip={seek} count={count} iflag=direct 2>/tmp/{name}.error |
			cmp - /tmp/{name}.$content || {{ echo "was read wrongly"; exit 1; }}
		rounds=$((rounds + 1))
		echo $rounds > /tmp/{name}.rounds
		usleep 20000
	done
done
"""
PING = f"ping -i 0.2 -s 1000 {HOST_IP}"


class Traffic:
    """As a context: it goes on inside. At the end all of it has to go on still, and nothing may
    have been lost or corrupted.

    disks     names and device nodes, which must not change meanwhile
    units     Testdevs and Stores; what they have requested fires all the time
    lan       of a network card that is up, None for no network
    gap       nanoseconds between an interrupt and the next one of its vector
    """

    def __init__(self, guest, disks=(), units=(), lan=None, gap=5000000):
        # pylint: disable=too-many-arguments
        self.guest = guest
        self.disks = dict(disks)
        self.units = list(units)
        self.lan = lan
        self.gap = gap
        self._jobs = contextlib.ExitStack()
        self._outputs = {}

    def __enter__(self):
        count = self.guest.fewer(SIZE // BLOCK)
        for name, node in self.disks.items():
            self.guest.run(f"rm -f /tmp/{name}.rounds")
            self._start(name, DISK.format(name=name, node=node, size=count * BLOCK,
                                          seek=START // BLOCK, count=count))
        if self.lan:
            self._start("ping", PING)
        for unit in self.units:
            unit.cmd(f"gap {self.gap * self.guest.pace}")
            unit.cmd("fire-all 100000000")
        self.await_progress("before anything happens")
        return self

    def _start(self, name, command):
        self._outputs[name] = self._jobs.enter_context(self.guest.background(command))

    def __exit__(self, kind, *rest):
        try:
            if kind is None:
                self.await_progress("at the end")
                for unit in self.units:
                    self._stop(unit)
        finally:
            if self.guest.alive():
                self._jobs.close()

    @staticmethod
    def _stop(unit):
        """No more of it. What was on its way when it was cancelled finds nothing to handle."""
        unit.cmd("cancel")
        reply = unit.wait(20000)
        assert reply["fired"] == reply["handled"] + reply["abandoned"], reply
        unit.cmd("gap 0")

    def _marks(self):
        """How far each has come."""
        marks = {}
        for name in self.disks:
            result = self.guest.run(f"cat /tmp/{name}.rounds", check=False)
            marks[name] = int(result.out or 0) if result.rc == 0 else 0
        if self.lan:
            marks["ping"] = self.lan.pings
        for unit in self.units:
            for index, row in unit.vectors().items():
                if row["state"] == "requested":
                    marks[unit.path, unit.table, index] = row["handled"]
        return marks

    def await_progress(self, when, timeout=60):
        """Each of the disks, the network and each vector: an interrupt that is lost is the last one
        of its vector, because the next one is sent when it was handled."""
        before = self._marks()

        def standing():
            after = self._marks()
            return [name for name, mark in before.items() if after.get(name, 0) <= mark]

        left = []

        def moving():
            left[:] = standing()
            for name in left:
                if name in self._outputs:
                    out = self._outputs[name]()
                    assert "cannot" not in out and "wrongly" not in out and \
                        "differ" not in out, f"{name}: {out}"
            return not left

        try:
            self.guest.wait_until(moving, f"all goes on, {when}", timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; not: {left}") from error
