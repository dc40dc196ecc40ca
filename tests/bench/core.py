# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""What the device core costs on the host: instructions, memory, time."""

import os
import pathlib
import re
import subprocess
import tempfile

from guest import TOP

# Vectors and endpoints
BY_VECTORS = ((1000, 16), (10000, 16), (100000, 16), (1000000, 16))
BY_ENDPOINTS = ((1000000, 1), (1000000, 64), (1000000, 4096))
SHORT = ((1000, 16), (100000, 16))

# Vectors whose instructions are counted, and whose time is taken
COUNTED = 1000
TIMED = 200000

# Of vectors in these requests; a reset is for all, the others are for one
BATCH = 40
BATCHED = ("alloc", "commit", "release", "free")
OPERATIONS = ("alloc", "commit", "arm", "route", "message", "disarm", "release", "free", "reset")


def build():
    """The program."""
    directory = pathlib.Path(os.environ.get("BUILD", TOP / "build")).resolve() / "host-core"
    subprocess.run(["make", "--no-print-directory", "-s", "-C", str(TOP / "host/core"),
                    f"O={directory}", "bench"], check=True)
    return directory / "bench" / "bench_core"


def per_vector(operation, amount, times, vectors):
    """An amount for some times an operation, as one of each of so many vectors."""
    if operation == "reset":
        return amount / times / vectors
    return amount / times / (BATCH if operation in BATCHED else 1)


def output(words):
    """The program's lines, by their first word."""
    result = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    lines = (line.split() for line in result.stdout.splitlines())
    return {words[0]: [float(word) for word in words[1:]] for words in lines}


def counted(program, vectors, endpoints):
    """Instructions by callgrind: {operation: total}, and how often each was done."""
    with tempfile.TemporaryDirectory() as directory:
        lines = output(["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no",
                        f"--callgrind-out-file={directory}/out", str(program), str(vectors),
                        str(endpoints), str(COUNTED)])
        totals = {}
        for path in pathlib.Path(directory).iterdir():
            text = path.read_text()
            name = re.search(r"^desc: Trigger: Client Request: (\w+)$", text, re.M)
            if name:
                totals[name[1]] = int(re.search(r"^totals: (\d+)$", text, re.M)[1])
    return totals, {name: lines[name][0] for name in totals}


def measure(configurations, say=print):
    """{"VECTORS/ENDPOINTS": numbers}: instructions and rates per vector, memory in bytes."""
    program = build()
    results = {}
    for vectors, endpoints in configurations:
        say(f"core: {vectors} vectors of {endpoints} endpoints")
        timed = output([str(program), str(vectors), str(endpoints), str(min(TIMED, vectors))])
        totals, times = counted(program, vectors, endpoints)
        results[f"{vectors}/{endpoints}"] = {
            "bytes-per-vector": timed["memory"][0],
            "bytes-per-endpoint": timed["memory"][1],
            "instructions": {
                name: round(per_vector(name, totals[name], times[name], vectors), 1)
                for name in OPERATIONS},
            "per-second": {
                name: round(1e9 / per_vector(name, timed[name][1], timed[name][0], vectors))
                for name in OPERATIONS},
        }
    return results
