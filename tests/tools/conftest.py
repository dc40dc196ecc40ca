# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Fixtures of the tests of the tools."""

import os
import pathlib
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent


class Checkout:
    """A copy of what the tools are made of, in which a test may replace some of it."""

    def __init__(self, path):
        self.path = path
        self.env = {key: value for key, value in os.environ.items()
                    if key not in ("BUILD", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "TESTS")}
        shutil.copy(TOP / "Makefile", path)
        for part in ("tools", "host", "kunit", "drivers", "include", "tests", "upstream"):
            shutil.copytree(TOP / part, path / part, ignore=shutil.ignore_patterns("__pycache__"))

    def replace(self, name, text):
        """A script of the test's instead of one of ours."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        return path

    def run(self, *words, cwd=None, **env):
        """A command in it: its status, and what it said."""
        result = subprocess.run(
            [str(word) for word in words], cwd=cwd or self.path, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            timeout=300, env={**self.env, **{key: str(value) for key, value in env.items()}})
        return result.returncode, result.stdout

    def shell(self, script, **env):
        """Lines of bash that use tools/lib.sh."""
        return self.run("bash", "-c", f"set -euo pipefail\n. tools/lib.sh\n{script}", **env)


@pytest.fixture(name="checkout")
def copied_checkout(tmp_path):
    """In a directory of its own."""
    path = tmp_path / "checkout"
    path.mkdir()
    return Checkout(path)
