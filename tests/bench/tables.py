# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The results as tables, for the terminal and for the documentation."""

import checks
import floors
from core import OPERATIONS

CLASSES = ("controller", "table", "pci")


def number(command):
    """How many vectors a life is of."""
    return int(command.split()[1])


def ordered(results, word):
    """The commands of that kind, by number of vectors."""
    return sorted({command for found in results.values() for command in found
                   if command.split()[0] == word and " " in command}, key=number)


def lives(results, command):
    """Exits of each class and instructions per vector, contenders side by side."""
    results = {name: found for name, found in results.items() if command in found}
    names = list(results)
    vectors = number(command)
    rows = [["", *[f"{name}: exits" for name in names],
             *[f"{name}: instructions" for name in names]]]
    for phase in next(iter(results.values()))[command]:
        found = [results[name][command][phase] for name in names]
        rows.append([phase,
                     *[" + ".join(str(entry[what]) for what in CLASSES) for entry in found],
                     *[f"{entry['instructions'] / vectors:.0f}" for entry in found]])
    return rows


def repeated(results, what):
    """Storm or hot: exits to the controller and instructions, each time."""
    number_of, times = what
    rows = [["", "exits to the controller", "to the table", "instructions"]]
    for name, commands in results.items():
        if number_of not in commands:
            continue
        entry = commands[number_of][number_of]
        rows.append([name, f"{entry['controller'] / times:g}", f"{entry['table'] / times:g}",
                     f"{entry['instructions'] / times:.0f}"])
    return rows


def budgets(found):
    """What is allowed and what was measured."""
    return [["", "measured", "budget", "", ""],
            *[[check.name, f"{check.measured:g}", f"{check.limit:g}", check.unit,
               f"missed, {check.accepted:g} accepted" if check.measured > check.limit and
               check.accepted else "" if check.passed else "MISSED"] for check in found]]


def core(results):
    """Instructions per vector, memory."""
    rows = [["vectors/endpoints", *OPERATIONS, "bytes"]]
    for size, numbers in results.items():
        rows.append([size, *[f"{numbers['instructions'][name]:.0f}" for name in OPERATIONS],
                     f"{numbers['bytes-per-vector']:g}"])
    return rows


def rates(results):
    """Requests and messages per second, in thousands."""
    rows = [["vectors/endpoints", *OPERATIONS]]
    for size, numbers in results.items():
        rows.append([size, *[f"{numbers['per-second'][name] / 1000:.0f}" for name in OPERATIONS]])
    return rows


def delivery(results):
    """Host instructions of a message."""
    return [["", "host instructions"],
            *[[name, str(numbers["instructions"])] for name, numbers in results.items()]]


HOST = (("attach-few-us", "ATTACH and DETACH, few functions attached"),
        ("attach-all-us", "ATTACH and DETACH, all attached"),
        ("first-us", "first ATTACH of a function"),
        ("reset-few-us", "device reset, for each of few functions"),
        ("reset-all-us", "device reset, for each of all"),
        ("turn-one-us", "a request of many vectors"),
        ("turn-ring-us", "a notification for a ring full of them"))


def host(results):
    """CPU time of the host, and memory."""
    return [["", "host's CPU time"],
            *[[title, f"{results[name]:.0f} us"] for name, title in HOST],
            ["functions in all", str(results["functions"])],
            ["requests of 2048 vectors in a turn", f"{results['turn-requests']:g}"],
            ["memory of an attached function", f"{results['attached-kib']:.0f} KiB"]]


def latency(results):
    """Polled waits."""
    return [["host takes", "waits", "99.9 % within", "worst"],
            *[[f"{delay} us", str(numbers["waits"]), f"{numbers['p99.9-us']} us",
               f"{numbers['worst-ns'] / 1000:.1f} us"] for delay, numbers in results.items()]]


def replay(results):
    """After a reset of the device."""
    return [["vectors", "requests", "notifications", "until all is served again"],
            *[[vectors, str(numbers["requests"]), str(numbers["notifications"]),
               f"{numbers['us'] / 1000:.1f} ms"]
              for vectors, numbers in results.items()]]


# Of what any guest has, see tests/kvm/vmexits.py
REST = (("status", "looks at the controller's status"), ("apic", "local APIC and its timer"),
        ("interrupt", "interrupts of the host and of its guest"),
        ("halt", "CPUs that have nothing to do"), ("other", "all others"))


def kvm(results):
    """Exits to QEMU, contenders side by side."""
    rows = [["", *results]]
    phases = {name: {**found, "all of it": {what: sum(numbers[what] for numbers in found.values())
                                            for what in next(iter(found.values()))}}
              for name, found in results.items()}
    for phase in next(iter(phases.values())):
        rows.append([phase, *[" + ".join(str(found[phase][what]) for what in CLASSES)
                              for found in phases.values()]])
    rows.append(["sum", *[str(checks.emulated(found)) for found in results.values()]])
    return rows


def kvm_rest(results):
    """What depends on how long it takes."""
    return [["", *results],
            *[[title, *[str(sum(numbers[what] for numbers in found.values()))
                        for found in results.values()]] for what, title in REST]]


def everything(results):
    """(title, rows) of all there is."""
    life = results.get("life")
    if life:
        for command in ordered(life, "life"):
            yield (f"Life of {number(command)} MSI-X vectors: exits for all of them "
                   "(controller + table + PCI), guest instructions for each",
                   lives(life, command))
        for command in ordered(life, "managed"):
            yield (f"Life of {number(command)} MSI-X vectors, one of them managed for each CPU: "
                   "exits for all of them (controller + table + PCI), guest instructions for each",
                   lives(life, command))
    stores = results.get("stores", {})
    for command in ordered(stores, "life"):
        yield (f"Life of {number(command)} IMS vectors: exits for all of them "
               "(controller + store + PCI), guest instructions for each",
               lives(stores, command))
    everywhere = {**(life or {}), **{f"virtio-irq, {name}": found
                                     for name, found in stores.items()}}
    for what, title in (("storm", "Affinity storm: a move and an interrupt"),
                        ("hot", "Hot loop: add, request, free and remove one vector")):
        if any(what in found for found in everywhere.values()):
            yield title, repeated(everywhere, (what, results["times"][what]))
    if life and all(name in life for name in ("native", "intel", checks.OURS)):
        yield (f"Exits to the controller for {checks.VECTORS} vectors, and the least that there "
               "could be", floors.exits(life, stores))
        yield (f"Guest instructions for each of {checks.VECTORS} vectors, and the least that "
               "there could be", floors.instructions(life, results["times"]))
    if "kvm" in results:
        yield (f"KVM and VFIO: exits to QEMU for {checks.VECTORS} MSI-X vectors (controller + table "
               "+ PCI)", kvm(results["kvm"]))
        yield ("KVM and VFIO: exits meanwhile that are no matter of interrupt controllers, on this "
               "machine", kvm_rest(results["kvm"]))
    if "replay" in results:
        yield "Replay after a reset of the device", replay(results["replay"])
    if "delivery" in results:
        yield "A message, from the function to the APIC", delivery(results["delivery"])
    if "host" in results:
        yield "What the device costs its host, on this machine", host(results["host"])
    if "latency" in results:
        yield "Interrupts off while the guest waits for ACTIVATE", latency(results["latency"])
    if "core" in results:
        yield "Device core: host instructions per vector, and its memory", core(results["core"])
        yield "Device core: thousands per second, one CPU of this machine", rates(results["core"])
    yield "Budgets", budgets(checks.budgets(results))


def text(rows):
    """For a terminal."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join([row[0].ljust(widths[0]),
                                *[cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]])
                     .rstrip() for row in rows)


def rst(title, rows):
    """For the documentation."""
    widths = [max(2, *(len(row[i]) for row in rows)) for i in range(len(rows[0]))]
    rule = "  ".join("=" * width for width in widths)
    # An empty first cell would continue the row above
    lines = ["  ".join((cell or "\\").ljust(width) for cell, width in zip(row, widths)).rstrip()
             for row in rows]
    return "\n".join([title, "-" * len(title), "", rule, lines[0], rule, *lines[1:], rule, ""])
