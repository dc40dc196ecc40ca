# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""How the host of tests/kvm runs, on this machine and on others."""

import pathlib
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "kvm"), str(TESTS / "e2e")]

# pylint: disable=wrong-import-position
from guest import GuestError  # noqa: E402
from nested import Accelerator  # noqa: E402

CPU = "processor\t: 0\nflags\t\t: fpu {} lm\nvmx flags\t: vnmi\n"


def test_without_kvm():
    """TCG, whatever the machine could do."""
    accelerator = Accelerator.choose(False, CPU.format("vmx"))
    assert "accel" not in accelerator.words and accelerator.kvm_module == "kvm-amd"


@pytest.mark.parametrize("flag, module, nested", [("svm", "kvm-amd", "1"),
                                                  ("vmx", "kvm-intel", "Y\n")])
def test_with_kvm(flag, module, nested):
    """The CPU says which KVM it is."""
    asked = []
    accelerator = Accelerator.choose(True, CPU.format(flag),
                                     lambda name: asked.append(name) or nested)
    assert accelerator.words["accel"] == "kvm" and accelerator.kvm_module == module
    assert asked == [module.replace("-", "_")]


@pytest.mark.parametrize("flag, nested, message", [("sse", "1", "cannot run guests"),
                                                   ("svm", "0", "kvm_amd nested=1"),
                                                   ("vmx", "?", "kvm_intel nested=1")])
def test_machines_that_cannot(flag, nested, message):
    """It is said what is missing."""
    with pytest.raises(GuestError, match=message):
        Accelerator.choose(True, CPU.format(flag), lambda name: nested)
