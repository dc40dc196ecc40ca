# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""A guest that is a host: L1 runs under TCG and has KVM, L2 is its guest.

TCG implements AMD's SVM with nested paging, so that the KVM, the irqfds and the VFIO in L1
are the stock kernel's own. L1 has one CPU: with more, one in ten runs ended in code that
the kernel was patching (Guest._crashed_by_tcg() has more on that).

L2 is driven like any other guest: its monitor, its agent, its console and what its QEMU says
are ports of a virtio-serial device in L1, sockets and files outside. They go on to work
when L1 has little time, and what has come out is there when L1 hangs.
"""

import contextlib
import dataclasses
import functools
import os
import pathlib
import re
import shlex
import socket
import subprocess
import time

from guest import BOOT_TIMEOUT, TOP, Artifacts, Guest, GuestError, option, saved_paths
from qmp import QMP, QMPClosed, QMPError
from testdev import Testdev

# Where build-nested puts things in L1
L2_IMAGE, L2_INITRAMFS = "/nested/bzImage", "/nested/initramfs.cpio"
L2_ARTIFACTS = Artifacts("/bin/qemu-system-x86_64", "/nested/vmlinux", L2_INITRAMFS, L2_IMAGE)
L2_TRACE = "/run/l2.trace"
L1_MODULES = ("vfio_iommu_type1", "vfio-pci", "vhost_net", "tun", "ims_testdev")

TRACING = "/sys/kernel/debug/tracing"

# Ports of L1 for L2; number 0 is for a console
PORTS = {"qmp": 1, "agent": 2, "console": 3, "errors": 4, "trace": 5}
# What L1 says in the port "errors" when L2's QEMU has ended
ENDED = "ended with status"

# What L2's QEMU says of kernel-irqchip=off
USERSPACE_IRQCHIP = ("Userspace local APIC is deprecated", "Do not use kernel-irqchip except")

# Nothing that a test measures depends on these; they take time
FASTER = "mitigations=off nowatchdog"


@functools.lru_cache(maxsize=None)
def _build_nested(qemu, initramfs, module):
    return subprocess.run([TOP / "tools/build-nested", qemu, initramfs, module],
                          stdout=subprocess.PIPE, text=True, check=False)


def l1_artifacts():
    """What L1 boots; built if need be, one attempt for all tests."""
    inner = Artifacts.find()
    built = _build_nested(inner.qemu, inner.initramfs, saved_paths()["TESTDEV_MODULE"])
    if built.returncode:
        raise GuestError("there is no image for L1: tools/build-nested failed")
    kernel, initramfs = built.stdout.splitlines()[-1].split()
    return Artifacts(inner.qemu, kernel, initramfs)


def vfio(name, address, **properties):
    """QEMU's device for L2: a function of L1's, at the address that it has there."""
    return ("vfio-pci", {"id": name, "host": address, "addr": address[-4:-2], **properties})


@dataclasses.dataclass
class Accelerator:
    """How L1 runs. With KVM=1 in the environment it is as a guest of this machine's KVM, if that
    lets guests have guests; else by TCG, whose CPUs have AMD's SVM."""
    words: dict
    kvm_module: str = "kvm-amd"

    @classmethod
    def choose(cls, wanted, cpuinfo, nested=None):
        """
        wanted   is it to be KVM?
        cpuinfo  text of /proc/cpuinfo
        nested   a function that returns the parameter "nested" of one of KVM's modules
        """
        if not wanted:
            return cls({"cpu": "EPYC"})
        flags = set(re.findall(r"\w+", " ".join(re.findall(r"^flags\s*:(.*)", cpuinfo, re.M))))
        for flag, module in (("svm", "kvm_amd"), ("vmx", "kvm_intel")):
            if flag in flags:
                break
        else:
            raise GuestError("KVM=1: this machine's CPUs cannot run guests. "
                             "Without KVM=1 these tests do not need that.")
        if nested(module).strip() not in ("1", "Y"):
            raise GuestError(f"KVM=1: {module} does not let guests have guests; "
                             f"'modprobe {module} nested=1' may help")
        # An emulated IOMMU that remaps interrupts cannot have KVM's own I/O APIC beside it
        return cls({"cpu": "host", "accel": "kvm", "machine": "q35,kernel-irqchip=split"},
                   module.replace("_", "-"))

    @classmethod
    def of_this_machine(cls):
        """By the environment."""
        def nested(module):
            path = pathlib.Path(f"/sys/module/{module}/parameters/nested")
            return path.read_text(encoding="ascii") if path.exists() else "?"

        return cls.choose(os.environ.get("KVM") == "1",
                          pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"), nested)


class L1(Guest):
    """The host, which has KVM, VFIO and vhost.

    devices   functions of L1's own; assign() makes one of them ready for L2
    """

    def __init__(self, log_dir, devices=(), args=(), **keywords):
        accelerator = Accelerator.of_this_machine()
        super().__init__(
            log_dir, artifacts=l1_artifacts(), smp=1, memory=2048,
            load=(accelerator.kvm_module, *L1_MODULES), **accelerator.words,
            # VFIO wants it. With the interrupt remapping of the same IOMMU it need not be
            # told that interrupts are unsafe
            buses=[("intel-iommu", {"intremap": "on"})],
            devices=devices, args=args, append=f"{FASTER} intel_iommu=on tsc=reliable",
            **keywords)
        self.ports = {}

    def channels(self):
        words = super().channels() + ["-device", "virtio-serial-pci,id=ports,addr=2"]
        for name, number in PORTS.items():
            if name in ("qmp", "agent"):
                backend = f"socket,path={self.port_path(name)},server=on,wait=off"
            else:
                # Until an L2 says where that goes
                backend = "null"
            words += ["-chardev", f"{backend},id=l2-{name}",
                      "-device", f"virtserialport,bus=ports.0,nr={number},chardev=l2-{name}"]
        return words

    def port_path(self, name):
        """The outer end of a port for L2, a socket."""
        return f"{self._sockets}/l2-{name}"

    def redirect(self, name, path):
        """Have a port's output go to a file."""
        self.qmp.execute("chardev-change", id=f"l2-{name}",
                         backend={"type": "file", "data": {"out": str(path)}})

    def start(self):
        super().start()
        for name, number in PORTS.items():
            self.ports[name] = self.run(f"ls /dev/vport*p{number}").out.strip()
        return self

    def assign(self, address):
        """Give a function to VFIO, whichever driver has it now."""
        self.run(f"cd /sys/bus/pci/devices/{address} && echo vfio-pci > driver_override && "
                 "{ [ ! -e driver ] || echo $PWD | sed 's,.*/,,' > driver/unbind; } && "
                 f"echo {address} > /sys/bus/pci/drivers_probe && "
                 "readlink driver | grep -q vfio-pci")


    @contextlib.contextmanager
    def counting(self, *events):
        """Count events of L1's kernel; yields a function that returns how many of each so far.

        An event is a tracepoint, "kvm/kvm_msi_set_irq", or a function, "irqfd_wakeup".
        """
        paths = {event: event if "/" in event else f"kprobes/{event}" for event in events}
        functions = [event for event in events if "/" not in event]
        for function in functions:
            self.run(f"echo 'p:{function} {function}' >> {TRACING}/kprobe_events")
        for path in paths.values():
            self.run(f"echo hist:keys=common_cpu > {TRACING}/events/{path}/trigger")

        def counts():
            return {event: int(self.run(f"sed -n 's/ *Hits: *//p' {TRACING}/events/{path}/hist"
                                        ).out) for event, path in paths.items()}

        try:
            yield counts
        finally:
            for path in paths.values():
                self.run(f"echo '!hist:keys=common_cpu' > {TRACING}/events/{path}/trigger")
            for function in functions:
                self.run(f"echo '-:{function}' >> {TRACING}/kprobe_events")


class L2(Guest):
    """A guest of L1's, with KVM.

    l1        where it runs; one L2 at a time
    irqchip   kernel-irqchip of KVM: "on", "split" or "off"
    setup     shell commands in L1 before QEMU is started, in the same process: ulimit ...
    errors    regular expressions of what QEMU may say; anything else is a failure
    """

    # Each byte of a serial port is some exits to L1, of which each takes as long as some
    # thousand instructions. The device that this is a port of uses no MSI
    agent_device = "/dev/vport0p1"

    def __init__(self, l1, log_dir, irqchip="on", setup="", errors=(), append="", **keywords):
        # pylint: disable=too-many-arguments
        # TCG does not intercept XSETBV, so that KVM does not know which state L2 has switched on,
        # and L2's kernel reports that its sizes do not fit
        cpu = "host,-xsave"
        if irqchip == "off":
            # KVM's own interrupt for asynchronous page faults needs its irqchip
            cpu += ",-kvm-asyncpf-int"
        super().__init__(log_dir, artifacts=L2_ARTIFACTS, accel="kvm", cpu=cpu,
                         machine=f"q35,kernel-irqchip={irqchip}", append=f"{FASTER} {append}",
                         **{"smp": 1, "memory": 256, "patience": 2 * BOOT_TIMEOUT, **keywords})
        self.l1 = l1
        self.setup = setup
        self.errors = [*errors, "exceeds the recommended cpus supported by KVM"]
        # In L1
        self.trace_path = L2_TRACE

    def channels(self):
        return [
            "-chardev", option("pipe", {"id": "qmp", "path": self.l1.ports["qmp"]}),
            "-mon", "chardev=qmp,mode=control",
            "-chardev", option("file", {"id": "console", "path": self.l1.ports["console"]}),
            "-serial", "chardev:console",
            "-chardev", option("pipe", {"id": "agent", "path": self.l1.ports["agent"]}),
            # The first of L2's virtio devices
            "-device", "virtio-serial-pci,id=ports,addr=1,vectors=0",
            "-device", "virtserialport,bus=ports.0,nr=1,chardev=agent",
        ]

    def _crashed_by_tcg(self):
        # A CPU of its own does not patch what another one runs
        return False

    def spawn(self):
        for path in (self.console_path, self.error_path):
            path.unlink(missing_ok=True)
        self.l1.redirect("console", self.console_path)
        self.l1.redirect("errors", self.error_path)
        words = shlex.join(str(word) for word in self.command_line())
        (self.log_dir / "command").write_text(words + "\n", encoding="utf-8")
        # Before its QEMU, which takes a port without a reader for one that was closed
        self.qmp = QMP(self.l1.port_path("qmp"), negotiate=False)
        self._agent = socket.socket(socket.AF_UNIX)
        self._agent.connect(self.l1.port_path("agent"))
        self._buffer = b""
        port = self.l1.ports["errors"]
        self.l1.run(f"rm -f {L2_TRACE}; cat > /run/l2.sh <<'EOF'\n"
                    f"{self.setup}\n"
                    f"{words} </dev/null >{port} 2>&1 &\n"
                    "echo $! > /run/l2.pid\n"
                    "wait $!\n"
                    f"echo {ENDED} $? >{port}\n"
                    "EOF\n"
                    "setsid sh /run/l2.sh </dev/null >/dev/null 2>&1 &")
        self._process = True

    def _connect(self):
        deadline = time.monotonic() + self.patience
        try:
            self.qmp.negotiate(self.patience)
        except (QMPClosed, TimeoutError):
            self._check_alive()
            raise self._error("L2's QEMU does not open its monitor") from None
        self._await_agent(rb"=ready=\n", deadline, "L2 does not boot")

    def ended(self):
        """The status of L2's QEMU if it has ended by itself."""
        return re.search(rf"^{ENDED} (\d+)$", self._said(), re.M)

    def _said(self):
        return self.error_path.read_text(errors="replace") if self.error_path.exists() else ""

    def alive(self):
        return bool(self._process) and not self.ended()

    def _check_alive(self):
        # pylint: disable=protected-access
        self.l1._check_alive()
        if not self._process:
            raise self._error("L2 is not running")
        ended = self.ended()
        if ended:
            raise self._error(f"L2's QEMU has {ended[0]}")

    def _error(self, text):
        """Slow, or hanging, and which of both guests?"""
        error = super()._error(text)
        state = """awk '{ print "QEMU: state " $3 ", CPU " $14 + $15 " ticks" }'"""
        try:
            seen = self.l1.run(f"uptime; {state} /proc/$(cat /run/l2.pid)/stat 2>/dev/null",
                               check=False).out
        except GuestError:
            seen = "it does not answer"
        return GuestError(f"{error}\n--- L1: {self.l1.console_path}, {self.l1.error_path}\n{seen}")

    def stop(self):
        """End its QEMU and wait until L1 has cleaned up behind it."""
        for connection in (self.qmp, self._agent):
            if connection is not None:
                connection.close()
        self.qmp = self._agent = None
        if not self._process:
            return
        if not self.ended():
            self.l1.run("kill -KILL $(cat /run/l2.pid)", check=False)
            self.l1.wait_until(self.ended, "L2's QEMU is gone", timeout=30, interval=0.05)
        self._process = None

    def wait(self, timeout=None):
        ended = self.wait_until(self.ended, "L2's QEMU ends", timeout or BOOT_TIMEOUT)
        return int(ended[1])

    def traced(self, start=0):
        result = self.l1.run(f"tail -c +{start + 1} {L2_TRACE}", check=False)
        return result.out.encode() if result.rc == 0 else b""

    def traced_so_far(self):
        return int(self.l1.run(f"wc -c 2>/dev/null < {L2_TRACE} || echo 0").out)

    def warnings(self):
        """What its QEMU has said so far, line by line."""
        return [line for line in self._said().splitlines() if not line.startswith(ENDED)]

    def check_warnings(self):
        """It has said nothing but what is expected."""
        bad = [line for line in self.warnings()
               if not any(re.search(text, line) for text in self.errors)]
        assert not bad, "L2's QEMU said:\n" + "\n".join(bad)


class VectorShortage:
    """Takes CPU vectors of L1 away, with an ims-testdev that L1's own driver serves."""

    def __init__(self, l1, address, vectors):
        self.testdev = Testdev(l1, address)
        self.vectors = vectors
        self.taken = 0

    @contextlib.contextmanager
    def leaving(self, count):
        """Within, L1 has that many vectors for others, until end() if that comes first."""
        self.testdev.cmd(f"alloc msix {self.vectors} {self.vectors}")
        try:
            self.taken = self.testdev.fails("request-all", "ENOSPC")["done"]
            self.leave(count)
            yield self
        finally:
            self.end()

    def leave(self, count):
        """That many more for others."""
        self.taken -= count
        self.testdev.cmd(f"free-all {self.taken} {count}")

    def end(self):
        """The shortage is over."""
        if self.taken:
            self.taken = 0
            self.testdev.cmd("release")


class SlowHost:
    """VFIO takes its time for a function's interrupts, or refuses one: in an L2 that was started
    with this setup. See slow_vfio.c."""

    SETUP = "export LD_PRELOAD=/lib/slow_vfio.so"
    # An older kernel, without dynamic MSI-X
    FIXED = f"{SETUP} VFIO_FIXED=1"
    CONTROL, LOG = "/run/slow-vfio", "/run/slow-vfio.log"

    def __init__(self, l1):
        self.l1 = l1
        self.end()
        l1.run(f"rm -f {self.LOG}")

    def set(self, delay=0, fail=0, errno=0):
        """Each call takes so many milliseconds, or until the next set(). The fail-th from now on
        has an error."""
        # Another text each time: counting begins anew
        self.turn += 1
        self.l1.run(f"echo 'delay={delay} fail={fail} errno={errno} {self.turn}' > "
                    f"{self.CONTROL}.new && mv {self.CONTROL}.new {self.CONTROL}")

    def end(self):
        """As fast as it is."""
        self.turn = 0
        self.l1.run(f"rm -f {self.CONTROL}")

    def calls(self):
        """What was called so far: tuples of type, first, count, whether a signal is set ("-" for
        everything off), result."""
        lines = self.l1.run(f"cat {self.LOG} 2>/dev/null", check=False).out.splitlines()
        return [tuple(word if word == "-" else int(word) for word in line.split())
                for line in lines]


class ScarceKVM:
    """A KVM that has few routes, or no memory, in an L2 that was started with setup(). See
    scarce_kvm.c."""

    CONTROL = "/run/scarce-kvm"
    # QEMU's own: the I/O APIC's but for one that is never used, and one that it does not count
    OWN_ROUTES = 24

    def __init__(self, l1):
        self.l1 = l1
        self.end()

    @classmethod
    def setup(cls, routes=None):
        """So many routes for messages, as many as there are if it is not said."""
        limit = "" if routes is None else f"KVM_ROUTES={cls.OWN_ROUTES + routes}"
        return f"export LD_PRELOAD=/lib/scarce_kvm.so {limit}"

    @contextlib.contextmanager
    def failing(self, what, error):
        """Within, "irqfd" or "routing" has that errno."""
        self.l1.run(f"echo {what}={error} > {self.CONTROL}")
        try:
            yield
        finally:
            self.end()

    def end(self):
        """Nothing fails any more."""
        self.l1.run(f"rm -f {self.CONTROL}")


class FileShortage:
    """Takes file descriptors of L2's QEMU away, which was started with this setup: a limit
    that it does not reach by itself. Each character device in QEMU takes one."""

    LIMIT = 96
    SETUP = f"ulimit -n {LIMIT}"

    def __init__(self, l2):
        self.l2 = l2
        self.taken = []

    def leave_only(self, count):
        """QEMU can open that many more files."""
        while len(self.taken) < self.LIMIT:
            name = f"file{len(self.taken)}"
            try:
                self.l2.qmp.execute("chardev-add", id=name, backend={
                    "type": "file", "data": {"out": "/dev/null"}})
            except QMPError as error:
                assert "Too many open files" in str(error), error
                break
            self.taken.append(name)
        else:
            raise AssertionError(f"a process with {self.SETUP} opened {self.LIMIT} files and more")
        self.leave(count)

    def leave(self, count):
        """That many more."""
        for _ in range(count):
            self.l2.qmp.execute("chardev-remove", id=self.taken.pop())

    def end(self):
        """The shortage is over."""
        self.leave(len(self.taken))
