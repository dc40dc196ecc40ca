# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""A series of patches out of the checkout: what those of all projects have in common.

What a project is to get is a set of files, and of each patch there is a text that says which
of them it brings and why. git makes the patches; nothing here knows the form of one.

A text is PROJECT/patches/NN-NAME.txt: lines with # in front, the message, a line "--- files",
and a pattern of paths on each line. A file belongs to the first patch with a pattern for it.
"""

import dataclasses
import fnmatch
import os
import pathlib
import re
import shutil
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent
FILES = "--- files"
# Who sends it, unless git knows: to be set before anything is sent
PLACEHOLDER = ("The virtio-irq authors", "virtio-irq@example.org")


class Failure(Exception):
    """Why there is no series, or why it is not fit to be sent; shown to the user."""


@dataclasses.dataclass
class Patch:
    """One patch as its text has it."""
    name: str
    message: str
    patterns: list

    @property
    def subject(self):
        """The first line."""
        return self.message.split("\n", 1)[0]


def without_head(text):
    """A text without the lines that say whose it is."""
    lines = text.splitlines()
    while lines and (lines[0].startswith("#") or not lines[0]):
        del lines[0]
    return "\n".join(lines).rstrip() + "\n"


def filled(text, values, name):
    """The text with a value for each @WORD@."""
    def value(match):
        try:
            return str(values[match[1]])
        except KeyError:
            raise Failure(f"{name}: nothing is known of @{match[1]}@") from None
    return re.sub(r"@([A-Z_]+)@", value, text)


def read_patch(path, values):
    """A patch's text."""
    message, mark, patterns = without_head(path.read_text()).partition(f"\n{FILES}\n")
    if not mark or not patterns.split():
        raise Failure(f"{path}: no line '{FILES}' with patterns below it")
    return Patch(path.stem, filled(message, values, path).rstrip() + "\n", patterns.split())


def read_patches(directory, values):
    """All of a project, in order."""
    patches = [read_patch(path, values) for path in sorted(directory.glob("*.txt"))]
    if not patches:
        raise Failure(f"{directory}: no patch here")
    return patches


def assign(patches, files):
    """The files of each patch. Each one belongs somewhere, and each pattern is good for one."""
    shares = [[] for _ in patches]
    unused = {(patch.name, pattern) for patch in patches for pattern in patch.patterns}
    for name in sorted(files):
        found = [(number, pattern) for number, patch in enumerate(patches)
                 for pattern in patch.patterns if fnmatch.fnmatchcase(name, pattern)]
        if not found:
            raise Failure(f"{name}: no patch of the series has it")
        shares[found[0][0]].append(name)
        for number, pattern in found:
            unused.discard((patches[number].name, pattern))
    if unused:
        raise Failure("no such file: " + ", ".join(f"{pattern} ({name})"
                                                   for name, pattern in sorted(unused)))
    return shares


def run(*command, cwd=None, env=None, text=None, good=(0,)):
    """A command's standard output."""
    result = subprocess.run([str(word) for word in command], cwd=cwd, input=text, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                            env={**os.environ, **(env or {})})
    if result.returncode not in good:
        raise Failure(f"'{' '.join(str(word) for word in command)}' ended with status "
                      f"{result.returncode}:\n{(result.stdout + result.stderr).rstrip()}")
    return result.stdout


def author():
    """Name and address of who sends it, as git has them, and whether it has."""
    found = []
    for key in ("user.name", "user.email"):
        variable = {"user.name": "GIT_AUTHOR_NAME", "user.email": "GIT_AUTHOR_EMAIL"}[key]
        found.append(os.environ.get(variable) or run(
            "git", "-c", f"safe.directory={TOP}", "config", key, cwd=TOP, good=(0, 1)).strip())
    return tuple(found) if all(found) else PLACEHOLDER


class Repository:
    """A git repository with as much of a project as the series has to do with.

    In a whole tree the other files lie there, too, and git is not told of them.
    """

    def __init__(self, path, who=PLACEHOLDER):
        self.path = path
        self.env = {
            "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
            "GIT_AUTHOR_NAME": who[0], "GIT_AUTHOR_EMAIL": who[1],
            "GIT_COMMITTER_NAME": who[0], "GIT_COMMITTER_EMAIL": who[1],
        }

    def git(self, *words, **options):
        """One command."""
        return run("git", *words, cwd=self.path, env=self.env, **options)

    def write(self, files):
        """Contents by name."""
        for name, data in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def begin(self, files, date):
        """A new one, with the project's own files."""
        shutil.rmtree(self.path / ".git", ignore_errors=True)
        self.path.mkdir(parents=True, exist_ok=True)
        self.env.update(GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)
        self.git("init", "--quiet", "--initial-branch=series")
        self.write(files)
        self.commit(files, "The project before\n")
        self.git("tag", "base")

    def commit(self, files, message):
        """These files, with Signed-off-by at the end of the message."""
        self.git("add", "--force", "--", *files)
        self.git("commit", "--quiet", "--signoff", "--file=-", text=message)

    def format(self, directory, cover, prefix="PATCH"):
        """The patches, and a letter in front of them whose first line is the subject."""
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        self.git("config", "branch.series.description", cover)
        self.git("format-patch", "--quiet", "--cover-letter", "--cover-from-description=subject",
                 f"--subject-prefix={prefix}", "--no-signature", "--stat=79", "--thread",
                 "--output-directory", directory, "base")

    def apply(self, patches):
        """As who gets them does."""
        self.git("am", "--quiet", *patches)

    def file(self, name):
        """What a file is at the end."""
        return (self.path / name).read_bytes()

    def files(self):
        """Names of all that git knows."""
        return self.git("ls-files").splitlines()


def letters(directory):
    """The patches of a series, without the cover letter."""
    found = sorted(path for path in directory.glob("[0-9]*.patch")
                   if not path.name.startswith("0000-"))
    if not found:
        raise Failure(f"{directory}: no patches; run tools/series first")
    return found


class Project:
    """One series. What differs between projects is in the classes of theirs."""

    name = ""
    prefix = "PATCH"

    def __init__(self, build, base, version):
        self.build = build / "series"
        self.base = base
        self.version = version
        self.who = author()
        self.values = {"VERSION": version}

    @property
    def output(self):
        """Where the patches are."""
        return self.build / self.name

    @property
    def texts(self):
        """Where their texts are."""
        return TOP / "upstream" / self.name

    def ours(self):
        """Path -> contents, of the new files."""
        raise NotImplementedError

    def theirs(self, present):
        """Path -> contents, of the project's own files, when it has these of ours."""
        raise NotImplementedError

    def partial(self, name, data, present):
        """What a file of ours is as long as only these of ours are there."""
        del name, present
        return data

    def states(self):
        """What differs after each patch from what was before: patch, path -> contents"""
        files = self.ours()
        patches = read_patches(self.texts / "patches", self.values)
        present = set()
        before = self.theirs(present)
        for patch, share in zip(patches, assign(patches, files)):
            present.update(share)
            after = self.theirs(present)
            after.update((name, self.partial(name, files[name], present)) for name in present)
            yield patch, {name: data for name, data in after.items() if before.get(name) != data}
            before = after

    def make(self):
        """Write the patches."""
        repository = Repository(self.build / "work" / self.name, self.who)
        shutil.rmtree(repository.path, ignore_errors=True)
        date = run("git", "-c", f"safe.directory={TOP}", "log", "-1", "--format=%aI",
                   cwd=TOP).strip()
        repository.begin(self.theirs(set()), date)
        for patch, changed in self.states():
            repository.write(changed)
            repository.commit(list(changed), patch.message)
        cover = without_head((self.texts / "cover.txt").read_text())
        repository.format(self.output, filled(cover, self.values, "cover.txt"), self.prefix)
        return letters(self.output)

    def applied(self):
        """A tree with what the series touches, as it was before, and the series applied."""
        repository = Repository(self.build / "check" / self.name)
        shutil.rmtree(repository.path, ignore_errors=True)
        repository.begin(self.theirs(set()), "2026-01-01T00:00:00Z")
        repository.apply(letters(self.output))
        return repository

    def expected(self):
        """What the files are to be at the end, by the checkout as it is now."""
        files = self.ours()
        return {**files, **self.theirs(set(files))}

    def differing(self, repository):
        """Files that are not as the checkout has them."""
        expected = self.expected()
        names = set(repository.files()) | set(expected)
        return sorted(name for name in names
                      if name not in expected or not (repository.path / name).is_file()
                      or repository.file(name) != expected[name])

    def complaints(self, patch):
        """What the project's own checks say of a patch."""
        raise NotImplementedError

    def check(self):
        """Problems of the series as it lies there."""
        repository = self.applied()
        problems = [f"{name}: not as the checkout has it; run tools/series again"
                    for name in self.differing(repository)]
        for patch in letters(self.output):
            problems += self.complaints(patch)
        return problems + self.check_files(repository)

    def check_files(self, repository):
        """Problems of the files at the end."""
        del repository
        return []


def matching(text, pattern, name):
    """Lines that match."""
    return [f"{name}:{number}: {line.strip()}"
            for number, line in enumerate(text.splitlines(), 1) if re.search(pattern, line)]
