# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The series for QEMU: the device as the newest QEMU is to have it.

unifdef decides what is for the newest one. The device core is in the kernel's style here and
gets QEMU's by clang-format; QEMU's own clean-includes gives its files what all of QEMU's
begin with, and the UAPI header goes the way that update-linux-headers.sh has for it.
"""

import fnmatch
import importlib.machinery
import importlib.util
import os
import re
import shutil
import subprocess

from kernel import UAPI as KERNEL_UAPI, decided, inserted, measured, with_id
from patchset import Failure, Project, Repository, TOP, letters, matching, run

HEADERS = "include/standard-headers/linux"
UAPI = f"{HEADERS}/virtio_irq.h"
IDS = f"{HEADERS}/virtio_ids.h"
MAINTAINERS = "MAINTAINERS"
QTESTS = "tests/qtest/meson.build"
QTEST = "tests/qtest/virtio-irq-test.c"
INDEX = "docs/system/device-emulation.rst"
DOCUMENT = "docs/system/devices/virtio-irq.rst"
# What is changed by a patch that names it
KVM = "target/i386/kvm/kvm.c"
THEIRS = ("meson.build", "hw/virtio/Kconfig", "hw/virtio/meson.build", "hw/virtio/virtio.c", KVM,
          MAINTAINERS, IDS, QTESTS, INDEX)
# Of the source, besides what is changed
NEEDED = ("VERSION", "include", "scripts")
# Not in a QEMU that has taken hw/vfio apart
VFIO = re.compile(r"virtio-irq-vfio(?:-.*)?\.c|virtio-irq-vfio-.*\.h")
# In the kernel's style here
KERNEL_STYLE = ("host/core/*", "host/inject/*", "host/qemu/ims_testdev_regs.h")

# What each patch is built with
PROGRAM = "qemu-system-x86_64"
CONFIGURE = ("--target-list=x86_64-softmmu", "--without-default-features", "--enable-system",
             "--enable-tcg", "--enable-kvm", "--enable-fdt=system", "--disable-install-blobs",
             "--disable-tools", "--disable-docs", "--disable-guest-agent",
             "--disable-debug-info", "--enable-werror", "--enable-trace-backends=log",
             "--without-default-devices", "--with-devices-x86_64=virtio-irq")
DEVICES = ["I440FX", "Q35", "VIRTIO_PCI", "VIRTIO_BLK", "VIRTIO_NET", "VIRTIO_RNG",
           "VIRTIO_SCSI", "VIRTIO_SERIAL", "VFIO_PCI", "TEST_DEVICES", "EDU"]

ENTRY = """\
virtio-irq
M: {name} <{email}>
S: Maintained
"""
ENTRY_BEFORE = "virtio-serial$"
ENTRY_FILES = ("hw/virtio/virtio-irq/*", UAPI, DOCUMENT, QTEST)

# What checkpatch may say: type, file
EXCEPTIONS = (
    # MAINTAINERS has patterns for all files: seen to in check_files()
    (r"added, moved or deleted file\(s\), does MAINTAINERS need updating", "*"),
    # Copied by update-linux-headers.sh, with the kernel's layout
    (".*", f"{HEADERS}/*"),
)


def integrate():
    """tools/place-in-qemu, which has the lines for QEMU's own files."""
    loader = importlib.machinery.SourceFileLoader("place_in_qemu",
                                                  str(TOP / "tools/place-in-qemu"))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def without_versions(text, version, has_include):
    """A source without what is for other versions; has_include says which headers there are."""
    text = re.sub(r'__has_include\("(.*?)"\)', lambda m: str(int(has_include(m[1]))), text)
    # unifdef looks at one line
    text = re.sub(r"^(#\s*(?:el)?if.*?)\s*\\\n\s*", r"\1 ", text, flags=re.MULTILINE)
    if not re.search(r"QEMU_VERSION_|^#\s*if [01]|virtio_bh_new_guarded", text, re.MULTILINE):
        return text
    return run("unifdef", "-B", "-k", f"-DQEMU_VERSION_MAJOR={version[0]}",
               f"-DQEMU_VERSION_MINOR={version[1]}", "-Dvirtio_bh_new_guarded", text=text,
               good=(0, 1))


def compat_rules(header):
    """What compat.h is left with: its includes, and patterns with what stands for them."""
    includes = re.findall(r'^#include ".*"\n', header, re.MULTILINE)
    rules = []
    for name, value in re.findall(r"^#define (COMPAT_\w+)(?: (.*))?$", header, re.MULTILINE):
        # A line of its own goes as a whole
        rules += [] if value else [(rf"^\s*{name}\n", "")]
        rules.append((rf"\b{name}\b", value))
    for name, argument, expression in re.findall(
            r"^static inline \w+ (\w+)\(\w+ \*(\w+)\)\n\{\n\s*return (.*);\n\}", header,
            re.MULTILINE):
        value = re.sub(rf"\b{argument}->", r"\\1->", expression)
        rules.append((rf"\b{name}\(((?:\w|->)+)\)", value))
    left = re.sub(r"/\*.*?\*/|^#(?:include|define|ifndef|endif)[^\n]*$|"
                  r"^static inline .*?^\}", "", header, flags=re.DOTALL | re.MULTILINE)
    if left.strip():
        raise Failure(f"compat.h: nothing is known of {left.strip().splitlines()[0]}")
    return includes, rules


def without_compat(text, includes, rules):
    """A source that does not need compat.h any more."""
    for pattern, value in rules:
        text = re.sub(pattern, value, text, flags=re.MULTILINE)
    wanted = "".join(line for line in includes if line not in text)
    return text.replace('#include "compat.h"\n', wanted)


def block_comments(text):
    """Comments of several lines, with their ends on lines of their own."""
    def block(match):
        indent, body = match[1], match[2]
        lines = [line.rstrip() for line in body.split("\n")]
        if len(lines) == 1:
            return match[0]
        first, last = lines[0].strip(), lines[-1].strip()
        middle = ([f"{indent} * {first}"] if first else []) + lines[1:-1]
        middle += [lines[-1]] if last not in ("", "*") else []
        return "\n".join([f"{indent}/*"] + middle + [f"{indent} */"])
    return re.sub(r"^([ ]*)/\*(.*?)\*/", block, text, flags=re.DOTALL | re.MULTILINE)


def macro_operators(text):
    """Blanks around what clang-format takes for the operator behind a cast: a parameter."""
    def macro(match):
        body = match[0]
        for parameter in re.split(r",\s*", match[1]):
            body = re.sub(rf"\({parameter}\)([-*])(?=[\w(])", rf"({parameter}) \1 ", body)
        return body
    return re.sub(r"^#define \w+\(([\w, ]+)\)(?:.*\\\n)*.*\n", macro, text, flags=re.MULTILINE)


def restyled(text):
    """The kernel's style as QEMU's."""
    text = re.sub(r"\A// (SPDX-.*)\n", r"/* \1 */\n", text)
    style = TOP / "upstream/qemu/style.yaml"
    text = run("clang-format-16", f"--style=file:{style}", text=text)
    return macro_operators(block_comments(text.expandtabs(8)))


def statements(text):
    """A meson.build in pieces: each statement, with the comment above it."""
    return re.findall(r"(?:^#.*\n)*^(?!#)\S.*\n(?:^[ \t)\]].*\n)*|^\n|(?:^#.*\n)+", text,
                      re.MULTILINE)


def built(text, present):
    """The statements whose files are there."""
    kept = []
    for statement in statements(text):
        files = re.findall(r"'([\w-]+\.c)'", statement)
        if all(name in present for name in files):
            kept.append(statement)
    return "".join(kept)


def traced(text, present):
    """The events of files that are there."""
    head, *sections = re.split(r"^(?=# [\w-]+\.c\n)", text, flags=re.MULTILINE)
    kept = [section for section in sections if section[2:].split("\n", 1)[0] in present]
    return (head + "".join(kept)).rstrip() + "\n"


def kconfig(text, present):
    """Kconfig, with an option for what is there."""
    parts = re.split(r"^(?=config )", text, flags=re.MULTILINE)
    sources = {"VIRTIO_IRQ": "virtio_irq_core.c", "IMS_TESTDEV": "ims-testdev.c"}
    kept = [part for part in parts[1:] if sources[part.split()[1]] in present]
    return (parts[0] + "".join(kept)).rstrip() + "\n"


def document(text):
    """What usage.rst says of QEMU."""
    match = re.search(r"^QEMU\n====\n\n(.*?)^The guest\n=========\n", text,
                      re.DOTALL | re.MULTILINE)
    if not match:
        raise Failure("usage.rst has no chapter of QEMU, or none behind it")
    body = match[1]
    for pattern, new in (
            # How it gets into a QEMU, and what is not in this one
            (r"\A.*?(?=^With KVM,)", ""),
            (r"^A function that is passed through by VFIO gets each.*?\n\n", ""),
            (r" A vector of VFIO that comes too late for\n.*?delivered\);\n(vhost and iothreads do "
             r"not start) then,", r" If they are used up,\n\1,"),
            (r", which host/qemu describes", "")):
        body, count = re.subn(pattern, new, body, flags=re.DOTALL | re.MULTILINE)
        if count != 1:
            raise Failure(f"usage.rst: /{pattern}/ matches {count} times; see document() in "
                          "upstream/qemu.py")
    return ("..\n   SPDX-License-Identifier: GPL-2.0-or-later\n   Copyright (C) 2026 The virtio-irq"
            " authors\n\nvirtio-irq\n==========\n\nvirtio-irq is a paravirtual interrupt "
            "controller. The guest asks it for each\ninterrupt of a PCI function, and is given "
            "the message that the function has to\nwrite, or a reason why there is none.\n\n"
            + body.rstrip() + "\n")


class Builder:
    """QEMU with few devices, built in the build root."""

    def __init__(self, top, tree, out):
        self.top = top
        self.tree = tree
        self.out = out

    def run(self, *command):
        """A command in the directory of the build."""
        result = subprocess.run(
            [TOP / "tools/build-root", "--run", self.top, "env", "-C", self.out, *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False)
        if result.returncode:
            raise Failure(f"{' '.join(map(str, command))}:\n{result.stdout[-4000:]}")
        return result.stdout

    def choose(self, options):
        """The devices that it has."""
        path = self.tree / "configs/devices/x86_64-softmmu/virtio-irq.mak"
        text = "".join(f"CONFIG_{option}=y\n" for option in options)
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)

    def configure(self, options):
        """Anew."""
        self.choose(options)
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir(parents=True)
        self.run(self.tree / "configure", *CONFIGURE)

    def ninja(self, target):
        """What the compiler says."""
        return self.run("ninja", "-j", os.environ.get("JOBS") or str(os.cpu_count()), target)


class Qemu(Project):
    """QEMU's series."""

    name = "qemu"

    def __init__(self, build, base, version):
        super().__init__(build, base, version)
        self.tool = integrate()
        self.directory = self.tool.DIRECTORY
        self.values.update(measured())
        self._ours = None

    def base_text(self, name):
        """A file of QEMU's."""
        path = self.base / name
        if not path.is_file():
            raise Failure(f"{path}: no such file")
        return path.read_text(encoding="utf-8")

    @property
    def numbers(self):
        """Major and minor version."""
        return tuple(int(part) for part in self.base_text("VERSION").split(".")[:2])

    def has_include(self, name):
        """Is there such a header?"""
        return (self.base / "include" / name).is_file()

    def code(self):
        """The device's files, by name."""
        files = {}
        for name, path in self.tool.our_files().items():
            source = str(path.relative_to(TOP))
            if VFIO.fullmatch(name) or name in ("README.md", "README"):
                continue
            text = without_versions(path.read_text(encoding="utf-8"), self.numbers,
                                    self.has_include)
            if any(fnmatch.fnmatchcase(source, pattern) for pattern in KERNEL_STYLE) and \
                    name.endswith((".c", ".h")):
                # QEMU has its own
                text = re.sub(r"^#define ARRAY_SIZE\(.*\n\n?", "", text, flags=re.MULTILINE)
                text = restyled(text)
            files[name] = text
        includes, rules = compat_rules(files.pop("compat.h"))
        for name, text in files.items():
            text = without_compat(text, includes, rules)
            text = text.replace("<linux/virtio_irq.h>", '"standard-headers/linux/virtio_irq.h"')
            # The header leaves the ID to the kernel's other one
            if "VIRTIO_ID_IRQ" in text:
                text = re.sub(r'^#include "hw/', '#include "standard-headers/linux/virtio_ids.h"\n'
                              '#include "hw/', text, count=1, flags=re.MULTILINE)
            files[name] = text
        files["meson.build"] = self.meson(files["meson.build"])
        files["trace-events"] = traced(files["trace-events"], files)
        return self.cleaned(files)

    def meson(self, text):
        """meson.build without versions, and what is said of this repository."""
        text, count = re.subn(r"^if meson\.project_version\(\).*?^endif\n", "", text,
                              flags=re.DOTALL | re.MULTILINE)
        text, other = re.subn(r"^# From host/core; .*\n", "# The device core\n", text,
                              flags=re.MULTILINE)
        if not count or not other:
            raise Failure("host/qemu/meson.build is not as upstream/qemu.py has it")
        return text

    def cleaned(self, files):
        """Includes by QEMU's clean-includes."""
        scratch = self.build / "work/includes"
        shutil.rmtree(scratch, ignore_errors=True)
        (scratch / "scripts").mkdir(parents=True)
        # It reads osdep.h and a file of macros
        for name in ("scripts/cocci-macro-file.h", "include/qemu/osdep.h"):
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.base / name, scratch / name)
        names = [name for name in files if name.endswith((".c", ".h")) and name != "trace.h"]
        for name in names:
            (scratch / name).write_text(files[name], encoding="utf-8")
        run("sh", self.base / "scripts/clean-includes", *names, cwd=scratch)
        return {**files, **{name: (scratch / name).read_text(encoding="utf-8") for name in names}}

    def uapi(self):
        """The header, as update-linux-headers.sh copies it."""
        scratch = self.build / "work/uapi"
        shutil.rmtree(scratch, ignore_errors=True)
        (scratch / "out").mkdir(parents=True)
        script = self.base_text("scripts/update-linux-headers.sh")
        function = re.search(r"^cp_portable\(\) \{\n.*?^\}\n", script, re.DOTALL | re.MULTILINE)
        if not function:
            raise Failure("update-linux-headers.sh has no cp_portable()")
        # Of a kernel that installs its headers __user and the like are gone; ours has none
        (scratch / "virtio_irq.h").write_text(decided((TOP / KERNEL_UAPI).read_text(), 0))
        run("bash", "-ec", f"{function[0]}\ncp_portable virtio_irq.h out", cwd=scratch)
        text = (scratch / "out/virtio_irq.h").read_text()
        text, count = re.subn(r"is Documentation/virtio-irq-spec\.rst\.",
                              "is proposed for the virtio specification.", text)
        if not count:
            raise Failure("virtio_irq.h does not say where its prose is")
        return text

    def ours(self):
        if self._ours is None:
            files = {f"{self.directory}/{name}": text for name, text in self.code().items()}
            files[UAPI] = self.uapi()
            files[QTEST] = (TOP / "upstream/qemu/virtio-irq-test.c").read_text()
            files[DOCUMENT] = document((TOP / "Documentation/usage.rst").read_text())
            files[KVM] = ""
            self._ours = {name: text.encode() for name, text in files.items()}
        return self._ours

    def here(self, present):
        """Names in the device's directory."""
        prefix = f"{self.directory}/"
        return {name.removeprefix(prefix) for name in present if name.startswith(prefix)}

    def partial(self, name, data, present):
        if name == KVM:
            return self.theirs(present)[name]
        part = {"meson.build": built, "trace-events": traced, "Kconfig": kconfig}.get(
            name.removeprefix(f"{self.directory}/"))
        return part(data.decode(), self.here(present)).encode() if part else data

    def maintainers(self, present):
        """MAINTAINERS with an entry for what is there."""
        text = self.base_text(MAINTAINERS)
        patterns = [pattern for pattern in ENTRY_FILES
                    if any(fnmatch.fnmatchcase(name, pattern) for name in present)]
        if not patterns:
            return text
        entry = ENTRY.format(name=self.who[0], email=self.who[1])
        entry += "".join(f"F: {pattern}\n" for pattern in sorted(patterns)) + "\n"
        return inserted(text, ENTRY_BEFORE, entry, MAINTAINERS, before=True)

    def theirs(self, present):
        here = self.here(present)
        wanted = {
            "meson.build": "trace-events" in here,
            "hw/virtio/Kconfig": "Kconfig" in here,
            "hw/virtio/meson.build": "meson.build" in here,
            "hw/virtio/virtio.c": "virtio-irq.c" in here,
            KVM: KVM in present,
        }
        texts = {name: self.base_text(name) for name in wanted}
        for name, anchor, where, addition in self.tool.INSERTIONS:
            if name not in wanted:
                raise Failure(f"{name}: tools/place-in-qemu has lines for it, and no patch")
            # The ID is in a header that is there already
            if wanted[name] and addition != "#include <linux/virtio_irq.h>":
                texts[name] = self.tool.inserted(self.base / name, texts[name], anchor, where,
                                                 addition)
        texts.update({MAINTAINERS: self.maintainers(present), IDS: self.base_text(IDS),
                      QTESTS: self.base_text(QTESTS), INDEX: self.base_text(INDEX)})
        if UAPI in present:
            texts[IDS] = with_id(texts[IDS], IDS)
        if QTEST in present:
            texts[QTESTS] = inserted(
                texts[QTESTS], r"qtests_i386 = ",
                "  (config_all_devices.has_key('CONFIG_VIRTIO_IRQ') and \\\n"
                "   config_all_devices.has_key('CONFIG_EDU') ? ['virtio-irq-test'] : []) + \\\n",
                QTESTS)
        if DOCUMENT in present:
            texts[INDEX] = inserted(texts[INDEX], r"   devices/virtio-pmem\.rst",
                                    "   devices/virtio-irq.rst\n", INDEX, before=True)
        return {name: text.encode() for name, text in texts.items()}

    def complaints(self, patch):
        script = self.base / "scripts/checkpatch.pl"
        output = run("perl", script, "--no-tree", "--strict", "--no-summary", "--terse", patch,
                     cwd=self.base, good=(0, 1))
        return [f"{patch.name}: {line}" for line in self.unexpected(patch, output)]

    @staticmethod
    def unexpected(patch, output):
        """Lines of checkpatch, without EXCEPTIONS."""
        lines = patch.read_text().splitlines()
        for line in output.splitlines():
            match = re.match(r".*?:(\d+): (?:ERROR|WARNING): (.*)", line)
            if not match:
                yield line
                continue
            above = [text[6:] for text in lines[:int(match[1])] if text.startswith("+++ b/")]
            name = above[-1] if above else ""
            if not any(re.match(text, match[2]) and fnmatch.fnmatchcase(name, pattern)
                       for text, pattern in EXCEPTIONS):
                yield f"{name}: {line}"

    def build_all(self, whole):
        """Apply the patches to all of QEMU, build it with each of them, and run the qtest."""
        tree, out = self.build / "tree/qemu", self.build / "tree/qemu-build"
        repository = Repository(tree)
        if (tree / ".git").is_dir():
            repository.git("reset", "--quiet", "--hard", "base")
        whole("--whole", tree)
        # It has the distribution's patches: without firmware it does not build as released
        repository.begin({name: (tree / name).read_bytes() for name in THEIRS},
                         "2026-01-01T00:00:00Z")
        builder = Builder(self.build / "tree", tree, out)
        builder.configure(DEVICES)
        builder.ninja(PROGRAM)
        problems = []
        for patch in letters(self.output):
            repository.apply([patch])
            print(f"building {patch.name}", flush=True)
            builder.choose(DEVICES + [
                option for option in ("VIRTIO_IRQ", "IMS_TESTDEV")
                if (tree / self.directory / "Kconfig").is_file() and
                f"config {option}\n" in (tree / self.directory / "Kconfig").read_text()])
            output = builder.ninja(PROGRAM)
            if (tree / QTEST).is_file():
                output += builder.ninja("tests/qtest/virtio-irq-test")
                print(builder.run("env", f"QTEST_QEMU_BINARY=./{PROGRAM}",
                                  "tests/qtest/virtio-irq-test", "-k"), flush=True)
            problems += [f"{patch.name}: {line}" for line in output.splitlines()
                         if re.search(r"\b(?:warning|error):", line)]
        return problems

    def check_files(self, repository):
        problems = []
        title = ENTRY.split("\n", 1)[0]
        entry = repository.file(MAINTAINERS).decode().split(f"\n{title}\n")[1]
        patterns = re.findall(r"^F: (.*)$", entry.split("\n\n", 1)[0], re.MULTILINE)
        for name in sorted(set(self.ours()) - {KVM}):
            text = repository.file(name).decode()
            problems += matching(text, r"QEMU_VERSION_|COMPAT_|__has_include|compat\.h", name)
            if not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
                problems.append(f"{name}: the entry in MAINTAINERS does not have it")
        return problems
