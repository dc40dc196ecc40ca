# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""tools/place-in-qemu, on as much of a QEMU tree as it looks at."""

import pytest

from conftest import TOP

PLACE = TOP / "tools/place-in-qemu"
OURS = "hw/virtio/virtio-irq"
HEADER = "linux-headers/linux/virtio_irq.h"
TRANSLATE = "target/i386/tcg/translate.c"
# Of any version
QEMU = {
    "meson.build": "if have_system\n  trace_events_subdirs += [\n    'hw/virtio',\n  ]\nendif\n",
    "hw/virtio/Kconfig": "config VIRTIO\n    bool\n\nconfig VIRTIO_RNG\n    bool\n",
    "hw/virtio/meson.build": "virtio_pci_ss = ss.source_set()\n",
    "hw/virtio/virtio.c": '#include "qapi/error.h"\n'
                          "const char *virtio_device_names[] = {\n};\n",
    "target/i386/kvm/kvm.c": '#include "hw/pci/msix.h"\n'
                             "    if (iommu) {\n    }\n"
                             "    trace_kvm_x86_add_msi_route(route->gsi);\n"
                             "            trace_kvm_x86_remove_msi_route(virq);\n",
    "hw/vfio/pci.c": "\n",
    "linux-headers/linux/virtio_ids.h": "\n",
}
# Of versions in which our part of VFIO, and what TCG needs, go
OLDER = {
    "hw/vfio/pci.c": '#include "hw/pci/pci_bridge.h"\n'
                     "    trace_vfio_msix_vector_do_use(vdev->vbasedev.name, nr);\n"
                     "    trace_vfio_msix_vector_release(vdev->vbasedev.name, nr);\n"
                     "    vdev->interrupt = VFIO_INT_MSIX;\n"
                     "    msix_unset_vector_notifiers(&vdev->pdev);\n"
                     "static void vfio_msi_enable(VFIOPCIDevice *vdev)\n{\n    int ret, i;\n\n}\n"
                     "    vfio_disable_irqindex(&vdev->vbasedev, VFIO_PCI_MSI_IRQ_INDEX);\n"
                     "                vfio_update_msi(vdev);\n"
                     "static int vfio_msi_setup(VFIOPCIDevice *vdev, int pos, Error **errp)\n",
    "target/i386/tcg/sysemu/svm_helper.c": '#include "cpu.h"\n'
                                           "        cs->interrupt_request |= CPU_INTERRUPT_VIRQ;\n",
    # The line that is ours in one place is QEMU's own in others
    TRANSLATE: "    case 0x1c6:\n        gen_update_cc_op(s);\n        break;\n"
               "    case 0x1c7: /* cmpxchg8b */\n        modrm = x86_ldub_code(env, s);\n",
}
VERSIONS = {"7.2.22": {**QEMU, **OLDER}, "10.0.2": QEMU}


def contents(tree):
    """Every file of a tree."""
    return {str(path.relative_to(tree)): path.read_text()
            for path in tree.rglob("*") if path.is_file()}


def make(tree, files):
    """A tree of these."""
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tree


@pytest.fixture(name="version", params=VERSIONS)
def any_version(request):
    """Of QEMU."""
    return request.param


@pytest.fixture(name="tree")
def small_tree(tmp_path, version):
    """As much of a QEMU as is needed."""
    return make(tmp_path / "qemu", {"VERSION": f"{version}\n", **VERSIONS[version]})


def place(checkout, tree, *options, status=0):
    """Its output."""
    found, output = checkout.run(PLACE, *options, tree)
    assert found == status, output
    return output.split() if status == 0 else output


def test_place_twice(checkout, tree):
    """The second time there is nothing to do, and nothing is touched."""
    changed = place(checkout, tree)
    assert {"meson.build", "hw/virtio/virtio.c", f"{OURS}/virtio-irq.c",
            f"{OURS}/virtio_irq_core.c", f"{OURS}/Kconfig", HEADER} <= set(changed)
    assert len(changed) == len(set(changed))
    before = {path: path.stat().st_mtime_ns for path in tree.rglob("*")}
    assert place(checkout, tree) == []
    assert {path: path.stat().st_mtime_ns for path in tree.rglob("*")} == before


def test_names_are_those_of_what_changed(checkout, tree, version):
    """All of it, and nothing else."""
    changed = place(checkout, tree)
    before = VERSIONS[version]
    found = contents(tree)
    del found["VERSION"]
    assert sorted(changed) == sorted(name for name, text in found.items()
                                     if before.get(name) != text)


@pytest.mark.parametrize("options", [(), ("--link",)])
def test_remove(checkout, tree, version, options):
    """The tree is as it was."""
    placed = place(checkout, tree, *options)
    changed = place(checkout, tree, "--remove")
    assert sorted(changed) == sorted(placed)
    assert contents(tree) == {"VERSION": f"{version}\n", **VERSIONS[version]}
    assert not (tree / OURS).exists()
    assert place(checkout, tree, "--remove") == []


def test_every_line_is_there_once(checkout, tree, version):
    """One that QEMU has elsewhere, too, is not taken for ours."""
    place(checkout, tree)
    place(checkout, tree)
    found = contents(tree)
    assert found["meson.build"].count(f"    '{OURS}',\n") == 1
    if version.startswith("7."):
        lines = found[TRANSLATE].splitlines()
        at = lines.index("    case 0x1c7: /* cmpxchg8b */")
        assert lines[at + 1:at + 5] == ["/* virtio-irq begin */", "        gen_update_cc_op(s);",
                                        "/* virtio-irq end */",
                                        "        modrm = x86_ldub_code(env, s);"]


def test_lines_of_another_version(checkout, tree):
    """Go, where they are not wanted any more."""
    place(checkout, tree)
    placed = contents(tree)
    path = tree / "hw/virtio/virtio.c"
    path.write_text("/* virtio-irq begin */\nint old;\n/* virtio-irq end */\n" + path.read_text())
    (tree / OURS / "virtio-irq-old.c").write_text("int old;\n")
    assert set(place(checkout, tree)) == {"hw/virtio/virtio.c", f"{OURS}/virtio-irq-old.c"}
    assert contents(tree) == placed


def test_marks_that_are_broken(checkout, tree):
    """Nothing is changed then, in either direction."""
    place(checkout, tree)
    path = tree / "hw/virtio/Kconfig"
    path.write_text(path.read_text().replace("# virtio-irq end\n", ""))
    before = contents(tree)
    for options in ((), ("--remove",)):
        assert "hw/virtio/Kconfig: '# virtio-irq begin' stands alone" in place(
            checkout, tree, *options, status=1)
    assert contents(tree) == before


def test_lines_without_marks(checkout, tree):
    """What a checkout of before has put there cannot be told from QEMU's own."""
    path = tree / "meson.build"
    path.write_text(path.read_text().replace("    'hw/virtio',\n",
                                             f"    'hw/virtio',\n    '{OURS}',\n"))
    before = contents(tree)
    for options in ((), ("--remove",)):
        assert "unpack this QEMU again" in place(checkout, tree, *options, status=1)
    assert contents(tree) == before


def test_qemu_that_is_not_known(checkout, tree):
    """It names the file and the line, and half of it is not done."""
    path = tree / "hw/virtio/virtio.c"
    path.write_text(path.read_text().replace("virtio_device_names", "virtio_names"))
    before = contents(tree)
    output = place(checkout, tree, status=1)
    assert output.startswith("place-in-qemu: error: hw/virtio/virtio.c: ")
    assert "virtio_device_names" in output
    assert contents(tree) == before


def test_links(checkout, tree):
    """Are made once, and become files again."""
    changed = place(checkout, tree, "--link")
    link = tree / OURS / "virtio-irq.c"
    assert link.is_symlink() and link.resolve() == TOP / "host/qemu/virtio-irq.c"
    assert (tree / HEADER).is_symlink()
    assert place(checkout, tree, "--link") == []
    again = place(checkout, tree)
    assert f"{OURS}/virtio-irq.c" in again and set(again) < set(changed)
    assert not link.is_symlink()


def test_not_a_qemu(checkout, tmp_path):
    """Nothing is written there."""
    for options in ((), ("--remove",)):
        assert "not an unpacked QEMU source tree" in place(checkout, tmp_path, *options, status=1)
    assert sorted(tmp_path.iterdir()) == [checkout.path]


def test_digests(checkout):
    """Each changes with what it is of."""
    tool = checkout.path / "tools/place-in-qemu"

    def digests():
        found = [checkout.run(tool, option) for option in ("--digest", "--insertions-digest")]
        assert [status for status, _ in found] == [0, 0]
        return [output for _, output in found]

    first = digests()
    assert digests() == first
    source = checkout.path / "host/core/virtio_irq_core.c"
    source.write_text(source.read_text() + "\n")
    second = digests()
    assert second[0] != first[0] and second[1] == first[1]
    tool.write_text(tool.read_text().replace("    virtio_irq_vfio_msix_on(vdev);",
                                             "    virtio_irq_vfio_on(vdev);"))
    third = digests()
    assert third[0] != second[0] and third[1] != second[1]
