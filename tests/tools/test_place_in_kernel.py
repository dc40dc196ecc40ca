# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""tools/place-in-kernel, on the few files of a kernel tree that it looks at."""

import pytest

from conftest import TOP

PLACE = TOP / "tools/place-in-kernel"
KERNEL = {
    "Kbuild": "",
    "drivers/virtio/virtio_ring.c": "",
    "drivers/irqchip/Kconfig": "menu \"IRQ chip support\"\n\nendmenu\n",
    "drivers/virtio/Makefile": "obj-$(CONFIG_VIRTIO) += virtio.o virtio_ring.o\n",
}


def contents(tree):
    """Every file of a tree."""
    return {str(path.relative_to(tree)): path.read_text()
            for path in tree.rglob("*") if path.is_file()}


@pytest.fixture(name="tree")
def small_tree(tmp_path):
    """As much of a kernel as is needed."""
    for name, text in KERNEL.items():
        path = tmp_path / "linux" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "linux"


def place(checkout, tree, *options, status=0):
    """Its output."""
    found, output = checkout.run(PLACE, *options, tree)
    assert found == status, output
    return output.split()


def test_place_twice(checkout, tree):
    """The second time there is nothing to do."""
    changed = place(checkout, tree)
    assert {"drivers/irqchip/Kconfig", "drivers/virtio/virtio_irq_driver.c",
            "drivers/virtio/virtio_irq_kunit/Kconfig",
            "drivers/virtio/virtio_irq_testdev/Kbuild"} <= set(changed)
    assert place(checkout, tree) == []


def test_driver_only(checkout, tree):
    """No suite, no driver of the test function, and nothing that refers to them."""
    place(checkout, tree, "--driver-only")
    found = contents(tree)
    assert "drivers/virtio/virtio_irq_driver.c" in found
    assert not [name for name in found if "kunit" in name or "testdev" in name]
    kernel = "".join(found[name] for name in KERNEL)
    assert "CONFIG_VIRTIO_IRQ)" in kernel
    assert "KUNIT" not in kernel and "kunit" not in kernel and "testdev" not in kernel.lower()


def test_driver_only_after_everything(checkout, tree, tmp_path):
    """It takes out what is too much, and comes to the same."""
    place(checkout, tree, "--driver-only")
    alone = contents(tree)
    place(checkout, tree)
    assert contents(tree) != alone
    place(checkout, tree, "--driver-only")
    assert contents(tree) == alone
    assert not (tree / "drivers/virtio/virtio_irq_kunit").exists()


@pytest.mark.parametrize("options", [(), ("--driver-only",), ("--gcov",)])
def test_remove(checkout, tree, options):
    """The tree is as it was."""
    place(checkout, tree, *options)
    changed = place(checkout, tree, "--remove")
    assert "drivers/virtio/virtio_irq_driver.c" in changed
    assert contents(tree) == KERNEL
    assert place(checkout, tree, "--remove") == []


def test_remove_keeps_what_is_not_ours(checkout, tree):
    """Objects of a build, and files of the kernel's that have a name like ours."""
    place(checkout, tree)
    for name in ("drivers/virtio/virtio_irq.o", "drivers/virtio/virtio_irq_kunit/x.o",
                 "drivers/irqchip/irq-gic.c"):
        (tree / name).write_text("kept")
    place(checkout, tree, "--remove")
    assert set(contents(tree)) - set(KERNEL) == {
        "drivers/virtio/virtio_irq.o", "drivers/virtio/virtio_irq_kunit/x.o",
        "drivers/irqchip/irq-gic.c"}


def test_lines_of_a_former_version(checkout, tree):
    """Go, where they are not wanted any more."""
    makefile = tree / "drivers/irqchip/Makefile"
    kernel = "obj-$(CONFIG_IRQCHIP)\t\t\t+= irqchip.o\n"
    makefile.write_text(kernel + "# virtio-irq begin\nobj-$(CONFIG_VIRTIO_IRQ) += irq-virtio.o\n"
                        "# virtio-irq end\n")
    assert "drivers/irqchip/Makefile" in place(checkout, tree)
    assert makefile.read_text() == kernel


def test_what_the_driver_needs_is_said(checkout, tree):
    """Where the option is looked at."""
    place(checkout, tree, "--driver-only")
    entry = (tree / "drivers/irqchip/Kconfig").read_text()
    assert "depends on PCI_MSI" in entry and "VIRTIO_PCI" in entry


def test_one_module_of_two_directories(checkout, tree):
    """The option may be m."""
    place(checkout, tree, "--driver-only")
    assert "\ttristate " in (tree / "drivers/irqchip/Kconfig").read_text()
    makefile = (tree / "drivers/virtio/Makefile").read_text().splitlines()
    assert "obj-$(CONFIG_VIRTIO_IRQ) += virtio_irq.o" in makefile
    parts = [line.split()[-1] for line in makefile if line.startswith("virtio_irq-y ")]
    sources = [path for path in tree.rglob("*.c") if path.name != "virtio_ring.c"]
    assert len(parts) == len(sources)
    for part in parts:
        assert (tree / "drivers/virtio" / part).with_suffix(".c").resolve() in sources


def test_not_a_kernel(checkout, tmp_path):
    """Nothing is written there."""
    place(checkout, tmp_path, status=1)
    place(checkout, tmp_path, "--remove", status=1)
    assert not (tmp_path / "drivers").exists()
