# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""What a user gets wrong is said at once, and in words that help."""

import pytest

BAD_NAMES = ["with blank", "colon:", "comma,", "dollar$x", "hash#", "paren(", "quote'", "semi;"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_build_directory_with_a_bad_name(checkout, name):
    """By make and by each tool; nothing is left in another place."""
    before = sorted(checkout.path.iterdir())
    build = checkout.path.parent / name
    status, output = checkout.run("make", f"BUILD={build}".replace("$", "$$"), "module")
    assert status != 0 and "BUILD is" in output and "must have no blank" in output
    status, output = checkout.run("tools/build-module", "driver", BUILD=build)
    if "'" not in name:
        assert status != 0 and "BUILD is" in output and "must have no blank" in output
    assert sorted(checkout.path.iterdir()) == before
    assert not build.exists()


def test_checkout_with_a_bad_name(checkout):
    """The same."""
    moved = checkout.path.rename(checkout.path.parent / "our checkout")
    for words in (("make", "unit"), ("tools/build-module", "driver")):
        status, output = checkout.run(*words, cwd=moved)
        assert status != 0 and "checkout is" in output and "must have no blank" in output


@pytest.mark.parametrize("variable", ["VIRTIO_IRQ_CACHE", "XDG_CACHE_HOME", "HOME"])
def test_cache_with_a_bad_name(checkout, variable):
    """Wherever it comes from."""
    checkout.env.pop("VIRTIO_IRQ_CACHE", None)
    checkout.env.pop("XDG_CACHE_HOME", None)
    cache = checkout.path / "a cache"
    status, output = checkout.run("tools/build-qemu", **{variable: cache})
    assert status != 0 and "cache" in output and "must have no blank" in output
    assert not cache.exists()


def test_names_that_are_fine(checkout):
    """Not everything is refused."""
    build = checkout.path / "a-b_c.d+e@f=g~h"
    assert checkout.run("tools/deps", "--list", BUILD=build)[0] == 0
    assert checkout.run("make", "-n", f"BUILD={build}", "clean")[0] == 0


def test_without_home(checkout):
    """The cache is where the user's home is, as the system knows it."""
    for name in ("HOME", "VIRTIO_IRQ_CACHE", "XDG_CACHE_HOME"):
        checkout.env.pop(name, None)
    status, output = checkout.shell('echo "$CACHE"')
    assert status == 0 and output.endswith("/.cache/virtio-irq\n"), output
    assert output != "/.cache/virtio-irq\n"
    assert checkout.run("tools/mutate", "--check")[0] == 0


@pytest.mark.parametrize("jobs", ["abc", "-1", "0"])
def test_jobs(checkout, jobs):
    """Of builds."""
    status, output = checkout.run("tools/deps", "--list", JOBS=jobs)
    assert status != 0 and "JOBS is" in output


@pytest.mark.parametrize("variable,value", [
    ("FUZZ_SECONDS", "abc"), ("FUZZ_SECONDS", "-1"), ("FUZZ_SECONDS", "0"),
    ("FUZZ_SECONDS", "1.5"), ("FUZZ_RUNS", "-1"), ("FUZZ_RUNS", "many"),
])
def test_fuzzer_without_end(checkout, variable, value):
    """It would take these for no limit."""
    status, output = checkout.run("make", "fuzz", f"{variable}={value}")
    assert status != 0 and f"not '{value}'" in output, output
    assert not (checkout.path / "build/host-core/fuzz").exists()


def test_compiler_that_is_missing(checkout):
    """Is not called a missing library."""
    out = f"O={checkout.path}/out"
    status, output = checkout.run("make", "-C", "host/core", out, "CHECK_CC=no-cc", "check")
    assert status != 0 and "no-cc is missing" in output and "cmocka" not in output
    status, output = checkout.run("make", "-C", "host/core", out, "CLANG=no-clang", "fuzz")
    assert status != 0 and "no-clang is missing" in output


def test_pattern_that_matches_no_test_of_pytest(checkout):
    """In the words of the one who typed it."""
    checkout.replace("tools/paths", "#!/bin/sh\n")
    status, output = checkout.run("make", "tools-test", "TESTS=there_is_no_such_test")
    assert status != 0
    assert "no test of tests/tools tests/bench matches TESTS='there_is_no_such_test'" in output


def test_pattern_that_matches_no_mutation(checkout):
    """The same."""
    status, output = checkout.run("make", "mutate", "TESTS=there is no such mutation")
    assert status != 0 and "no mutation matches 'there is no such mutation'" in output


def test_lock_hides_no_name(checkout, tmp_path):
    """What runs under a lock sees the names of who asked for it."""
    status, output = checkout.shell(
        "name=mine directory=here\nshow() { echo \"$name $directory\"; }\nlocked one show",
        VIRTIO_IRQ_CACHE=tmp_path / "cache")
    assert (status, output) == (0, "mine here\n")
    assert (tmp_path / "cache/one.lock").exists()
