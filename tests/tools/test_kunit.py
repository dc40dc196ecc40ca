# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""tools/kunit, with a kernel and a kunit.py that are the tests' own."""

import subprocess

import pytest

COMPLETE = "[10:00:00] Testing complete. Ran {} tests: passed: {}"


@pytest.fixture(name="kunit")
def faked_kunit(checkout):
    """kunit(output, status, log): what tools/kunit makes of that, (status, output)."""
    version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "linux-source-6.12"],
                             stdout=subprocess.PIPE, text=True, check=True).stdout
    cache = checkout.path / "cache"
    directory = cache / "kunit" / version
    checkout.replace("tools/place-in-kernel", "#!/bin/sh\n")

    def run(output, status=0, log="", pattern=None):
        (directory / "um").mkdir(parents=True, exist_ok=True)
        (directory / "um/test.log").write_text(log)
        (directory / "output").write_text(output + "\n")
        checkout.replace(directory / "source/tools/testing/kunit/kunit.py",
                         "import pathlib, sys\n"
                         "if sys.argv[1] != 'build':\n"
                         f"    print(pathlib.Path('{directory}/output').read_text(), end='')\n"
                         f"    sys.exit({status})\n")
        return checkout.run("tools/kunit", *([pattern] if pattern else []),
                            VIRTIO_IRQ_CACHE=cache)
    return run


def test_all_passed(kunit):
    """The last line is the sum."""
    status, output = kunit(COMPLETE.format(3, 3))
    assert status == 0 and output.splitlines()[-1] == "3 passed, 0 failed"


def test_a_case_failed(kunit):
    """As kunit.py counts."""
    status, output = kunit(COMPLETE.format(3, "2, failed: 1"), 1)
    assert status != 0 and output.splitlines()[-1] == "2 passed, 1 failed"


def test_skipped_is_not_passed(kunit):
    """Nothing of ours is ever skipped."""
    assert kunit(COMPLETE.format(3, "2, skipped: 1"))[0] != 0


def test_status_of_kunit(kunit):
    """Says more than what it counted."""
    status, output = kunit(COMPLETE.format(3, 3), 1)
    assert status != 0 and "kunit.py ended with status 1" in output


def test_the_kernel_complained(kunit):
    """Whatever the cases say."""
    assert kunit(COMPLETE.format(3, 3), log="WARNING: CPU: 0 at kernel/x.c\n")[0] != 0


def test_pattern_that_matches_nothing(kunit):
    """Is said to be one."""
    status, output = kunit(COMPLETE.format(0, 0), 1, pattern="nothing*")
    assert status != 0 and "no case matches 'nothing*'" in output
