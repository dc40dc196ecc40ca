# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""tools/series, without the sources that the series are against."""

import shutil
import sys

import docutils.core
import pytest

from conftest import TOP

sys.path.insert(0, str(TOP / "upstream"))
# pylint: disable=wrong-import-position,import-error
import kernel  # noqa: E402
import patchset  # noqa: E402
import qemu  # noqa: E402
import virtio_spec  # noqa: E402

needs_unifdef = pytest.mark.skipif(not shutil.which("unifdef"), reason="make series installs it")
needs_spatch = pytest.mark.skipif(not shutil.which("spatch") or not shutil.which("unifdef"),
                                  reason="make series installs it")

needs_format = pytest.mark.skipif(not shutil.which("clang-format-16"),
                                  reason="make series installs it")

HEAD = "# SPDX-License-Identifier: GPL-2.0-only\n# Whose it is\n\n"


def patch_of(name, *patterns):
    """A patch with these files."""
    return patchset.Patch(name, f"{name}: Add it\n", list(patterns))


def test_text_of_a_patch(tmp_path):
    """The head is for the checkout, the message is filled in."""
    path = tmp_path / "01-one.txt"
    path.write_text(f"{HEAD}part: Add it\n\nAgainst @VERSION@.\n\n{patchset.FILES}\na/*.c\nb.h\n")
    patch = patchset.read_patch(path, {"VERSION": "7.3"})
    assert patch.message == "part: Add it\n\nAgainst 7.3.\n"
    assert patch.subject == "part: Add it"
    assert patch.patterns == ["a/*.c", "b.h"]


@pytest.mark.parametrize("text", ["part: Add it\n", f"part: Add it\n\n{patchset.FILES}\n",
                                  f"part: @NOBODY@\n\n{patchset.FILES}\na\n"])
def test_text_that_is_no_patch(tmp_path, text):
    """No files, or something that nobody knows."""
    path = tmp_path / "01-one.txt"
    path.write_text(HEAD + text)
    with pytest.raises(patchset.Failure):
        patchset.read_patch(path, {})


def test_files_belong_to_the_first_patch():
    """And each one to one of them."""
    patches = [patch_of("one", "a/x_*.c"), patch_of("two", "a/*.c", "b.h")]
    assert patchset.assign(patches, ["a/x_1.c", "a/y.c", "b.h"]) == [["a/x_1.c"], ["a/y.c", "b.h"]]


@pytest.mark.parametrize("files", [["a/x_1.c", "a/y.c", "b.h", "c.h"], ["a/x_1.c", "a/y.c"]])
def test_files_and_patterns_that_are_left(files):
    """A file without a patch, a pattern without a file."""
    with pytest.raises(patchset.Failure, match="c.h|b.h"):
        patchset.assign([patch_of("one", "a/x_*.c"), patch_of("two", "a/*.c", "b.h")], files)


class Small(patchset.Project):
    """A project of two patches that also change a file of the project's."""

    name = "small"
    files = {"new/a.c": b"int a;\n", "new/b.c": b"int b;\n"}
    complaint = None

    def __init__(self, directory):
        super().__init__(directory / "build", directory, "1")
        self.directory = directory
        for number, name in enumerate("ab", 1):
            path = directory / f"texts/patches/0{number}-{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{HEAD}new: Add {name}\n\nWhy.\n\n{patchset.FILES}\nnew/{name}.c\n")
        (directory / "texts/cover.txt").write_text(f"{HEAD}new: Two files\n\nBoth.\n")

    @property
    def texts(self):
        return self.directory / "texts"

    def ours(self):
        return self.files

    def theirs(self, present):
        return {"Makefile": "".join(f"obj-y += {name[4]}.o\n" for name in sorted(present)).encode()
                + b"obj-y += c.o\n"}

    def complaints(self, patch):
        return [self.complaint] if self.complaint else []


@pytest.fixture(name="small")
def small_project(tmp_path):
    """Its series, made."""
    project = Small(tmp_path)
    project.make()
    return project


def test_series_is_made_and_checked(small):
    """One patch after the other, each with its part of the project's own file."""
    cover, *patches = sorted(small.output.iterdir())
    assert "Subject: [PATCH 0/2] new: Two files" in cover.read_text()
    assert [path.name for path in patches] == ["0001-new-Add-a.patch", "0002-new-Add-b.patch"]
    first = patches[0].read_text()
    assert "Signed-off-by: " in first and "+obj-y += a.o" in first and "b.o" not in first
    assert small.check() == []


def test_series_of_another_checkout(small):
    """What has changed since is named."""
    small.files = {**small.files, "new/a.c": b"long a;\n"}
    assert [problem.split(":")[0] for problem in small.check()] == ["new/a.c"]


def test_series_with_complaints(small):
    """For each patch."""
    small.complaint = "too long"
    assert small.check() == ["too long"] * 2


def test_series_that_does_not_apply(small):
    """git says so."""
    path = sorted(small.output.iterdir())[2]
    path.write_text(path.read_text().replace(" obj-y += c.o", " obj-y += d.o"))
    with pytest.raises(patchset.Failure, match="am"):
        small.check()


# The kernel's


def test_versions():
    """As the kernel counts them."""
    assert kernel.version_code("VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\n") == 0x70304
    assert kernel.with_numbers("#if A < KERNEL_VERSION(6, 14, 0)\n") == f"#if A < {0x60e00}\n"


@needs_unifdef
def test_what_is_for_other_kernels_goes():
    """And what does not depend on the version stays."""
    text = ("#ifdef CONFIG_X\nint x;\n#endif\n#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)\n"
            "int old;\n#else\nint new;\n#endif\n")
    assert kernel.decided(text, 0x70304) == "#ifdef CONFIG_X\nint x;\n#endif\nint new;\n"


def test_macros_that_are_functions():
    """Stand where they were used."""
    header = ("#define GENERATOR(name, next)\t\\\n\tint name##_gen(int a)\t\t\\\n\t{\t\\\n"
              "\t\treturn next(a);\t\\\n\t}\n")
    assert kernel.defined_names(header) == {"GENERATOR"}
    assert kernel.with_macros("int b;\n\nGENERATOR(nth, nth_next)\n", header) == (
        "int b;\n\nint nth_gen(int a)\n{\n\treturn nth_next(a);\n}\n")


def our_names():
    """All files of the kernel's series."""
    place = kernel.place()
    names = {name for name in place.wanted_files() if not name.startswith(place.TESTDEV)}
    return names - set(kernel.COMPAT) | set(kernel.DOCUMENTS) | {kernel.OPTION, kernel.MAKEFILE}


def test_every_file_is_in_a_patch():
    """The texts know all that the checkout has, and nothing else."""
    patches = patchset.read_patches(TOP / "upstream/linux/patches", {})
    patchset.assign(patches, our_names())
    for patch in patches:
        assert max(map(len, patch.message.splitlines())) <= 75, patch.name
        assert not patch.subject.endswith(".") and ": " in patch.subject


def test_maintainers_have_every_file():
    """By the patterns of the entry."""
    for name in our_names() - set(kernel.THEIRS):
        assert any(kernel.covers(pattern, name) for pattern in kernel.ENTRY_FILES), name
    assert not kernel.covers("drivers/virtio/virtio_irq*", "drivers/virtio/virtio_irq_kunit/a.c")


def test_suites_one_after_the_other():
    """The makefile has what is there."""
    text = "ccflags-y += -I$(src)\n\nobj-y += a.o b.o\nobj-$(CONFIG_X) += c.o\n"
    present = {f"{kernel.KUNIT}/{name}.c" for name in "a"}
    assert kernel.Linux.kunit_makefile(text, present) == "ccflags-y += -I$(src)\n\nobj-y += a.o\n"
    present = {f"{kernel.KUNIT}/{name}.c" for name in "abc"}
    assert kernel.Linux.kunit_makefile(text, present) == text


@needs_spatch
def test_code_for_the_newest_kernel(tmp_path):
    """Of the checkout as it is: nothing of what is for others is left, and all else is."""
    place = kernel.place()
    files = {name: path.read_text() for name, path in place.wanted_files().items()
             if not name.startswith(place.TESTDEV)}
    found = kernel.transformed(files, 0x70304, tmp_path)
    assert set(found) == set(files) - set(kernel.COMPAT)
    text = "".join(found.values())
    for word in ("LINUX_VERSION_CODE", "KERNEL_VERSION", "compat.h", "dma_dev", "premap",
                 "Documentation/ims.rst"):
        assert word not in text
    assert "IRQCHIP_MOVE_DEFERRED" in text and "msi_teardown" in text
    changed = [name for name in found if found[name] != files[name]]
    assert len(changed) < len(files) / 2


def test_documents():
    """Only what is about the driver, and well-formed."""
    for name, make in (("architecture.rst", kernel.driver_document),
                       ("ims.rst", kernel.ims_document)):
        text = make((TOP / "Documentation" / name).read_text())
        docutils.core.publish_doctree(text, settings_overrides={"halt_level": 2})
        for word in ("host/", "tests/", "tools/", "QEMU", "make shell", "compat", "spec.rst"):
            assert word not in text, (name, word)


def test_complaints_that_are_expected():
    """By type and file."""
    lines = ["include/trace/events/x.h:3: CHECK:OPEN_ENDED_LINE: no",
             "drivers/virtio/virtio_irq_a.c:3: CHECK:OPEN_ENDED_LINE: no", "ERROR: what"]
    assert list(kernel.unexpected("\n".join(lines))) == lines[1:]


# QEMU's


@needs_unifdef
def test_what_is_for_other_versions_goes():
    """By numbers, and by headers that are there."""
    text = ('#if __has_include("new.h")\n#include "new.h"\n#else\n#include "old.h"\n#endif\n'
            "#if QEMU_VERSION_MAJOR > 10 || \\\n    (QEMU_VERSION_MAJOR == 10 && "
            "QEMU_VERSION_MINOR >= 1)\nint a;\n#else\nint b;\n#endif\n")
    assert qemu.without_versions(text, (10, 0), {"new.h"}.__contains__) == (
        '#include "new.h"\nint b;\n')
    assert qemu.without_versions(text, (10, 1), set().__contains__) == (
        '#include "old.h"\nint a;\n')


@needs_unifdef
def test_compat_header_of_qemu():
    """All that it has is put where it is used."""
    header = qemu.without_versions((TOP / "host/qemu/compat.h").read_text(), (10, 0),
                                   lambda name: True)
    includes, rules = qemu.compat_rules(header)
    assert '#include "system/memory.h"\n' in includes
    text = ('#include "compat.h"\nstatic COMPAT_PROPERTY p[] = {\n    P,\n'
            "    COMPAT_PROPERTIES_END\n};\nvoid f(COMPAT_CLASS_DATA *data);\n"
            "bool g(S *s)\n{\n    return pci_device_is_on(s->pdev);\n}\n")
    assert qemu.without_compat(text, ['#include "a.h"\n'], rules) == (
        '#include "a.h"\nstatic const Property p[] = {\n    P,\n};\nvoid f(void *data);\n'
        "bool g(S *s)\n{\n    return s->pdev->enabled;\n}\n")
    with pytest.raises(patchset.Failure, match="int other"):
        qemu.compat_rules(header + "int other;\n")


def test_comments_and_macros_of_qemu():
    """As its checkpatch wants them."""
    assert qemu.block_comments("    /* One\n     * two. */\n/* three */\n") == (
        "    /*\n     * One\n     * two.\n     */\n/* three */\n")
    assert qemu.macro_operators("#define A(i, j) \\\n    ((i)*4 + (j)-1)\nx = (int)-1;\n") == (
        "#define A(i, j) \\\n    ((i) * 4 + (j) - 1)\nx = (int)-1;\n")


@needs_format
def test_style_of_qemu():
    """Spaces and braces."""
    assert qemu.restyled("// SPDX-License-Identifier: X\nint f(int a)\n{\n\tif (a)\n\t\treturn 1;"
                         "\t/* one */\n\treturn 0;\n}\n") == (
        "/* SPDX-License-Identifier: X */\nint f(int a)\n{\n    if (a) {\n        return 1; "
        "/* one */\n    }\n    return 0;\n}\n")


def device_files():
    """Names of the device's files, of which none is VFIO's."""
    return {name for name in qemu.integrate().our_files()
            if not qemu.VFIO.fullmatch(name)} - {"compat.h"}


def test_every_file_is_in_a_patch_of_qemu():
    """As for the kernel."""
    patches = patchset.read_patches(TOP / "upstream/qemu/patches", {})
    names = {f"{qemu.integrate().DIRECTORY}/{name}" for name in device_files()}
    patchset.assign(patches, names | {qemu.UAPI, qemu.QTEST, qemu.DOCUMENT, qemu.KVM})
    for patch in patches:
        assert max(map(len, patch.message.splitlines())) <= 75, patch.name


def test_files_that_grow():
    """With all files they are what they are, with some they have what these need."""
    qemu_files = TOP / "host/qemu"
    for name, part in (("meson.build", qemu.built), ("trace-events", qemu.traced),
                       ("Kconfig", qemu.kconfig)):
        text = (qemu_files / name).read_text()
        assert part(text, set(qemu.integrate().our_files())) == text
    core = {path.name for path in (TOP / "host/core").glob("*.c")}
    text = qemu.built((qemu_files / "meson.build").read_text(), core)
    assert "virtio_irq_core_files)" in text and "virtio-irq.c" not in text
    text = qemu.traced((qemu_files / "trace-events").read_text(), {"virtio-irq.c"})
    assert "virtio_irq_kick" in text and "ims_testdev" not in text
    assert "IMS_TESTDEV" not in qemu.kconfig((qemu_files / "Kconfig").read_text(), core)


def test_document_of_qemu():
    """Well-formed, and nothing of this repository."""
    text = qemu.document((TOP / "Documentation/usage.rst").read_text())
    docutils.core.publish_doctree(text, settings_overrides={"halt_level": 2})
    for word in ("host/", "tools/", "make qemu", "README", "7.2"):
        assert word not in text, word


# The specification's


def test_chapter():
    """Of the specification as it is."""
    chapter = virtio_spec.Chapter(virtio_spec.SOURCE.read_text())
    assert len(chapter.sections) > 200
    texts = {"description": chapter.text, "device": chapter.conformance("DEV"),
             "driver": chapter.conformance("DRV")}
    assert virtio_spec.problems_of(texts, chapter) == []


def small_chapter(monkeypatch, text):
    """Of a text of ours."""
    monkeypatch.setattr(virtio_spec, "EDITS", ())
    return virtio_spec.Chapter(f"=====\nTitle\n=====\n\n{text}\nRetired numbers\n===============\n")


def test_requirements_stand_in_sections_of_their_own(monkeypatch):
    """As sentences, the driver's first, and are referred to by these sections."""
    chapter = small_chapter(monkeypatch, (
        "Queue_a\n=======\n\nA ``size`` of 2\\ :sup:`32` & ``VIRTIO_X``.\n\n"
        "- **DEV-1** MUST work.\n- **DRV-2** Then it MAY rest, see DEV-1.\n"))
    path = f"{virtio_spec.PATH} / Queue_a"
    assert chapter.text == (
        f"\\section{{{virtio_spec.DEVICE}}}\\label{{sec:{virtio_spec.PATH}}}\n\n"
        f"\\subsection{{Queue_a}}\\label{{sec:{path}}}\n\n"
        "A \\field{size} of 2\\textsuperscript{32} \\& VIRTIO_X.\n\n"
        f"\\drivernormative{{\\subsubsection}}{{Queue_a}}{{{path}}}\n\n"
        f"% DRV-2\nThen it MAY rest, see \\ref{{devicenormative:{path}}}.\n\n"
        f"\\devicenormative{{\\subsubsection}}{{Queue_a}}{{{path}}}\n\n"
        "% DEV-1\nThe device MUST work.\n\n")
    assert f"\\item \\ref{{devicenormative:{path}}}\n" in chapter.conformance("DEV")


@pytest.mark.parametrize("text", ["See DEV-9.\n", "See `Nowhere`_.\n"])
def test_references_to_nothing(monkeypatch, text):
    """Are no chapter."""
    with pytest.raises((patchset.Failure, docutils.utils.SystemMessage)):
        small_chapter(monkeypatch, f"A\n=\n\n{text}")


@pytest.mark.parametrize("text, problem", [
    ("\\label{a}\\label{a}", "twice"), ("\\ref{b}", "label b"), ("\\field{x", "braces"),
    ("\\end{itemize}", "\\begin"), ("% DEV-7\n", "requirement")])
def test_problems_of_latex(monkeypatch, text, problem):
    """Are found."""
    chapter = small_chapter(monkeypatch, "A\n=\n\nText.\n")
    found = virtio_spec.problems_of({"x": text}, chapter)
    assert len(found) == 1 and problem in found[0]
