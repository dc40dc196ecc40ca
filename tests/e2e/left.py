# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Guests that one test leaves for another one, which spares it a boot.

Only for tests that ask for it, and can say how to make the guest as it was. A guest whose
test has failed is left to nobody.
"""

class Left:
    """The guest that there is for the next test."""

    def __init__(self):
        self.guest = None
        self.words = None

    def take(self, words):
        """It, if it was booted with these words; else None."""
        if self.guest is None or self.words != words:
            return None
        guest, self.guest = self.guest, None
        return guest

    def leave(self, guest, words):
        """For the next one."""
        self.guest, self.words = guest, words

    def drop(self):
        """There is none any more; returns what there was."""
        guest, self.guest = self.guest, None
        return guest


def note_outcome(item, call):
    """Fixtures are to know whether their test has passed: item.passed. For the fixtures' conftest,
    in its pytest_runtest_makereport()."""
    if call.when == "call":
        item.passed = call.excinfo is None
