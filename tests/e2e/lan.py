# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The other end of a virtual network cable: answers ARP and ping, and is a TFTP server.

QEMU hands over the guest's Ethernet frames as datagrams (-netdev dgram), so no
privileges, no tap device, and no network of the machine are involved.
"""

import pathlib
import select
import socket
import struct
import threading

HOST_MAC = bytes.fromhex("525400fe0001")
HOST_IP = "192.0.2.1"
GUEST_IP = "192.0.2.2"

TFTP_PORT = 69
TRANSFER_PORT = 6969
BLOCK = 512
RRQ, WRQ, DATA, ACK, ERROR = 1, 2, 3, 4, 5


def checksum(data):
    """Internet checksum, RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Lan:
    """A host on the guest's network. Files that the guest puts are in received."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.host_path = self.directory / "lan-host"
        self.guest_path = self.directory / "lan-guest"
        self.served = {}
        self.received = {}
        self.pings = 0
        self._files = {}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.host_path))
        self._stop_r, self._stop_w = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def netdev(self, name):
        """QEMU's -netdev argument."""
        return (f"dgram,id={name},local.type=unix,local.path={self.guest_path},"
                f"remote.type=unix,remote.path={self.host_path}")

    def close(self):
        """Unplug."""
        self._stop_w.close()
        self._thread.join(5)
        self._socket.close()
        self._stop_r.close()

    def _serve(self):
        while True:
            ready, _, _ = select.select([self._socket, self._stop_r], [], [])
            if self._stop_r in ready:
                return
            frame = self._socket.recv(65536)
            answer = self._frame(frame)
            if answer is not None:
                # Short frames are padded, as a card would
                self._send((frame[6:12] + HOST_MAC + answer).ljust(60, b"\0"))

    def _send(self, frame):
        try:
            self._socket.sendto(frame, str(self.guest_path))
        except OSError:
            # The guest is gone; its retransmission would have been too
            pass

    def _frame(self, frame):
        """The answer to a frame: type and payload."""
        if len(frame) < 14:
            return None
        kind, payload = frame[12:14], frame[14:]
        if kind == b"\x08\x06":
            answer = self._arp(payload)
        elif kind == b"\x08\x00":
            answer = self._ip(payload)
        else:
            answer = None
        return None if answer is None else kind + answer

    @staticmethod
    def _arp(packet):
        """Who has HOST_IP? We do."""
        host = socket.inet_aton(HOST_IP)
        if packet[6:8] != b"\0\1" or packet[24:28] != host:
            return None
        return packet[:6] + b"\0\2" + HOST_MAC + host + packet[8:18]

    def _ip(self, packet):
        """IPv4 without options or fragments."""
        if packet[0] != 0x45 or packet[16:20] != socket.inet_aton(HOST_IP):
            return None
        length = struct.unpack("!H", packet[2:4])[0]
        payload = packet[20:length]
        if packet[9] == 1:
            answer = self._icmp(payload)
        elif packet[9] == 17:
            answer = self._udp(payload)
        else:
            answer = None
        if answer is None:
            return None
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(answer), 0, 0, 64, packet[9], 0,
                             packet[16:20], packet[12:16])
        return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + answer

    def _icmp(self, payload):
        """Echo."""
        if payload[0] != 8:
            return None
        self.pings += 1
        answer = b"\0\0\0\0" + payload[4:]
        return answer[:2] + struct.pack("!H", checksum(answer)) + answer[4:]

    def _udp(self, payload):
        """TFTP; the checksum is left out, which UDP allows."""
        source, port = struct.unpack("!HH", payload[:4])
        if port not in (TFTP_PORT, TRANSFER_PORT):
            return None
        answer = self._tftp(source, payload[8:])
        if answer is None:
            return None
        return struct.pack("!HHHH", TRANSFER_PORT, source, 8 + len(answer), 0) + answer

    def _tftp(self, client, message):
        """RFC 1350, without options; a transfer is known by the client's port."""
        opcode = struct.unpack("!H", message[:2])[0]
        if opcode in (RRQ, WRQ):
            name = message[2:].split(b"\0")[0].decode(errors="replace")
            if opcode == WRQ:
                self._files[client] = (name, bytearray())
                return struct.pack("!HH", ACK, 0)
            if name not in self.served:
                return struct.pack("!HH", ERROR, 1) + b"no such file\0"
            self._files[client] = (name, None)
            return self._block(name, 1)
        if client not in self._files:
            return struct.pack("!HH", ERROR, 5) + b"no transfer\0"
        name, content = self._files[client]
        number = struct.unpack("!H", message[2:4])[0]
        if opcode == ACK:
            return self._block(name, number + 1)
        if opcode != DATA:
            return None
        # A repeated block was received already, and only its ACK got lost
        if number == (len(content) // BLOCK + 1) & 0xffff and name not in self.received:
            content += message[4:]
            if len(message) - 4 < BLOCK:
                self.received[name] = bytes(content)
        return struct.pack("!HH", ACK, number)

    def _block(self, name, number):
        """DATA, None after the last one."""
        content = self.served[name]
        start = (number - 1) * BLOCK
        if start > len(content):
            return None
        return struct.pack("!HH", DATA, number) + content[start:start + BLOCK]
