# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""A small QMP client: one command at a time, every wait bounded."""

import json
import socket
import time


class QMPError(Exception):
    """QEMU refused a command; the text is QEMU's own."""


class QMPClosed(Exception):
    """QEMU closed the connection: it has ended."""


class QMP:
    """A connection to QEMU's monitor.

    negotiate     false: do it later, there is no QEMU yet at the other end of the socket
    """

    def __init__(self, path, timeout=10, negotiate=True):
        self.events = []
        self._buffer = b""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        self._socket.connect(str(path))
        if negotiate:
            self.negotiate(timeout)

    def negotiate(self, timeout=10):
        """QEMU greets, and is greeted."""
        self._receive(time.monotonic() + timeout)
        self.execute("qmp_capabilities")

    def close(self):
        """Hang up."""
        self._socket.close()

    def _receive(self, deadline):
        """The next message."""
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("QMP: no answer in time")
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                raise QMPClosed("QEMU closed its monitor")
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        return json.loads(line)

    def execute(self, command, timeout=20, **arguments):
        """Run a command and return its value; underscores in argument names become dashes."""
        message = {"execute": command}
        if arguments:
            message["arguments"] = {key.replace("_", "-"): value
                                    for key, value in arguments.items()}
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except ConnectionError as error:
            raise QMPClosed("QEMU closed its monitor") from error
        deadline = time.monotonic() + timeout
        while True:
            answer = self._receive(deadline)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise QMPError(f"{command}: {answer['error'].get('desc')}")
            if "event" in answer:
                self.events.append(answer)
