# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The series for the kernel: the driver as the newest kernel is to have it.

The checkout serves several kernels. unifdef decides what is for the newest one; what the
headers for that are left with, newest.cocci (Coccinelle) puts where it is used, and it has what
older kernels have another name for.
"""

import fnmatch
import importlib.machinery
import importlib.util
import os
import re
import shutil
import subprocess

from patchset import Failure, Project, Repository, TOP, letters, matching, run

KUNIT = "drivers/virtio/virtio_irq_kunit"
# Headers that are gone at the end, as they are called in the tree
COMPAT = ("drivers/virtio/virtio_irq_compat.h", f"{KUNIT}/kunit_compat.h")
DOCS = "Documentation/driver-api/virtio"
# In the tree: in the checkout
DOCUMENTS = {
    f"{DOCS}/virtio_irq.rst": "Documentation/architecture.rst",
    f"{DOCS}/virtio_irq_ims.rst": "Documentation/ims.rst",
}
# Sections of architecture.rst that are about the driver
SECTIONS = ("The picture", "What the engine remembers", "A move, which costs no exit",
            "A pair that changes, and a vector that is taken away", "Parents",
            "How it goes on when the host does not answer",
            "Suspend, and the end of the kernel")
OPTION = "drivers/irqchip/Kconfig"
MAKEFILE = "drivers/virtio/Makefile"
IDS = "include/uapi/linux/virtio_ids.h"
UAPI = "include/uapi/linux/virtio_irq.h"
INDEX = f"{DOCS}/index.rst"
MAINTAINERS = "MAINTAINERS"
THEIRS = (INDEX, MAINTAINERS, OPTION, MAKEFILE, IDS)
# Of the source, besides what is changed
NEEDED = ("Makefile", "scripts", "tools/docs", "tools/lib/python")

ENTRY = """\
VIRTIO INTERRUPT CONTROLLER DRIVER
M:	{name} <{email}>
L:	virtualization@lists.linux.dev
S:	Maintained
"""
ENTRY_BEFORE = "VIRTIO IOMMU DRIVER"
ENTRY_FILES = (f"{DOCS}/virtio_irq*", "drivers/irqchip/irq-virtio*", "drivers/virtio/virtio_irq*",
               f"{KUNIT}/", "include/linux/irqchip/irq-virtio.h",
               "include/trace/events/virtio_irq.h", UAPI)

# Of comments: what is in another place there, or is not there. Each is good for something
EDITS = (
    (r"Documentation/ims\.rst", f"{DOCS}/virtio_irq_ims.rst"),
    (r"is Documentation/virtio-irq-spec\.rst\.", "is proposed for the virtio specification."),
    # Members that newest.cocci removes
    (r"^ \* @(?:shared_dma|dma_dev|events_dma): .*\n", ""),
)

# Sparse as Debian 12 has it does not know a word of newer kernels, which would not run it
# then, and takes the length of a string in MODULE_PARM_DESC() for no constant
CHECKER = ("C=1", "CHECK=sparse -D__typeof_unqual__=__typeof__")
CHECKER_NOISE = "error: bad constant expression"

# What newest.cocci has rules for, besides what the headers define
ALLOCATION = re.compile(r"\bk[cmz]alloc\(.*sizeof\(\*")

# What checkpatch's strict checks may say: type, file
EXCEPTIONS = (
    # MAINTAINERS has patterns for all files: seen to in check_files()
    ("FILE_PATH_CHANGES", "*"),
    # What a lock guards is said in the structure's kernel-doc
    ("UNCOMMENTED_DEFINITION", "drivers/*/*virtio*.h"),
    # Trace events are laid out in their own way
    ("OPEN_ENDED_LINE", "include/trace/events/*"),
    ("PARENTHESIS_ALIGNMENT", "include/trace/events/*"),
    # As KUnit's own macros: an argument is a name, or the test
    ("MACRO_ARG_REUSE", f"{KUNIT}/*"),
)


def place():
    """tools/place-in-kernel, which has the lines for Kconfig and Makefile."""
    loader = importlib.machinery.SourceFileLoader("place_in_kernel",
                                                  str(TOP / "tools/place-in-kernel"))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def measured():
    """Numbers for the cover letter."""
    found = re.search(r"The life of (\d+) vectors takes (\d+) exits, against (\d+) of Intel's",
                      (TOP / "Documentation/performance.rst").read_text())
    if not found:
        raise Failure("Documentation/performance.rst does not say what 64 vectors take")
    return {"VECTORS": found[1], "EXITS": found[2], "INTEL": found[3]}


def version_code(makefile):
    """LINUX_VERSION_CODE of a tree."""
    numbers = [int(re.search(rf"^{name} = (\d+)$", makefile, re.MULTILINE)[1])
               for name in ("VERSION", "PATCHLEVEL", "SUBLEVEL")]
    return numbers[0] << 16 | numbers[1] << 8 | min(numbers[2], 255)


def with_numbers(text):
    """KERNEL_VERSION() as its value, as unifdef knows no macro with arguments."""
    return re.sub(r"\bKERNEL_VERSION\((\d+), (\d+), (\d+)\)",
                  lambda m: str(int(m[1]) << 16 | int(m[2]) << 8 | int(m[3])), text)


def decided(text, code):
    """A source without what is for other kernels."""
    if "LINUX_VERSION_CODE" not in text and "VIRTIO_ID_IRQ" not in text:
        return text
    return run("unifdef", "-B", f"-DLINUX_VERSION_CODE={code}", "-DVIRTIO_ID_IRQ",
               text=with_numbers(text), good=(0, 1))


def defined_names(header):
    """What a header of ours defines: functions, and macros with arguments."""
    names = set(re.findall(r"^static inline .*?(\w+)\(", header, re.MULTILINE))
    return names | set(re.findall(r"^#define (\w+)\(", header, re.MULTILINE))


def with_macros(text, header):
    """A source in which macros that stand alone, and define a function, are that function."""
    macros = re.findall(r"^#define (\w+)\(([\w, ]+)\)[ \t]*\\\n((?:.*\\\n)*.*)\n", header,
                        re.MULTILINE)
    for name, parameters, body in macros:
        # As it stands in the macro, one step to the right
        lines = [re.sub(r"[ \t]*\\?$", "", line) for line in body.split("\n")]
        lines = [re.sub(r"^\t", "", line) for line in lines]

        def expanded(match, lines=lines, parameters=parameters.split(", ")):
            result = "\n".join(lines)
            for parameter, value in zip(parameters, match[1].split(", ")):
                result = re.sub(rf"(?:\b|(?<=\w)##){parameter}(?:##|\b)", value, result)
            return result
        text = re.sub(rf"^{name}\(([^()]*)\)$", expanded, text, flags=re.MULTILINE)
    return text


def coccinelle(directory, script):
    """Change the files by a semantic patch, each by itself."""
    run("spatch", "--sp-file", script, "--very-quiet", "--in-place", "--no-includes",
        "--include-headers", "--dir", directory, cwd=directory)


def transformed(files, code, scratch):
    """Our sources as the newest kernel has them."""
    files = {name: decided(text, code) for name, text in files.items()}
    headers = {name: files.pop(name) for name in COMPAT}
    names = set().union(*(defined_names(text) for text in headers.values()))
    includes = re.compile("^#include \"(?:.*/)?(?:" + "|".join(
        re.escape(name.rsplit("/", 1)[1]) for name in COMPAT) + ")\"\n", re.MULTILINE)
    files = {name: includes.sub("", with_macros(text, "".join(headers.values())))
             for name, text in files.items()}

    wanted = re.compile(r"\b(?:dma_dev|" + "|".join(sorted(names)) + r")\b")
    shutil.rmtree(scratch, ignore_errors=True)
    changed = [name for name, text in files.items()
               if wanted.search(text) or ALLOCATION.search(text)]
    for name in changed:
        path = scratch / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[name])
    coccinelle(scratch, TOP / "upstream/linux/newest.cocci")
    for name in changed:
        files[name] = (scratch / name).read_text()
    files = edited(files)
    for name, text in files.items():
        left = wanted.search(text)
        if left:
            raise Failure(f"{name}: {left[0]} is left, newest.cocci has no rule for that")
    return files


def edited(files):
    """Comments by EDITS."""
    files = dict(files)
    for pattern, new in EDITS:
        count = 0
        for name, text in files.items():
            files[name], number = re.subn(pattern, new, text, flags=re.MULTILINE)
            count += number
        if not count:
            raise Failure(f"no file has /{pattern}/ any more; see EDITS in upstream/kernel.py")
    return files


def sections(text):
    """The sections of a document: title -> text with it; what is before them has ''."""
    found = list(re.finditer(r"^(?!===)(.+)\n=+\n\n", text, re.MULTILINE))
    # The title of the document has a line above it, too
    found = [match for match in found if not re.search(r"^=+\n\Z", text[:match.start()],
                                                       re.MULTILINE)]
    parts = {"": text[:found[0].start()]}
    for match, after in zip(found, found[1:] + [None]):
        parts[match[1]] = text[match.start():after.start() if after else len(text)]
    return parts


def driver_document(text):
    """architecture.rst, as far as it is about the driver."""
    parts = sections(text)
    missing = [title for title in SECTIONS if title not in parts]
    if missing:
        raise Failure(f"architecture.rst has no section '{missing[0]}'")
    head = re.sub(r"\nThe contract is in virtio-irq-spec\.rst.*?\n\n",
                  "\nThe contract is proposed for the virtio specification; what a driver of an\n"
                  "interrupt message store does is in virtio_irq_ims.rst.\n\n",
                  parts[""], flags=re.DOTALL)
    head = head.replace("This page is the map: which file does what, and two walks through "
                        "all of them.", "This page is the map: which file does what, and how "
                        "it goes on when something fails.")
    # The host's half of the picture
    picture, count = re.subn(r"^    =====.*?(?=^\S)", "\n", parts["The picture"],
                             flags=re.DOTALL | re.MULTILINE)
    picture = re.sub(r"^.*virtio_irq_compat\.h.*\n", "", picture, flags=re.MULTILINE)
    if head == parts[""] or not count:
        raise Failure("architecture.rst: head or picture are not as upstream/kernel.py has them")
    kept = "".join(parts[title] for title in SECTIONS if title != "The picture")
    return re.sub(r"\n{3,}", "\n\n", head + picture + kept).rstrip() + "\n"


def ims_document(text):
    """ims.rst, without what is for drivers that are built outside of the tree."""
    text, count = re.subn(r"^\*\*In the kernel's tree\*\* a driver", "A driver", text,
                          flags=re.MULTILINE)
    text, other = re.subn(r"^\*\*Outside of it\*\*.*?(?=^Where it does not work$)", "", text,
                          flags=re.DOTALL | re.MULTILINE)
    # A sample of its own would be another patch
    text, sample = re.subn(r"\nA complete driver\n=+\n.*\Z", "", text, flags=re.DOTALL)
    text, page = re.subn(r"; what changes for those of others is in drivers\.rst", "", text)
    if not count or not other or not sample or not page:
        raise Failure("ims.rst is not as upstream/kernel.py has it")
    return text.replace("virtio-irq-spec.rst", "the virtio specification")


def inserted(text, anchor, addition, name, before=False):
    """Text with lines after, or before, the last line that matches."""
    found = list(re.finditer(rf"^{anchor}.*\n", text, re.MULTILINE))
    if not found:
        raise Failure(f"{name}: no line matches '{anchor}'; this kernel is not one that "
                      "upstream/kernel.py knows")
    place_in = found[-1].start() if before else found[-1].end()
    return text[:place_in] + addition + text[place_in:]


def with_id(text, name):
    """virtio_ids.h with the device's."""
    return inserted(text, r"#define VIRTIO_ID_\w+\s+\d+",
                    "#define VIRTIO_ID_IRQ\t\t\t63 /* virtio interrupt controller */\n", name)


class Linux(Project):
    """The kernel's series."""

    name = "linux"

    def __init__(self, build, base, version):
        super().__init__(build, base, version)
        self.place = place()
        self.values.update(measured())
        self._ours = None

    def base_text(self, name):
        """A file of the kernel's."""
        path = self.base / name
        if not path.is_file():
            raise Failure(f"{path}: no such file")
        return path.read_text()

    def ours(self):
        if self._ours is None:
            files = {name: path.read_text() for name, path in self.place.wanted_files().items()
                     if not name.startswith(self.place.TESTDEV)}
            files = transformed(files, version_code(self.base_text("Makefile")),
                                self.build / "work/cocci")
            for name, source in DOCUMENTS.items():
                make = driver_document if source.endswith("architecture.rst") else ims_document
                files[name] = make((TOP / source).read_text())
            # An option is there when its file is named by a patch
            files[OPTION] = files[MAKEFILE] = ""
            self._ours = {name: text.encode() for name, text in files.items()}
        return self._ours

    def partial(self, name, data, present):
        if name in (OPTION, MAKEFILE):
            return self.theirs(present)[name]
        if name != f"{KUNIT}/Makefile":
            return data
        return self.kunit_makefile(data.decode(), present).encode()

    @staticmethod
    def kunit_makefile(text, present):
        """Objects whose sources are there."""
        lines = []
        for line in text.splitlines():
            match = re.match(r"(obj-\S+ \+= )(.*)", line)
            if match:
                objects = [word for word in match[2].split()
                           if f"{KUNIT}/{word.removesuffix('.o')}.c" in present]
                line = match[1] + " ".join(objects) if objects else None
            if line is not None:
                lines.append(line)
        return "".join(f"{line}\n" for line in lines)

    def maintainers(self, present):
        """MAINTAINERS with an entry for what is there."""
        text = self.base_text(MAINTAINERS)
        patterns = [pattern for pattern in ENTRY_FILES
                    if any(covers(pattern, name) for name in present)]
        if not patterns:
            return text
        entry = ENTRY.format(name=self.who[0], email=self.who[1])
        entry += "".join(f"F:\t{pattern}\n" for pattern in sorted(patterns)) + "\n"
        return inserted(text, ENTRY_BEFORE, entry, MAINTAINERS, before=True)

    def kconfig(self, present):
        """The options of the driver and of the suites."""
        text = self.base_text(OPTION)
        if OPTION not in present:
            return text
        entry = "\n" + self.place.KCONFIG
        if f"{KUNIT}/Kconfig" in present:
            entry += f'\nsource "{KUNIT}/Kconfig"\n'
        return inserted(text, "endmenu", entry.lstrip("\n") + "\n", OPTION, before=True)

    def makefile(self, present):
        """The driver's objects, as far as they are there."""
        text = self.base_text(MAKEFILE)
        if MAKEFILE not in present:
            return text
        lines = []
        for line in self.place.makefile_lines(False).splitlines(keepends=True):
            match = re.match(r"virtio_irq-y \+= (\S+)\.o", line)
            source = f"drivers/virtio/{match[1]}.c".replace("virtio/../", "") if match else None
            if not source or source in present:
                lines.append(line)
        if f"{KUNIT}/Makefile" in present:
            lines.append(f"obj-$(CONFIG_VIRTIO_IRQ_KUNIT_TEST) += {KUNIT.rsplit('/', 1)[1]}/\n")
        return inserted(text, r"obj-\$\(CONFIG_VIRTIO\) \+= .*virtio_ring\.o", "".join(lines),
                        MAKEFILE)

    def theirs(self, present):
        ids, index = self.base_text(IDS), self.base_text(INDEX)
        if UAPI in present:
            ids = with_id(ids, IDS)
        for name in sorted(DOCUMENTS):
            if name in present:
                entry = name.rsplit("/", 1)[1].removesuffix(".rst")
                index = inserted(index, r"   \w+", f"   {entry}\n", INDEX)
        texts = {IDS: ids, INDEX: index, MAINTAINERS: self.maintainers(present),
                 OPTION: self.kconfig(present), MAKEFILE: self.makefile(present)}
        return {name: text.encode() for name, text in texts.items()}

    def complaints(self, patch):
        script = self.base / "scripts/checkpatch.pl"
        output = run("perl", script, "--no-tree", "--strict", "--no-summary", "--terse",
                     "--showfile", "--show-types", patch, good=(0, 1))
        return [f"{patch.name}: {line}" for line in unexpected(output)]

    def check_files(self, repository):
        problems = []
        entry = repository.file(MAINTAINERS).decode().split(ENTRY.split("\n", 1)[0])[1]
        patterns = re.findall(r"^F:\t(.*)$", entry.split("\n\n", 1)[0], re.MULTILINE)
        ours = [name for name in repository.files() if name not in THEIRS]
        for name in ours:
            text = repository.file(name).decode()
            problems += matching(text, r"LINUX_VERSION_CODE|KERNEL_VERSION|linux/version\.h", name)
            if not any(covers(pattern, name) for pattern in patterns):
                problems.append(f"{name}: the entry in MAINTAINERS does not have it")
        return problems + self.kernel_doc(repository, [
            name for name in ours if name.endswith((".c", ".h")) and not name.startswith(KUNIT)])

    def kernel_doc(self, repository, names):
        """What the kernel's documentation would warn of."""
        for script in ("tools/docs/kernel-doc", "scripts/kernel-doc.py", "scripts/kernel-doc"):
            if (self.base / script).is_file():
                break
        result = subprocess.run([self.base / script, "-none", "-Wall", "-Werror", *names],
                                cwd=repository.path, text=True, check=False,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return result.stdout.splitlines() or (["kernel-doc failed"] if result.returncode else [])

    def build_all(self, whole):
        """Apply the patches to all of the kernel and build what each of them touches."""
        tree = self.build / "tree/linux"
        repository = Repository(tree)
        if (tree / ".git").is_dir():
            repository.git("reset", "--quiet", "--hard", "base")
        whole("--whole", tree)
        repository.begin(self.theirs(set()), "2026-01-01T00:00:00Z")
        kernels = [Kernel(tree, self.build / f"tree/linux-{value}", value) for value in "ym"]
        problems = []
        for patch in letters(self.output):
            repository.apply([patch])
            touched = repository.git("diff", "--name-only", "HEAD^").splitlines()
            print(f"building {patch.name}", flush=True)
            for kernel in kernels:
                output = kernel.build(touched, "VIRTIO_IRQ" in (tree / OPTION).read_text())
                # At once: what comes later may fail
                print("".join(f"  {line}\n" for line in output), end="", flush=True)
                problems += [f"{patch.name}: {line}" for line in output]
        for kernel in kernels:
            print(f"linking {kernel.out.name}", flush=True)
            kernel.make("vmlinux", "modules")
        return problems


class Kernel:
    """A small kernel that is built, with the driver in it or as a module."""

    def __init__(self, tree, out, value):
        self.tree = tree
        self.out = out
        self.value = value
        self.jobs = os.environ.get("JOBS") or str(os.cpu_count())

    def make(self, *words):
        """Everything that it says but for the commands."""
        result = subprocess.run(
            ["make", "-s", "-C", self.tree, f"O={self.out}", f"-j{self.jobs}", "LOCALVERSION=",
             *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False)
        if result.returncode:
            raise Failure(f"make {' '.join(words)} in {self.out}:\n{result.stdout[-4000:]}")
        return result.stdout

    def build(self, touched, wired):
        """What a patch has touched, as far as there is an option for it; what is said of it."""
        if wired:
            self.configure()
            # The suites are for a driver that is built in
            if self.value == "m" and all(name.startswith(KUNIT) for name in touched
                                         if name not in THEIRS):
                return []
            output = self.make("W=1", *CHECKER, "drivers/virtio/", "drivers/irqchip/")
            missing = [f"{name} is not defined anywhere" for name in self.missing()]
        else:
            objects = [f"{name[:-2]}.o" for name in touched if name.endswith(".c")]
            if not objects or self.value == "m":
                return []
            self.configure()
            output = self.make("W=1", *CHECKER, *objects)
            missing = []
        return missing + [line for line in output.splitlines()
                          if re.search(r"\b(?:warning|error)\b", line)
                          and not line.endswith(CHECKER_NOISE)]

    def missing(self):
        """Names of ours that the driver's objects want and do not have."""
        objects = [path for directory in ("drivers/virtio", "drivers/irqchip", KUNIT)
                   for path in sorted((self.out / directory).glob("*.o"))
                   if "virtio_irq" in path.name or "irq-virtio" in path.name or
                   directory == KUNIT]
        wanted, found = set(), set()
        for line in run("nm", *objects).splitlines():
            kind, name = line.split()[-2:] if len(line.split()) > 1 else ("", "")
            if re.match(r"_*(?:virtio_irq|fake|engine|domain|event)_", name):
                (wanted if kind == "U" else found).add(name)
        return sorted(wanted - found)

    def configure(self):
        """allnoconfig, and what is asked for. An option that is not there yet is none."""
        self.out.mkdir(parents=True, exist_ok=True)
        wanted = self.out.parent / f"{self.out.name}.config"
        wanted.write_text((TOP / "upstream/linux/build.config").read_text() +
                          f"CONFIG_VIRTIO_IRQ={self.value}\nCONFIG_VIRTIO_IRQ_KUNIT_TEST=y\n")
        self.make(f"KCONFIG_ALLCONFIG={wanted}", "allnoconfig")
        found = (self.out / ".config").read_text().splitlines()
        missing = [line for line in (TOP / "upstream/linux/build.config").read_text().splitlines()
                   if line.startswith("CONFIG_") and line not in found]
        if missing:
            raise Failure(f"{self.out}: the kernel has not taken {', '.join(missing)}")


def unexpected(output):
    """Lines of checkpatch, without EXCEPTIONS."""
    for line in output.splitlines():
        match = re.match(r"(.*?):\d+: (?:ERROR|WARNING|CHECK):(\w+):", line)
        if not match or not any(match[2] == kind and fnmatch.fnmatchcase(match[1], pattern)
                                for kind, pattern in EXCEPTIONS):
            yield line


def covers(pattern, name):
    """Does an entry of MAINTAINERS have the file? As scripts/get_maintainer.pl looks at it."""
    if pattern.endswith("/"):
        return name.startswith(pattern)
    return fnmatch.fnmatchcase(name, pattern) and name.count("/") == pattern.count("/")
