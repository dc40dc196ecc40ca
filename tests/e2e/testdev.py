# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""ims-testdev from both sides: its guest driver's debugfs files, its QOM properties.

The commands are described in tests/ims-testdev/ims_testdev_ctl.c.
"""

import dataclasses
import re
import shlex


@dataclasses.dataclass
class Reply:
    """The result of a command."""
    ret: int
    errno: str
    fields: dict

    def __getitem__(self, name):
        return self.fields[name]


class TestdevError(AssertionError):
    """A command failed that should not have."""
    __test__ = False


def number(text):
    """Numbers as numbers, other words as they are."""
    try:
        return int(text, 0)
    except ValueError:
        return text


def parse_reply(text):
    """ret=0 errno=0 us=17 name=value ... cmd="..." """
    line = text.strip().splitlines()[-1]
    match = re.match(r"ret=(-?\d+) errno=(\w+) (.*)cmd=", line)
    if not match:
        raise TestdevError(f"not a result: {text!r}")
    words = (word.split("=", 1) for word in match[3].split())
    return Reply(int(match[1]), match[2], {name: number(value) for name, value in words})


class Testdev:
    """One ims-testdev function in a guest."""
    __test__ = False

    def __init__(self, guest, address, name="testdev"):
        self.guest = guest
        self.address = address
        self.endpoint = address
        self.path = f"/sys/kernel/debug/ims-testdev/{address}"
        self.table = "vectors"
        self.qom = f"/machine/peripheral/{name}"

    def cmd(self, text, check=True, timeout=60):
        """Run one command."""
        result = self.guest.run(self.shell(text), timeout=timeout, check=False)
        reply = parse_reply(result.out)
        if check and reply.errno != "0":
            raise TestdevError(f"{text}: {result.out}")
        return reply

    def shell(self, text):
        """The shell command that runs a command and prints its result."""
        return (f"exec 3<>{self.path}/ctl && {{ printf %s {shlex.quote(text)} >&3; cat <&3; }} "
                "2>/dev/null")

    def fails(self, text, errno, timeout=60):
        """A command that has to fail with that error."""
        reply = self.cmd(text, check=False, timeout=timeout)
        assert reply.errno == errno, f"{text}: {reply.errno} instead of {errno}"
        return reply

    def vectors(self):
        """The table of vectors, by index."""
        lines = self.guest.run(f"cat {self.path}/{self.table}").out.splitlines()
        names = lines[0].split()
        rows = (dict(zip(names, map(number, line.split()))) for line in lines[1:])
        return {row["index"]: row for row in rows}

    def virq(self, index):
        """Linux number of a vector's interrupt."""
        return self.vectors()[index]["virq"]

    def get(self, name):
        """A QOM property of the device: fired-total, acked-total ..."""
        return self.guest.get(name, self.qom)

    def fire_and_wait(self, count, timeout_ms=30000):
        """Fire on every requested vector, wait; all have to arrive. Returns the sums."""
        self.cmd(f"fire-all {count}")
        return self.wait(timeout_ms)

    def wait(self, timeout_ms, first=None, count=None):
        """Wait until what is owed to some vectors, or all, has arrived. Returns the sums."""
        some = "" if first is None else f" {first} {count}"
        return self.cmd(f"wait {timeout_ms * self.guest.pace}{some}",
                        timeout=timeout_ms / 1000 + 30)

    def settle(self, timeout_ms=30000, raised=0):
        """Wait until what is owed has arrived, all of it and nothing else. Without a message
        the guest may have raised interrupts itself, as often as raised at the most."""
        reply = self.wait(timeout_ms)
        assert reply["fired"] == reply["handled"] == reply["acked"]
        assert reply["spurious"] <= raised and reply["abandoned"] == 0
        return reply

    def many(self, texts, check=True, timeout=120):
        """Run commands one after the other, in one go; their replies."""
        words = " ".join(shlex.quote(text) for text in texts)
        out = self.guest.run(
            f"for text in {words}; do {{ exec 3<>{self.path}/ctl; printf %s \"$text\" >&3; "
            "cat <&3; } 2>/dev/null; done; true", timeout=timeout).out
        replies = [parse_reply(line) for line in out.splitlines()]
        assert len(replies) == len(texts), out
        if check:
            for text, reply in zip(texts, replies):
                if reply.errno != "0":
                    raise TestdevError(f"{text}: {reply}")
        return replies


class Store(Testdev):
    """One of the function's own interrupt message stores; commands and vectors are of that."""
    __test__ = False

    SLOTS, RECORDS = 1, 2

    def __init__(self, guest, address, number, name="testdev"):
        super().__init__(guest, address, name)
        self.number = number
        self.table = {self.SLOTS: "slots", self.RECORDS: "records"}[number]

    def _named(self, text):
        return f"store {self.number} {text}"

    def shell(self, text):
        return super().shell(self._named(text))

    def many(self, texts, check=True, timeout=120):
        return super().many([self._named(text) for text in texts], check, timeout)
