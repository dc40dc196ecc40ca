# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Things that an administrator does to PCI functions and ports through sysfs."""

EXPRESS = 0x10
SLOT_CONTROL = 0x18
# The power controller's bit means off when it is set; so does the indicator's value 3
SLOT_INTERRUPT = 0x0020
SLOT_POWER_OFF = 0x0400
SLOT_INDICATOR_OFF = 0x0300
COMMAND = 0x04
BUS_NUMBERS = 0x18
BARS, BARS_END = 0x10, 0x28
COMMAND_MEMORY = 0x0002
COMMAND_MASTER = 0x0004
MSIX = 0x11
MSIX_CONTROL = 0x02
MSIX_ENABLE = 0x8000

# A port with a controller behind it, for boot(buses=..., virq=...)
PORT = "0000:00:01.0"
BEHIND_PORT = "0000:01:00.0"
BUSES = [("pcie-root-port", {"id": "slot1", "addr": "1", "chassis": 1, "slot": 1})]
VIRQ = {"bus": "slot1", "addr": "0"}
# Else ACPI is in charge of the slot, and nobody looks at the port's own registers
NATIVE_HOTPLUG = ["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"]


def _path(address):
    return f"/sys/bus/pci/devices/{address}"


def _config(guest, address):
    """Configuration space, 256 bytes."""
    return bytes.fromhex(guest.run(f"xxd -p -l 256 {_path(address)}/config").out.replace("\n", ""))


def _capability(config, wanted):
    position = config[0x34]
    while position:
        if config[position] == wanted:
            return position
        position = config[position + 1]
    raise AssertionError(f"no capability {wanted:#x}")


def write16(guest, address, offset, clear, bits):
    """Change bits of a 16-bit register in configuration space."""
    config = _config(guest, address)
    value = int.from_bytes(config[offset:offset + 2], "little") & ~clear | bits
    guest.run(f"printf '\\x{value & 0xff:02x}\\x{value >> 8:02x}' | "
              f"dd of={_path(address)}/config bs=2 seek={offset // 2} conv=notrunc 2>/dev/null")


def enable(guest, address):
    """Have a function decode its memory, and let it send."""
    write16(guest, address, COMMAND, 0, COMMAND_MEMORY | COMMAND_MASTER)


def enable_msix(guest, address, on):
    """MSI-X as a whole, behind its driver's back: without it the function cannot interrupt."""
    offset = _capability(_config(guest, address), MSIX) + MSIX_CONTROL
    write16(guest, address, offset, MSIX_ENABLE, MSIX_ENABLE if on else 0)


def _control(guest, port, clear, bits):
    offset = _capability(_config(guest, port), EXPRESS) + SLOT_CONTROL
    write16(guest, port, offset, clear, bits)


def pull_out(guest, port):
    """Take the card out of a port's slot, of which nobody knows before it is gone.

    QEMU lets go of it when the slot is switched off. The port's driver must see that as a card
    that has left a slot with power: it takes one without for a slot that it has emptied itself.
    """
    _control(guest, port, SLOT_INTERRUPT, SLOT_POWER_OFF | SLOT_INDICATOR_OFF)
    _control(guest, port, SLOT_POWER_OFF, SLOT_INTERRUPT)


def power(guest, port, on):
    """The power of a port's slot, with the card in it. Nobody is asked."""
    _control(guest, port, SLOT_POWER_OFF, 0 if on else SLOT_POWER_OFF)


def save(guest, address):
    """What a function loses with its power, for restore()."""
    return _config(guest, address)


def restore(guest, address, config):
    """Give a function its addresses back, and let it work."""
    for offset in range(BARS, BARS_END, 2):
        write16(guest, address, offset, 0xffff,
                int.from_bytes(config[offset:offset + 2], "little"))
    enable(guest, address)


def reset(guest, address, method="flr"):
    """The kernel's own reset of a function: flr, af_flr, or bus, that of the bus that it has for
    itself."""
    assert method in guest.read(f"{_path(address)}/reset_method").split()
    guest.run(f"echo {method} > {_path(address)}/reset_method && echo 1 > {_path(address)}/reset")


def bar(guest, address, number):
    """Where a BAR is."""
    return int(guest.read(f"{_path(address)}/resource").splitlines()[number].split()[0], 0)


def present(guest, address):
    """Is there such a function?"""
    return guest.run(f"[ -e {_path(address)} ]", check=False).rc == 0


def remove(guest, address):
    """The function, and what is behind it, is there no more for the kernel."""
    guest.run(f"echo 1 > {_path(address)}/remove")


def rescan(guest):
    """The kernel looks for what there is."""
    guest.run("echo 1 > /sys/bus/pci/rescan")


def renumber(guest, port, bus):
    """Give the bus behind a port another number, at which the kernel finds it when it looks for
    the port again. Nothing may be behind the port for the kernel."""
    write16(guest, port, BUS_NUMBERS, 0xff00, bus << 8)
    write16(guest, port, BUS_NUMBERS + 2, 0x00ff, bus)
    remove(guest, port)
    rescan(guest)


def bus_behind(guest, port):
    """The number of the bus behind a port."""
    return _config(guest, port)[BUS_NUMBERS + 1]


def addresses(guest):
    """Where all functions are that have a name, as QEMU sees it."""
    found = {}

    def walk(functions):
        for function in functions:
            if function["qdev_id"]:
                found[function["qdev_id"]] = (f"0000:{function['bus']:02x}:"
                                              f"{function['slot']:02x}.{function['function']}")
            walk(function.get("pci_bridge", {}).get("devices", []))

    for bus in guest.qmp.execute("query-pci"):
        walk(bus["devices"])
    return found


def inject(guest, name, error):
    """Have a port or function see an error (AER), by QEMU's name for it."""
    guest.qmp.execute("human-monitor-command",
                      command_line=f"pcie_aer_inject_error {name} {error}")


def plug(guest, driver, name, bus, **properties):
    """Put a function into a slot."""
    guest.qmp.execute("device_add", driver=driver, id=name, bus=bus, **properties)


def unplug(guest, name, timeout=60):
    """Ask for a function, wait until the guest has let it go and QEMU is done with it."""
    events = guest.qmp.events

    def gone():
        guest.qmp.execute("query-status")
        return any(event["event"] == "DEVICE_DELETED" and event["data"].get("device") == name
                   for event in events)

    events.clear()
    guest.qmp.execute("device_del", id=name)
    guest.wait_until(gone, f"{name} is unplugged", timeout)
