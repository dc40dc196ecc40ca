# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Another kernel takes over, in order or after a panic, and the old one's vectors still fire."""

import secrets
import shlex
import time

import books
import pcie
import pytest
from guest import BAD_DMESG, Artifacts
from host import Host
from power import OtherKernel
from scenario import await_file, cycle_cpu, write_disk
from test_faults import BOUNDS
from testdev import Store, Testdev

pytestmark = pytest.mark.stock_only

SLOTS = 16
# As in ims_testdev_regs.h
SLOT_SIZE, FIRE, CLAIM, CTRL = 0x40, 0x00, 0x0c, 0x2c

BOOT_SECONDS = 90

MIB = 1 << 20
DUMP_SIZE = 1024 * MIB


class Takeover:
    """A guest with a function whose slots hold pairs, and which no other kernel stops: only the
    PCI core's MSI-X is switched off when a kernel finds it."""

    def __init__(self, boot, devices, **keywords):
        devices.testdev(**{"bar-slots": SLOTS})
        OtherKernel(Artifacts.find(), devices)
        self.guest = boot(memory=768, **keywords)
        self.host = Host(self.guest)
        address = devices.address("testdev")
        self.dev = Testdev(self.guest, address)
        self.store = Store(self.guest, address, Store.SLOTS)
        self.use()

    def use(self):
        """All slots are requested, and work."""
        self.store.cmd("open")
        self.store.many([f"{what} {index}" for index in range(SLOTS)
                         for what in ("add", "request")])
        self.store.cmd("fire-all 10")
        self.store.settle()

    def forgotten(self):
        """The new kernel's driver has reset the controller."""
        return not self.host.vectors(self.dev.endpoint)

    def fire_raw(self):
        """Have each slot send its pair, and once more, by a CPU's access."""
        pcie.enable(self.guest, self.dev.address)
        base = pcie.bar(self.guest, self.dev.address, 2)
        slots = " ".join(f"{base + index * SLOT_SIZE:#x}" for index in range(SLOTS))
        self.guest.run(f"for slot in {slots}; do devmem $((slot + {CTRL})) 32 0; "
                       f"devmem $((slot + {FIRE})) 32 2; devmem $((slot + {CLAIM})) 32; done")

    def check_harmless(self, sent):
        """Nobody noticed the messages that the old kernel's vectors sent."""
        cycle_cpu(self.guest)
        self.guest.check_dmesg()
        raw = self.host.raw()
        assert raw["live"] == 0
        assert raw["inert"] >= sent

    def check_works(self):
        """The new kernel has its interrupts from the controller."""
        self.guest.insmod("virtio_irq")
        self.guest.insmod("ims_testdev")
        self.use()
        self.guest.check_dmesg()


def test_crash(boot, devices):
    """A crash kernel finds the controller in use, and is not hit by what still fires."""
    machine = Takeover(boot, devices, append="crashkernel=160M")
    guest = machine.guest
    # One CPU until the other one is wanted. The boot CPU cannot be started a second time.
    OtherKernel.load(guest, ("/dev/vda", "/dev/vdb"), "load=virtio_irq maxcpus=1", crash=True)
    guest.run("echo 1 > /proc/sys/kernel/sysrq")
    guest.run("setsid sh -c 'sleep 1; taskset 1 sh -c \"echo c > /proc/sysrq-trigger\"' "
              "</dev/null >/dev/null 2>&1 &")
    guest.wait_until(machine.forgotten, "the crash kernel's driver resets the controller",
                     BOOT_SECONDS)
    for index in range(SLOTS):
        guest.set("fire", f"1:{index},1", machine.dev.qom)
    guest.await_agent("the crash kernel does not boot")
    assert "crashkernel" not in guest.read("/proc/cmdline")
    machine.fire_raw()
    # The host's own are flow-controlled: a slot whose message nobody took sends no other one
    machine.check_harmless(2 * SLOTS)
    machine.check_works()


def test_kexec(boot, devices):
    """After an orderly shutdown the controller stays reset, even with moves to be made good."""
    devices.testdev("slow", addr="1")
    machine = Takeover(boot, devices, virq={"scope": "0000:00:03.0-0000:00:1f.7"},
                       append=f"{BOUNDS} ims_testdev.shutdown_ms=3000")
    guest, host = machine.guest, machine.host
    # It has no driver for what was served, whose native messages would be live ones
    OtherKernel.load(guest, ("/dev/vda", "/dev/vdb"))
    guest.set("mute", "stall")
    for index in range(4):
        machine.store.cmd(f"move {index} {1 - machine.store.vectors()[index]['affinity']}")
    guest.run("setsid sh -c 'sleep 1; kexec start' </dev/null >/dev/null 2>&1 &")
    guest.wait_until(lambda: host.stats()["endpoints"] == 0, "the controller is reset", 60)
    # Shut down after the controller, a function that is not served takes its time
    guest.set("mute", "off")
    kicks = host.stats()["kicks"]
    end = time.monotonic() + 2
    while time.monotonic() < end:
        assert host.stats()["endpoints"] == 0, "the host was asked after the shutdown"
        time.sleep(0.1)
    guest.await_agent("the other kernel does not boot")
    stats = host.stats()
    assert (stats["endpoints"], stats["kicks"]) == (0, kicks)
    machine.fire_raw()
    machine.check_harmless(2 * SLOTS)
    machine.check_works()


def start(guest, *lines):
    """Have lines of a script run in the guest, of which nobody sees the end."""
    script = "\n".join(lines)
    guest.run(f"cat > /tmp/script <<'EOF'\n{script}\nEOF\n"
              "setsid sh /tmp/script </dev/null >/dev/null 2>&1 &")


def busy(node):
    """A line that reads a disk all the time."""
    return f"while :; do dd if={node} of=/dev/null bs=64k count=32 iflag=direct; done &"


def serve(guest, name, address):
    """NVMe's driver is built in and bound before there is a controller: it is bound again."""
    if name == "nvme":
        guest.rebind("nvme", address)
        await_file(guest, "/dev/nvme0n1")


@pytest.mark.parametrize("name,node", [("vblk", "/dev/vda"), ("nvme", "/dev/nvme0n1")])
def test_dump(boot, devices, name, node):
    """A kernel crashes under fire, while one of its CPUs has interrupts off and waits for the host;
    the next one writes the dump to a disk that is served."""
    add = {"vblk": devices.virtio_blk, "nvme": devices.nvme}[name]
    add(name, size=DUMP_SIZE).testdev()
    other = OtherKernel(Artifacts.find(), devices)
    guest = boot(memory=384, append="crashkernel=160M")
    host = Host(guest)
    address = devices.address(name)
    nodes = [f"/dev/vd{letter}" for letter in ("bc" if name == "vblk" else "ab")]
    other.load(guest, nodes, "load=virtio_irq,virtio_blk maxcpus=1", crash=True)
    serve(guest, name, address)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 8 8")
    dev.cmd("request-all 0 4")
    dev.cmd("gap 200000")
    dev.cmd("fire-all 10000000")
    secret = secrets.token_hex(500)
    guest.run(f"echo {secret} > /tmp/secret; echo 1 > /proc/sys/kernel/sysrq")
    start(guest, busy(node), "sleep 2", f"taskset 2 sh -c {shlex.quote(dev.shell('request 5'))} &",
          "usleep 300000", "taskset 1 sh -c 'echo c > /proc/sysrq-trigger'")
    guest.set("mute", "stall")
    guest.wait_console("Kernel panic", BOOT_SECONDS)
    guest.set("mute", "off")
    guest.await_agent("the crash kernel does not boot", BOOT_SECONDS)
    assert not host.vectors(dev.endpoint), "the crash kernel's driver has not reset the controller"
    # What had reached the CPU when it crashed it finds as soon as it has interrupts on
    guest.expected = [r"^\[ +0\.\d+\] No irq handler for 0\."]

    serve(guest, name, address)
    # The messages of NVMe's driver so far, which are the platform's and no mistake
    live = host.raw()["live"]
    assert name == "nvme" or not live
    irqs = guest.interrupts(chip=address)
    assert irqs and all(irq.virtual for irq in irqs), irqs
    size = int(guest.run("stat -c %s /proc/vmcore").out)
    assert size > 128 * MIB
    guest.run(f"dd if=/proc/vmcore of={node} bs=1M conv=fsync,notrunc", timeout=120)
    assert devices.read(name, 0, 4) == b"\x7fELF"
    for piece in (0, size // MIB // 3, size // MIB - 2):
        inside = guest.run(f"dd if=/proc/vmcore bs=1M skip={piece} count=1 2>/dev/null | "
                           "sha256sum").out.split()[0]
        assert inside == devices.sha256(name, piece * MIB, MIB), f"differs at {piece} MiB"
    assert secret.encode() in devices.read(name, 0, size), "what the old kernel knew is not there"
    assert host.delivered(address) > 0
    assert host.raw()["live"] == live


def test_reboot(boot, devices):
    """The machine is started anew under fire: nothing of the shutdown is worth a warning, the host
    has all back, and the same kernel finds everything as the first time."""
    devices.virtio_blk().nvme().testdev(**{"bar-slots": SLOTS})
    guest = boot()
    host = Host(guest)
    # QEMU ends at a reset otherwise
    guest.qmp.execute("set-action", reboot="reset")
    before = None
    for turn in range(3):
        dev = Testdev(guest, devices.address("testdev"))
        store = Store(guest, devices.address("testdev"), Store.SLOTS)
        serve(guest, "nvme", devices.address("nvme"))
        dev.cmd("alloc msix 16 16")
        dev.cmd("request-all")
        store.cmd("open")
        store.many([f"{what} {index}" for index in range(SLOTS) for what in ("add", "request")])
        for unit in (dev, store):
            unit.fire_and_wait(20)
            unit.settle()
        before = before or host.books()
        assert host.books() == before, turn
        books.assert_equal(guest)
        for name, node in (("vblk", "/dev/vda"), ("nvme", "/dev/nvme0n1")):
            write_disk(guest, devices, name, node, size=MIB)
        if turn == 2:
            break
        for unit in (dev, store):
            unit.cmd("gap 200000")
            unit.cmd("fire-all 10000000")
        start(guest, busy("/dev/vda"), busy("/dev/nvme0n1"), "sleep 1", "reboot -f")
        guest.await_agent("the machine does not start again")
        bad = [line for line in guest.console().splitlines()
               if any(pattern.search(line) for pattern in BAD_DMESG)]
        assert not bad, bad
        # Nothing but what has a driver now
        assert not host.vectors(dev.endpoint)
    assert host.raw()["live"] == 0
