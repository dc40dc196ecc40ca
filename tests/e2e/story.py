# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""A demonstration: steps that are told, and the evidence for what they claim."""

import traceback

from guest import GuestError


class Story:
    """The steps, and what was seen of their evidence.

    testdev   the ims-testdev that command() is for
    """

    def __init__(self):
        self.testdev = None
        self.seen = 0
        self.missing = []
        self.steps = 0

    def step(self, title):
        """A new step."""
        self.steps += 1
        print(f"\n{self.steps}. {title}", flush=True)

    @staticmethod
    def say(text):
        """Narration."""
        print(f"   {text}", flush=True)

    @staticmethod
    def show(what, text):
        """What a command printed, or what was read somewhere."""
        print(f"     {what}")
        for line in str(text).rstrip().splitlines():
            print(f"       | {line}", flush=True)

    def evidence(self, ok, text):
        """One piece of evidence."""
        print(f"   {'seen:    ' if ok else 'NOT SEEN:'} {text}", flush=True)
        if ok:
            self.seen += 1
        else:
            self.missing.append(f"step {self.steps}: {text}")

    def command(self, text, check=True, timeout=60):
        """A command for ims-testdev's driver, and what came of it."""
        reply = self.testdev.cmd(text, check=check, timeout=timeout)
        print(f"     guest driver: {text}  ->  {reply.ret}"
              + (f" (-{reply.errno})" if reply.errno != "0" else ""), flush=True)
        return reply

    def tell(self, steps):
        """One step after the other. One that fails is shown, and the next ones are tried,
        unless the guest is gone."""
        try:
            for step in steps:
                try:
                    step()
                except GuestError:
                    raise
                except Exception as error:  # pylint: disable=broad-except
                    traceback.print_exc(limit=-2)
                    self.evidence(False, f"{step.__doc__.strip()} {error}")
        except GuestError as error:
            self.evidence(False, str(error))

    def summary(self):
        """True if all of the evidence was seen."""
        print(f"\n{self.seen} pieces of evidence seen, {len(self.missing)} missing")
        for text in self.missing:
            print(f"  missing: {text}")
        return not self.missing
