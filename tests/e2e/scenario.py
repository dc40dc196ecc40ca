# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Steps that several tests and the demonstration share."""

import hashlib
import os

from machines import X86

MIB = 1 << 20
IRQS = "/sys/kernel/debug/irq/irqs"


def write_disk(guest, devices, name, node, size=2 * MIB, seek=0):
    """Write random data past the page cache; the host has to see the same. Its checksum."""
    block = 64 * 1024
    guest.run(f"dd if=/dev/urandom of=/tmp/{name}.data bs={block} count={size // block} "
              f"2>/dev/null && dd if=/tmp/{name}.data of={node} bs={block} "
              f"seek={seek // block} oflag=direct conv=notrunc 2>/dev/null && sync")
    inside = guest.run(f"sha256sum < /tmp/{name}.data; rm /tmp/{name}.data").out.split()[0]
    outside = devices.sha256(name, seek, size)
    assert inside == outside, f"{name}: the guest wrote {inside}, the host has {outside}"
    return outside


def read_disk(guest, devices, name, node, size=2 * MIB):
    """Read random data that the host put there. Its checksum."""
    data = os.urandom(size)
    devices.fill(name, data)
    outside = hashlib.sha256(data).hexdigest()
    inside = guest.run(f"dd if={node} bs=64k count={size // 65536} iflag=direct 2>/dev/null"
                       " | sha256sum").out.split()[0]
    assert inside == outside, f"{name}: the host put {outside}, the guest read {inside}"
    return outside


def await_file(guest, path, timeout=60):
    """Until there is such a file in the guest: a device node, or a driver's."""
    guest.wait_until(lambda: guest.run(f"[ -e {path} ]", check=False).rc == 0,
                     f"{path} is there", timeout)


def network_up(guest, guest_ip, interface="eth0"):
    """Give the card its address, wait until it has a link: that of e1000e takes seconds."""
    guest.run(f"ip addr add {guest_ip}/24 dev {interface} && ip link set {interface} up")
    guest.wait_until(lambda: guest.read(f"/sys/class/net/{interface}/carrier") == "1",
                     f"{interface} has a link")


def affinity(guest, irq):
    """The CPU that an interrupt goes to now."""
    return int(guest.read(f"/proc/irq/{irq}/effective_affinity_list"))


def move(guest, irq, cpu, check=True):
    """Move an interrupt to a CPU, as an administrator does."""
    return guest.write(f"/proc/irq/{irq}/smp_affinity_list", cpu, check=check)


def cycle_cpu(guest, cpu=1):
    """Take a CPU offline, if it is online, and have it come back. It does not if its APIC has seen
    an access that it takes for an error, which nothing clears."""
    online = f"/sys/devices/system/cpu/cpu{cpu}/online"
    guest.run(f"[ $(cat {online}) = 0 ] || echo 0 > {online}; echo 1 > {online}", check=False)
    log = [line for line in guest.dmesg().splitlines() if "APIC" in line and "error" in line]
    assert guest.read(online) == "1", f"CPU {cpu} does not come up: {log}"
    assert not log, log


def irq_state(guest, irq):
    """What the kernel's debugfs has of an interrupt. Debug kernel only."""
    return guest.read(f"{IRQS}/{irq}")


def trigger(guest, irq, times=1):
    """Have the kernel raise an interrupt by itself, MSI or of a message store. Debug kernel
    only."""
    # Busy while the one before has not been handled
    guest.run(f"for n in $(seq {times}); do attempts=0; "
              f"until echo trigger > {IRQS}/{irq}; do attempts=$((attempts + 1)); "
              "[ $attempts -lt 50 ] || exit 1; usleep 20000; done; done")


def destination(vector, platform=X86):
    """The CPU that the host's route goes to."""
    return platform.routed(vector["route-address"])


def assert_route(vector, cpu, platform=X86):
    """The host's route goes to that CPU, where routes say which."""
    assert vector["armed"], f"not armed: {vector}"
    if platform.routed:
        found = destination(vector, platform)
        assert found == cpu, f"routed to {found} and not {cpu}: {vector}"


def assert_pair_in_store(host_vector, row):
    """The device's own store holds what the host handed out."""
    stored = (row["address"], row["data"])
    pair = (host_vector["pair-address"], host_vector["pair-data"])
    assert stored == pair, f"the store holds {stored}, the host's pair is {pair}"
