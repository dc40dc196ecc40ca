# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""A guest under QEMU: start it, run commands in it, look at it from the host.

Everything that waits is bounded, and QEMU ends with the process that started it.
"""

import base64
import contextlib
import ctypes
import dataclasses
import functools
import os
import pathlib
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from machines import Machine, machine_of
from qmp import QMP, QMPClosed

TOP = pathlib.Path(__file__).resolve().parent.parent.parent

# A guest under TCG on a loaded machine takes its time; a healthy one boots in 5 s
BOOT_TIMEOUT = 90
COMMAND_TIMEOUT = 60
# See Guest._crashed_by_tcg()
BOOT_ATTEMPTS = 3
# What the agent and the serial line may take on top of a command's own time
AGENT_GRACE = 20

# The agent's line goes through the guest's tty, which holds this much unread
MAX_COMMAND = 16000

VIRQ = "/machine/peripheral/virq"

# What no scenario may leave in the kernel log
BAD_DMESG = [
    re.compile(text) for text in (
        r"\bWARNING:", r"\bBUG:", r"Call Trace", r"\bOops\b", r"general protection fault",
        r"possible circular locking|possible recursive locking|lock held when returning"
        r"|inconsistent lock state|suspicious RCU usage|scheduling while atomic",
        r"soft lockup", r"hard LOCKUP", r"rcu.*(self-detected )?stall", r"blocked for more than",
        r"nobody cared", r"Kernel panic", r"(?i)no irq handler for",
        r"\bUBSAN:", r"\bKASAN:", r"\bODEBUG:", r"turning off the locking correctness validator",
        r"trying to register non-static key",
    )
]

# Of the log, that an error shows from the first of these on
REPORT_LINES = 70

# How much longer things take in the debug kernel, with its checks of every access and lock
DEBUG_PACE = 6


class GuestError(Exception):
    """The guest is not what it should be: it crashed, hangs, or did not start."""


class CommandError(Exception):
    """A command in the guest failed."""


@dataclasses.dataclass
class Result:
    """What a command in the guest did."""
    rc: int
    out: str


@dataclasses.dataclass
class Irq:
    """One line of /proc/interrupts."""
    number: int
    counts: list
    chip: str
    hwirq: str
    actions: str

    @property
    def total(self):
        """On all CPUs."""
        return sum(self.counts)

    @property
    def virtual(self):
        """Served by the virtio-irq domain."""
        return self.chip.startswith("VIRTIO-")


def saved_paths(port=""):
    """What `make paths` left in the build directory, {} if it left nothing."""
    build = pathlib.Path(os.environ.get("BUILD", TOP / "build"))
    saved = (build / "port" / port if port else build) / "paths"
    if not saved.exists():
        return {}
    return dict(line.split("=", 1) for line in saved.read_text().splitlines() if "=" in line)


@dataclasses.dataclass
class Artifacts:
    """What was built; see `make paths`."""
    qemu: str
    kernel: str
    initramfs: str
    # What the kernel comes in, and firmware and kexec take
    image: str = ""

    @classmethod
    def find(cls, kernel="stock"):
        """From the environment, else from what `make paths` left in the build directory.

        kernel    "stock", or "debug" for the one with everything built in, or one of a port
        """
        port = kernel.partition("/")[0] if "/" in kernel else ""
        values = saved_paths(port)
        values.update({key: os.environ[key] for key in
                       ("QEMU", "KERNEL", "KERNEL_IMAGE", "INITRAMFS")
                       if key in os.environ and not port})
        try:
            image = values["KERNEL_IMAGE"]
            entered = values["KERNEL"]
            if kernel == "debug":
                entered = debug_kernel()
                image = str(pathlib.Path(entered).with_name("bzImage"))
            return cls(values["QEMU"], entered, values["INITRAMFS"], image)
        except KeyError as error:
            raise GuestError(f"{error.args[0]} is not known: run 'make paths' first") from error


@functools.lru_cache(maxsize=None)
def _build_debug_kernel():
    return subprocess.run([TOP / "tools" / "build-kernel"], stdout=subprocess.PIPE, text=True,
                          check=False)


def debug_kernel():
    """The image of the debug kernel; built if need be, one attempt for all tests."""
    if "DEBUG_KERNEL" in os.environ:
        return os.environ["DEBUG_KERNEL"]
    built = _build_debug_kernel()
    if built.returncode:
        raise GuestError("there is no debug kernel: tools/build-kernel failed")
    return built.stdout.split()[-1]


def parse_interrupts(text):
    """/proc/interrupts as a list of Irq; the architecture's own lines are left out."""
    lines = text.splitlines()
    cpus = len(lines[0].split())
    irqs = []
    for line in lines[1:]:
        words = line.split()
        if not words or not re.fullmatch(r"\d+:", words[0]):
            continue
        counts = [int(word) for word in words[1:1 + cpus]]
        rest = words[1 + cpus:] + ["", ""]
        irqs.append(Irq(int(words[0][:-1]), counts, rest[0], rest[1], " ".join(rest[2:]).strip()))
    return irqs


def option(name, values):
    """A QEMU option's value: name,key=value,..."""
    words = [name] if name else []
    words += [f"{key}={str(value).replace(',', ',,')}" for key, value in values.items()]
    return ",".join(words)


def _die_with_parent():
    """In the child: end when the parent ends, however that happens."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


# Tests of ciphers and the like of the kernel's own, a quarter of its boot
FASTER_BOOT = ["cryptomgr.notests",
               "initcall_blacklist=jent_mod_init,load_system_certificate_list,init_encrypted"]


class Guest:  # pylint: disable=too-many-instance-attributes,too-many-public-methods
    """A running guest.

    log_dir   where console, QEMU's messages and traces go, and disk images
    virq      properties of the virtio-irq device, None for no such device
    virq_type "virtio-irq-test-pci" can be told to do wrong
    buses     list of (driver, {property: value}) that come before the controller
    devices   the same; every one has an id and an addr
    args      further arguments for QEMU
    load      modules that init loads, in this order; their parameters in append. The debug
              kernel has all of them built in and loads none
    accel     how QEMU runs the guest's instructions
    patience  seconds that it may take to boot
    kernel    "stock" or "debug", or one of a port, see machines.py
    machine   QEMU's, and cpu, if not those that go with the kernel; or a Machine
    firmware  it is to start the kernel, by its boot image. That takes longer, and is what
              ACPI's S3 needs: QEMU's other way leaves the firmware without a way back

    Every time limit is for the stock kernel; the debug kernel gets pace times as much.
    """

    def __init__(self, log_dir, virq=None, virq_type="virtio-irq-pci", buses=(), devices=(),
                 args=(), append="", load=(), smp=2, memory=512, machine=None, cpu=None,
                 artifacts=None, shell=False, accel="tcg,thread=multi", patience=BOOT_TIMEOUT,
                 kernel="stock", firmware=False):
        # pylint: disable=too-many-arguments
        self.log_dir = pathlib.Path(log_dir)
        self.log_dir.mkdir(parents=True, exist_ok=True)
        self.console_path = self.log_dir / "console.log"
        self.trace_path = self.log_dir / "trace.log"
        self.error_path = self.log_dir / "qemu.log"
        self.artifacts = artifacts or Artifacts.find(kernel)
        self.firmware = firmware
        self.debug = kernel == "debug"
        self.pace = DEBUG_PACE if self.debug else 1
        self.virq = virq
        self.virq_type = virq_type
        self.buses = list(buses)
        self.devices = list(devices)
        self.args = list(args)
        self.append = append
        self.load = [] if self.debug else list(load)
        self.smp = smp
        # KASAN's shadow alone is an eighth
        self.memory = 2 * memory if self.debug else memory
        self.platform = machine if isinstance(machine, Machine) else machine_of(kernel)
        self.machine = (machine if isinstance(machine, str) else None) or self.platform.machine
        self.cpu = cpu or self.platform.cpu
        self.shell = shell
        # Lines of the kernel log that are bad elsewhere and not in this test
        self.expected = []
        self.accel = accel
        self.patience = patience
        self.qmp = None
        self.migrations = 0
        self._process = None
        self._agent = None
        self._buffer = b""
        # Socket names are short; the log directory's name may be long
        self._sockets = None

    def fewer(self, count):
        """As many of something as take the time that count of them take on the stock kernel."""
        return max(1, count // self.pace)

    @property
    def agent_device(self):
        """Where the agent listens in the guest."""
        return self.platform.agent

    @property
    def qmp_path(self):
        """Socket of QEMU's monitor."""
        return f"{self._sockets}/qmp"

    # Life

    def kernel_arguments(self):
        """The kernel's command line, as a list."""
        append = [f"console={self.platform.console}", "panic=-1", "oops=panic", "loglevel=5", "log_buf_len=4M",
                  "random.trust_cpu=on", f"agent={self.agent_device}",
                  # It counts how often the timer comes while the guest runs, and panics if
                  # the host is too busy
                  "no_timer_check", *self.platform.append]
        if not self.debug:
            append += FASTER_BOOT
        if self.load:
            append.append("load=" + ",".join(self.load))
        if self.shell:
            append.append("shell quiet")
        if self.debug:
            # The suites of KUnit are in this kernel as well
            append.append("kunit.enable=0")
            # identify_cpu() clears the capabilities for a moment, LA57 among them; KASAN takes
            # every address that an interrupt accesses just then for a wild one
            append.append("no5lvl")
        if self.append:
            append.append(self.append)
        return append

    def channels(self):
        """QEMU's arguments for its monitor, the guest's console and its agent."""
        if self.shell:
            console = "stdio,id=console,signal=off,mux=off"
        else:
            console = option("file", {"id": "console", "path": self.console_path})
        return [
            "-qmp", f"unix:{self.qmp_path},server=on,wait=off",
            "-chardev", console,
            "-serial", "chardev:console",
            "-chardev", f"socket,id=agent,path={self._sockets}/agent,server=on,wait=off",
            *self.platform.serial,
        ]

    def command_line(self):
        """QEMU's arguments."""
        # The chipset's disk controller, for which the stock guest has no driver, would be
        # a consumer of its own in the debug kernel
        machine = self.machine + (",sata=off" if self.debug else "")
        words = [
            self.artifacts.qemu, "-nodefaults", "-no-user-config", "-no-reboot",
            "-machine", machine, "-accel", self.accel, "-cpu", self.cpu,
            "-smp", str(self.smp), "-m", str(self.memory), "-display", "none",
            "-kernel", self.artifacts.image if self.firmware else self.artifacts.kernel,
            "-initrd", self.artifacts.initramfs,
            "-append", " ".join(self.kernel_arguments()),
            "-D", str(self.trace_path),
        ] + self.channels()
        for driver, properties in self.buses:
            words += ["-device", option(driver, properties)]
        if self.virq is not None:
            # On virtio-mmio it has no address
            place = {"addr": "2"} if self.virq_type.endswith("-pci") else {}
            words += ["-device", option(self.virq_type, {"id": "virq", **place, **self.virq})]
        for driver, properties in self.devices:
            words += ["-device", option(driver, properties)]
        return words + self.args

    def start(self):
        """Start QEMU and wait until the guest takes commands."""
        for attempts_left in reversed(range(BOOT_ATTEMPTS)):
            self.spawn()
            try:
                self._connect()
                return self
            except GuestError:
                self.stop()
                if not attempts_left or not self._crashed_by_tcg():
                    raise
                shutil.copy(self.console_path, self.log_dir / "console-tcg-crash.log")
            except BaseException:
                self.stop()
                raise
        raise AssertionError("not reached")

    def _crashed_by_tcg(self):
        """Did the bare kernel crash in an instruction that it was patching itself?

        The kernel patches code that runs elsewhere through a breakpoint, and QEMU 7.2 with a
        thread for each vCPU can take that breakpoint after the kernel has forgotten it. Seen
        twice in some hundred boots, never with a module in the kernel.
        """
        console = self.console_path.read_text(errors="replace")
        return "Oops: int3:" in console and re.search(r"Modules linked in:\s*$", console, re.M)

    def spawn(self, more=()):
        """Start QEMU, with more arguments."""
        self._sockets = tempfile.mkdtemp(prefix="virq-")
        for path in (self.console_path, self.trace_path):
            path.unlink(missing_ok=True)
        words = self.command_line() + list(more)
        (self.log_dir / "command").write_text(
            " ".join(f"'{word}'" for word in words) + "\n", encoding="utf-8")
        with open(self.error_path, "wb") as errors:
            self._process = subprocess.Popen(  # pylint: disable=consider-using-with
                words, stdin=None if self.shell else subprocess.DEVNULL,
                stdout=None if self.shell else errors, stderr=errors,
                preexec_fn=_die_with_parent)

    def _connect(self):
        deadline = time.monotonic() + self.patience * self.pace
        self._open_channels(deadline)
        self._await_agent(rb"=ready=\n", deadline, "the guest does not boot")

    def _open_channels(self, deadline):
        while True:
            try:
                self.qmp = QMP(self.qmp_path)
                self._agent = socket.socket(socket.AF_UNIX)
                self._agent.connect(f"{self._sockets}/agent")
                break
            except (FileNotFoundError, ConnectionRefusedError):
                self._check_alive()
                if time.monotonic() > deadline:
                    raise self._error("QEMU does not open its monitor") from None
                time.sleep(0.02)
            except (QMPClosed, ConnectionError):
                time.sleep(0.2)
                raise self._error("QEMU ended at once") from None

    def stop(self):
        """End QEMU, whatever state it is in."""
        self._hang_up()
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None

    def _hang_up(self):
        for connection in (self.qmp, self._agent):
            if connection is not None:
                connection.close()
        self.qmp = self._agent = None

    def migrate(self, live=True, virq=None):
        """Go on in another QEMU, whose controller has the properties virq instead; straight, or
        through a file. No command may be under way in the guest, others beside are.

        It stands still from the beginning. QEMU 7.2's TCG loses pages that a CPU writes while
        they are copied: list_del corruption and the like, in one of some ten migrations.
        """
        source, sockets, state = self._process, self._sockets, self.log_dir / "migration"
        self.qmp.execute("stop")
        if live:
            there = here = f"unix:{sockets}/migration"
        else:
            there, here = ("exec:" + shlex.join(["dd", "bs=1M", "status=none", f"{way}={state}"])
                           for way in ("of", "if"))
            self._migrate_to(there)
        if virq is not None:
            self.virq = virq
        self.migrations += 1
        for path in (self.console_path, self.trace_path, self.error_path):
            if path.exists():
                path.rename(path.with_suffix(f".{self.migrations}.log"))
        try:
            self.spawn(["-incoming", here])
            if live:
                self.wait_until(pathlib.Path(here.split(":", 1)[1]).exists,
                                "QEMU waits for a guest")
                self._migrate_to(there)
        finally:
            self._hang_up()
            source.kill()
            source.wait(10)
            shutil.rmtree(sockets, ignore_errors=True)
        self._open_channels(time.monotonic() + COMMAND_TIMEOUT * self.pace)
        self.wait_until(lambda: self.qmp.execute("query-status")["status"] == "paused",
                        "the guest is there")
        self.qmp.execute("cont")
        state.unlink(missing_ok=True)

    def _migrate_to(self, uri):
        self.qmp.execute("migrate", uri=uri)

        def done():
            found = self.qmp.execute("query-migrate")
            if found.get("status") == "failed":
                raise self._error(f"the migration has failed: {found.get('error-desc')}")
            return found.get("status") == "completed"
        self.wait_until(done, "the migration ends", timeout=120)

    def wait(self, timeout=None):
        """Until QEMU ends by itself; its exit status."""
        return self._process.wait(timeout)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _error(self, text):
        """A GuestError with what the console and QEMU said last."""
        parts = [text]
        for path, lines in ((self.error_path, 10), (self.console_path, 80)):
            if path.exists() and path.stat().st_size:
                tail = path.read_text(errors="replace").splitlines()[-lines:]
                parts.append(f"--- end of {path}:\n" + "\n".join(tail))
        return GuestError("\n".join(parts))

    def alive(self):
        """Is there a QEMU, and has it not ended?"""
        return self._process is not None and self._process.poll() is None

    def _check_alive(self):
        if self._process is None:
            raise self._error("the guest is not running")
        if self._process.poll() is not None:
            raise self._error(f"QEMU has ended with status {self._process.returncode}")

    # Commands in the guest

    def _await_agent(self, pattern, deadline, what):
        """Read from the agent until pattern comes."""
        while True:
            match = re.search(pattern, self._buffer)
            if match:
                self._buffer = self._buffer[match.end():]
                return match
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._error(f"{what}: no answer in time")
            # Short waits, so that a guest that has ended is seen at once
            self._agent.settimeout(min(left, 1))
            try:
                data = self._agent.recv(1 << 20)
            except socket.timeout:
                self._check_alive()
                continue
            except ConnectionError:
                data = b""
            if not data:
                time.sleep(0.2)
                raise self._error(f"{what}: the guest went away")
            self._buffer += data

    def run(self, command, timeout=COMMAND_TIMEOUT, check=True):
        """Run a shell command in the guest.

        It is killed after timeout seconds (times pace). Output is stdout and stderr together.
        With check, a status other than 0 is an error.
        """
        nonce = secrets.token_hex(6)
        encoded = base64.b64encode(command.encode()).decode()
        if len(encoded) > MAX_COMMAND:
            raise ValueError("the command is too long for the serial line")
        timeout *= self.pace
        self._check_alive()
        self._agent.settimeout(timeout)
        try:
            self._agent.sendall(f"{nonce} {int(timeout)} {encoded}\n".encode())
        except ConnectionError:
            raise self._error(f"'{command}': the guest went away") from None
        pattern = rf"={nonce} (\d+) ([A-Za-z0-9+/=]*) {nonce}=\n".encode()
        match = self._await_agent(pattern, time.monotonic() + timeout + AGENT_GRACE * self.pace,
                                  f"'{command}'")
        result = Result(int(match[1]), base64.b64decode(match[2]).decode(errors="replace"))
        if check and result.rc:
            raise CommandError(f"'{command}': status {result.rc}\n{result.out}")
        return result

    def nudge(self):
        """Send the agent something that it ignores; a guest that sleeps may wake up by that."""
        self._agent.sendall(b"\n")

    def other_kernel(self, start, what, timeout=None):
        """Run a command that starts another kernel; wait until that one takes commands."""
        self.run(f"setsid sh -c 'sleep 1; {start}' </dev/null >/dev/null 2>&1 &")
        self.await_agent(what, timeout)

    def await_agent(self, what, timeout=None):
        """Wait until a kernel that was started takes commands."""
        self._await_agent(rb"=ready=\n",
                          time.monotonic() + (timeout or self.patience) * self.pace, what)

    def read(self, path):
        """Contents of a file in the guest, without white space around it."""
        return self.run(f"cat {path}").out.strip()

    def write(self, path, text, check=True):
        """Write to a file in the guest (sysfs, debugfs, proc)."""
        return self.run(f"printf '%s\\n' '{text}' > {path}", check=check)

    @contextlib.contextmanager
    def background(self, command, stop_timeout=30):
        """Run a shell command beside others in the guest; it is ended at the end.

        Yields a function that returns its output so far.
        """
        tag = secrets.token_hex(4)
        self.run(f"cat > /tmp/job.{tag}.sh <<'EOF-{tag}'\n{command}\nEOF-{tag}\n"
                 f"setsid sh /tmp/job.{tag}.sh </dev/null >/tmp/job.{tag} 2>&1 & "
                 f"echo $! > /tmp/job.{tag}.pid")
        try:
            yield lambda: self.run(f"cat /tmp/job.{tag}").out
        finally:
            # The group: what the shell has started as well
            self.run(f"kill -- -$(cat /tmp/job.{tag}.pid) 2>/dev/null; n=0; "
                     f"while kill -0 -- -$(cat /tmp/job.{tag}.pid) 2>/dev/null; do "
                     f"n=$((n + 1)); [ $n -lt {stop_timeout * 10} ] || exit 1; "
                     "usleep 100000; done", timeout=stop_timeout + 5)

    def wait_until(self, condition, what, timeout=30, interval=0.2):
        """Until condition() is true; returns its value."""
        timeout *= self.pace
        deadline = time.monotonic() + timeout
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout} s: {what}")
            time.sleep(interval)

    # Views of the guest

    def console(self):
        """What the guest's console showed."""
        return self.console_path.read_text(errors="replace") if self.console_path.exists() else ""

    def wait_console(self, pattern, timeout=30):
        """Until the console shows a line that matches."""
        return self.wait_until(lambda: re.search(pattern, self.console()),
                               f"console shows {pattern!r}", timeout)

    def dmesg(self):
        """The kernel log."""
        return self.run("dmesg").out

    def check_dmesg(self):
        """The kernel log has no splat, lockup, or lost interrupt in it but what is expected."""
        lines = self.dmesg().splitlines()
        bad = [number for number, line in enumerate(lines)
               if any(pattern.search(line) for pattern in BAD_DMESG)
               and not any(re.search(text, line) for text in self.expected)]
        # With what comes after the first one, which mostly is the reason
        assert not bad, "the kernel log has:\n" + "\n".join(
            lines[bad[0]:bad[0] + REPORT_LINES] + [lines[number] for number in bad
                                                   if number >= bad[0] + REPORT_LINES])
        if self.debug:
            # A report that nobody matched has switched the lock checker off, or left a taint
            assert "debug_locks:                             1" in self.read("/proc/lockdep_stats")
            assert self.read("/proc/sys/kernel/tainted") == "0"

    def forget_dmesg(self):
        """What is in the kernel log is not of the next test."""
        self.run("dmesg -c > /dev/null")
        self.expected = []

    def interrupts(self, chip=None, action=None):
        """Lines of /proc/interrupts whose chip and action match (regular expressions)."""
        irqs = parse_interrupts(self.run("cat /proc/interrupts").out)
        return [irq for irq in irqs
                if (chip is None or re.search(chip, irq.chip))
                and (action is None or re.search(action, irq.actions))]

    def insmod(self, module, parameters="", check=True):
        """Load a module."""
        return self.run(f"modprobe {module} {parameters}", check=check)

    def bind(self, driver, address, check=True):
        """Bind a PCI function to a driver."""
        return self.run(f"echo {address} > /sys/bus/pci/drivers/{driver}/bind", check=check)

    def unbind(self, address):
        """Unbind a PCI function from its driver."""
        self.run(f"echo {address} > /sys/bus/pci/devices/{address}/driver/unbind")

    def rebind(self, driver, address):
        """Unbind and bind: what moves a function that had vectors already."""
        self.unbind(address)
        self.bind(driver, address)

    # Views of the host

    def get(self, name, path=VIRQ):
        """A QOM property."""
        return self.qmp.execute("qom-get", path=path, property=name)

    def set(self, name, value, path=VIRQ):
        """Set a QOM property."""
        self.qmp.execute("qom-set", path=path, property=name, value=value)

    @contextlib.contextmanager
    def setting(self, name, value, path=VIRQ):
        """Set a QOM property and put the old value back at the end."""
        before = self.get(name, path)
        self.set(name, value, path)
        try:
            yield
        finally:
            if self.alive():
                self.set(name, before, path)

    def traced(self, start=0):
        """What QEMU has traced so far, from that byte on."""
        if not self.trace_path.exists():
            return b""
        with open(self.trace_path, "rb") as log:
            log.seek(start)
            return log.read()

    def traced_so_far(self):
        """How many bytes that is, which may be hundreds of millions."""
        return self.trace_path.stat().st_size if self.trace_path.exists() else 0

    def trace(self, event, enable):
        """Switch one of QEMU's trace events."""
        self.qmp.execute("trace-event-set-state", name=event, enable=enable)

    @contextlib.contextmanager
    def tracing(self, event):
        """Collect a trace event of QEMU; yields a function that returns its lines so far."""
        start = self.traced_so_far()

        def lines():
            text = self.traced(start).decode(errors="replace")
            return [line for line in text.splitlines() if re.search(rf"\b{event}\b", line)]

        self.trace(event, True)
        try:
            yield lines
        finally:
            self.trace(event, False)
