# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""What fails has to be seen as failed."""

import shutil

import pytest

FAILS = "#!/bin/sh\necho INITRAMFS=/none\nexit 3\n"


def test_make_guest_fails_with_paths(checkout):
    """What comes last in a pipe is not what counts."""
    checkout.replace("tools/paths", FAILS)
    status, output = checkout.run("make", "guest")
    assert status != 0, output


def test_unit_coverage_fails_with_gcov(checkout):
    """The same in the other Makefile."""
    checkout.replace("host/core/tests/run-tests.sh", "#!/bin/sh\n")
    checkout.replace("bin/gcov", f"{FAILS.replace('echo', 'echo File')}")
    # Nothing is compiled: the programs are there
    status, output = checkout.run(
        "make", "-C", "host/core", f"O={checkout.path}/out", "TESTS=", "CORE=", "coverage",
        PATH=f"{checkout.path}/bin:{checkout.env['PATH']}")
    assert status != 0, output


@pytest.mark.parametrize("script", [
    "f() { false; true; }; logged \"$BUILD/log/f\" f",
    "value=$(false; true)",
    "LOCK_DIR=$BUILD locked name false",
    "f() { false; true; }; LOCK_DIR=$BUILD locked name logged \"$BUILD/log/f\" f",
])
def test_a_step_that_fails_is_the_end(checkout, script):
    """In functions that others run, and in what is substituted."""
    status, output = checkout.shell(f"{script}\necho went on")
    assert status != 0 and "went on" not in output, output


def test_logged_keeps_status_and_output(checkout):
    """For the caller and for the user."""
    status, output = checkout.shell(
        'logged "$BUILD/log/x" sh -c "echo some output; exit 7" || echo "status $?"')
    assert status == 0
    assert "status 7" in output and "some output" in output


def test_guest_without_its_modules_is_no_guest(checkout):
    """Each module is copied by itself."""
    status, output = checkout.run("tools/build-guest", "--name", "guest-test",
                                  checkout.path / "none.ko", BUILD=checkout.path / "build")
    assert status != 0, output
    assert "none.ko" in output
    assert not (checkout.path / "build/guest-test/initramfs.cpio").exists()


def test_lint_without_files_is_not_ok(checkout):
    """Outside of git there are no files to look at; none may pass for that."""
    for name in ("spdx", "shellcheck", "python", "kernel-doc"):
        status, output = checkout.run("tools/lint", name)
        assert status != 0 and f"not ok 1 - {name}" in output, output
        assert "not a git repository" in output


def test_lint_of_files_that_are_gone(checkout):
    """A check whose files have moved away has nothing to be content with."""
    checkout.run("git", "init", "--quiet")
    for path in checkout.path.rglob("*.py"):
        path.unlink()
    for path in (checkout.path / "tools").iterdir():
        if path.is_file() and path.read_bytes().startswith(b"#!/usr/bin/python3"):
            path.unlink()
    status, output = checkout.run("tools/lint", "python")
    assert status != 0 and "no file like *.py" in output


def test_lint_goes_no_further_in_a_check_that_failed(checkout):
    """A later step that passes does not make up for it."""
    lint = checkout.path / "tools/lint"
    lint.write_text(lint.read_text().replace("check_spec() {", "check_spec() {\n\tfalse"))
    checkout.replace("tools/check-spec", "#!/bin/sh\n")
    assert "check_spec() {\n\tfalse\n" in lint.read_text()
    status, output = checkout.run("tools/lint", "spec")
    assert status != 0 and "not ok 1 - spec" in output


def test_check_counts_a_build_that_failed(checkout):
    """Even if that keeps no other step from running."""
    checkout.replace("tools/paths", FAILS)
    status, output = checkout.run("tools/check", "build")
    assert status != 0
    assert output.splitlines()[-1] == "0 passed, 1 failed"


def test_check_says_what_a_step_took(checkout):
    """Time of the CPUs besides that on the wall, of all that it started."""
    checkout.replace("tools/paths", "#!/bin/sh\n"
                     "python3 -c 'import time\nwhile time.process_time() < 1.2: pass'\n")
    status, output = checkout.run("tools/check", "build")
    assert status == 0, output
    row = next(line for line in output.splitlines() if line.startswith("build ")).split()
    assert row[:3] == ["build", "1", "0"]
    assert 1 <= int(row[-1]) < 10


def test_check_says_why(checkout):
    """What pytest has against a test is in the summary, where a log that was cut ends."""
    for name in ("tests/tools", "tests/bench"):
        shutil.rmtree(checkout.path / name)
    checkout.replace("tests/tools/test_some.py", "import pytest\n"
                     "@pytest.mark.parametrize('n', [1, 2])\n"
                     "def test_number(n):\n"
                     "    assert n == 1, '\\n'.join(['it is another', *map(str, range(50))])\n")
    checkout.replace("tests/bench/test_none.py", "")
    checkout.replace("tools/paths", "#!/bin/sh\n")
    status, output = checkout.run("tools/check", "tools")
    assert status != 0
    at = output.splitlines().index("FAILED: tools: test_some.py::test_number[2]")
    # All of a report of the kernel's
    assert output.splitlines()[at + 1:at + 52] == ["    AssertionError: it is another",
                                                   *(f"    {line}" for line in range(50))]
    assert output.splitlines()[-1] == "2 passed, 1 failed"


def test_check_says_that_the_machine_stood_still(checkout):
    """Then tests may have failed for that."""
    checkout.replace("tools/paths", "#!/bin/sh\nsleep 2\nkill -STOP $PPID\nsleep 6\n"
                     "kill -CONT $PPID\nsleep 2\n")
    _, output = checkout.run("tools/check", "build")
    assert "The machine stood still for " in output
    assert output.splitlines()[-1] == "1 passed, 0 failed"
