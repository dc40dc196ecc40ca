# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""What each operation would cost at least, and how far from it we are.

Why this is the least is argued in Documentation/performance.rst.
"""

import checks

# Exits, of one vector and of all together: one for each answer that the caller waits
# for, and one for what the host has to learn before it can give it to somebody else
EXITS = {"alloc": (0, 1), "request": (1, 0), "move": (0, 0), "mask": (0, 0),
         "unmask": (0, 0), "free": (0, 0), "release": (0, 1)}
# Of a store's vectors
STORE_EXITS = {"add": EXITS["alloc"], "remove": EXITS["release"]}

# Guest instructions in the virtqueue: a request that is told to the host, and one that is
# left in the ring for later, both with the end of it
TOLD = 530
LEFT = 450
# Of a move: what the kernel and the x86 vector domain do before anybody is asked. The native
# domain does it when the next interrupt comes.
MOVE = 1270
# Besides what the native domain takes: of one vector, of all together
INSTRUCTIONS = {"alloc": (0, TOLD), "request": (TOLD, 0), "mask": (0, 0), "unmask": (0, 0),
                "free": (LEFT, 0), "release": (0, TOLD)}
# ALLOC and ACTIVATE, DEACTIVATE and FREE
HOT = 2 * TOLD + 2 * LEFT


def least_exits(phase, vectors):
    """Of that many vectors."""
    each, together = (EXITS | STORE_EXITS)[phase]
    return each * vectors + together


def least_instructions(phase, vectors, native):
    """Of each vector; native is what it takes natively."""
    if phase == "move":
        return MOVE + LEFT
    each, together = INSTRUCTIONS[phase]
    return native + each + together / vectors


def exits(life, stores):
    """Table: exits to the controller, everybody's and the least."""
    names = [name for name in life if checks.LIFE in life[name]]
    rows = [["", *names, "floor", "above it"]]
    found = {name: {phase: life[name][checks.LIFE][phase]["controller"] for phase in EXITS}
             for name in names}
    found["floor"] = {phase: least_exits(phase, checks.VECTORS) for phase in EXITS}
    for phases in found.values():
        phases["all of it"] = sum(phases.values())
    for phase in found["floor"]:
        ours, least = found[checks.OURS][phase], found["floor"][phase]
        rows.append([phase, *[str(phases[phase]) for phases in found.values()],
                     str(ours - least)])
    for name, commands in stores.items():
        phases = commands[checks.LIFE]
        ours = sum(numbers["controller"] for numbers in phases.values())
        least = sum(least_exits(phase, checks.VECTORS) for phase in phases
                    if phase in EXITS or phase in STORE_EXITS)
        rows.append([f"all of it, {name}", *["" for name in names if name != checks.OURS],
                     str(ours), str(least), str(ours - least)])
    return rows


def instructions(life, times):
    """Table: guest instructions of one vector, everybody's and the least."""
    names = [name for name in life if checks.LIFE in life[name]]
    rows = [["", *names, "floor", "times the floor", "times Intel's"]]

    def row(title, numbers, least):
        ours = numbers[checks.OURS]
        rows.append([title, *[f"{numbers[name]:.0f}" for name in names], f"{least:.0f}",
                     f"{ours / least:.2f}", f"{ours / numbers['intel']:.2f}"])

    for phase in EXITS:
        numbers = {name: life[name][checks.LIFE][phase]["instructions"] / checks.VECTORS
                   for name in names}
        row(phase, numbers, least_instructions(phase, checks.VECTORS, numbers["native"]))
    if all("hot" in life[name] for name in names):
        numbers = {name: life[name]["hot"]["hot"]["instructions"] / times["hot"]
                   for name in names}
        row("hot loop", numbers, numbers["native"] + HOT)
    return rows
