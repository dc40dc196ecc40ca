# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Pictures of the results, drawn by gnuplot."""

import pathlib
import re
import subprocess

import checks

PHASES = ("alloc", "request", "move", "free", "release")
# The native domain moves an interrupt when the next one comes
KVM_PHASES = {"alloc": ("alloc",), "request": ("request",), "move": ("move", "land"),
              "mask, unmask": ("mask", "unmask"), "free": ("free",), "release": ("release",)}
# The same in every picture, also for those who do not see all colours
COLOURS = {"native": "#7f7f7f", "intel": "#d95f02", "amd": "#e7298a", "virtio-irq": "#1b6ca8",
           "vfio": "#7f7f7f", "vfio-intel": "#d95f02", "virtio-irq-lazy": "#56b4e9"}
OTHER_COLOURS = ("#1b9e77", "#7570b3", "#a6761d", "#666666")
CURVE_COLOURS = ("#7570b3", "#1b9e77", "#56b4e9", "#d95f02", "#a6761d", "#1b6ca8", "#e7298a",
                 "#333333")
# Curves may lie upon each other: then the symbol below is the larger one
SYMBOLS = (4, 6, 8, 10, 12, 14, 1, 2)

HEAD = """set terminal svg size {width},420 font "sans,13" background "white"
set output "{output}"
set title "{title}"
set ylabel "{ylabel}"
set grid ytics lc rgb "#dddddd"
set key outside right top
set border 3
set tics nomirror
set xtics scale 0.5
"""
BARS = """set style data histogram
set style histogram cluster gap 1
set style fill solid border -1
set yrange [0:*]
set offsets 0, 0, graph 0.05, 0
set xtics scale 0
"""


def colour(name, index):
    """Of a contender."""
    return COLOURS.get(name, OTHER_COLOURS[index % len(OTHER_COLOURS)])


def quoted(text):
    """A string of gnuplot's that has nothing special in it."""
    return text.replace("_", "\\\\_")


def block(name, rows):
    """Data within the script."""
    lines = [" ".join(f'"{quoted(cell)}"' if isinstance(cell, str) else f"{cell:g}"
                      for cell in row) for row in rows]
    return f"${name} << EOD\n" + "\n".join(lines) + "\nEOD\n"


def draw(output, script):
    """Run gnuplot."""
    subprocess.run(["gnuplot"], input=script, text=True, check=True)
    path = pathlib.Path(output)
    head, rest = path.read_text(encoding="utf-8").split("\n", 1)
    # Its comment names the version and the user
    rest = re.sub(r"<!--.*?-->\n", "", rest, flags=re.S)
    path.write_text(f"{head}\n<!-- SPDX-License-Identifier: GPL-2.0-or-later -->\n{rest}",
                    encoding="utf-8")


def bars(output, title, ylabel, labels, series, width=900):
    """Groups of bars: series is {name: [value of each label]}."""
    # pylint: disable=too-many-arguments
    rows = [[label, *(values[i] for values in series.values())]
            for i, label in enumerate(labels)]
    plots, numbers = [], []
    for i, name in enumerate(series):
        plots.append(f'$data using {i + 2}:xtic(1) title "{quoted(name)}" '
                     f'lc rgb "{colour(name, i)}"')
        # One bar is left out between groups
        place = (i - (len(series) - 1) / 2) / (len(series) + 1)
        numbers.append(f"$data using ($0 + {place:.4f}):{i + 2}:{i + 2} with labels "
                       'font "sans,9" offset 0, 0.5 notitle')
    draw(output, HEAD.format(output=output, title=quoted(title), ylabel=ylabel, width=width) +
         BARS + block("data", rows) + "plot " + ", ".join(plots + numbers) + "\n")


def curves(output, title, labels, series):
    """Lines over a logarithmic axis: series is {name: [(x, y)]}."""
    places = [x for points in series.values() for x, _ in points]
    script = HEAD.format(output=output, title=quoted(title), ylabel=labels[1], width=760)
    script += (f'set xlabel "{labels[0]}"\nset logscale x\nset yrange [0:*]\n'
               f'set xrange [{min(places) / 1.3:g}:{max(places) * 1.3:g}]\n'
               'set format x "%.0s%c"\nunset mxtics\n')
    plots = []
    for i, (name, points) in enumerate(series.items()):
        script += block(f"data{i}", points)
        size = 1.1 - 0.07 * i
        plots.append(f'$data{i} using 1:2 with linespoints lw 2 pt {SYMBOLS[i % len(SYMBOLS)]} '
                     f'ps {size:.2f} lc rgb "{CURVE_COLOURS[i % len(CURVE_COLOURS)]}" title "{quoted(name)}"')
    draw(output, script + "plot " + ", ".join(plots) + "\n")


def _lives(lives, title, path):
    """Exits, and instructions for each vector in thousands, each contender beside the others."""
    for what, ylabel, scale, name in (
            ("controller", "exits to the controller", 1, "exits"),
            ("instructions", "guest instructions per vector, thousands",
             1000 * checks.VECTORS, "instructions")):
        series = {contender: [round(found[checks.LIFE][phase][what] / scale, 1)
                              for phase in PHASES]
                  for contender, found in lives.items() if checks.LIFE in found}
        bars(path / f"{name}.svg", title, ylabel, PHASES, series)


def _core(core, directory):
    sizes = {tuple(map(int, size.split("/"))): numbers for size, numbers in core.items()}
    names = next(iter(sizes.values()))["instructions"]
    endpoints = min(size[1] for size in sizes if size[0] == min(size[0] for size in sizes))
    vectors = max(size[0] for size in sizes)
    for axis, title, output, chosen in (
            ("vectors", f"Device core, {endpoints} endpoints", "core-vectors",
             sorted(size for size in sizes if size[1] == endpoints)),
            ("endpoints", f"Device core, {vectors} vectors", "core-endpoints",
             sorted(size for size in sizes if size[0] == vectors))):
        place = 0 if axis == "vectors" else 1
        curves(directory / f"{output}.svg", title, (axis, "host instructions per vector"),
               {name: [(size[place], sizes[size]["instructions"][name]) for size in chosen]
                for name in names})


def _delivery(delivery, directory):
    bars(directory / "delivery.svg", "One message, from the function to the APIC",
         "host instructions", ("message",),
         {name: [numbers["instructions"]] for name, numbers in delivery.items()}, width=560)


def _kvm(kvm, directory):
    series = {name: [sum(found[phase][what] for phase in phases for what in checks.EXACT)
                     for phases in KVM_PHASES.values()] for name, found in kvm.items()}
    bars(directory / "kvm.svg", f"{checks.VECTORS} MSI-X vectors of a function by VFIO",
         "exits to QEMU", tuple(KVM_PHASES), series)


def everything(results, directory):
    """All pictures of complete results."""
    _lives(results["life"], f"{checks.VECTORS} MSI-X vectors", directory)
    _core(results["core"], directory)
    _delivery(results["delivery"], directory)
    _kvm(results["kvm"], directory)
