# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""The chapter for the virtio specification: virtio-irq-spec.rst as LaTeX.

docutils reads it. What it is turned into has the form of the specification's device-types: a
description, in which the requirements of each section stand in sections of their own, for
the driver and for the device, and the two lists of conformance clauses. Requirements have no
numbers there; they stay as comments.
"""

import re
import shutil

import docutils.core
import docutils.nodes
import docutils.utils

from patchset import Failure, Project, TOP, filled, without_head

SOURCE = TOP / "Documentation/virtio-irq-spec.rst"
DIRECTORY = "device-types/irq"
DEVICE = "Interrupt Controller Device"
PATH = f"Device Types / {DEVICE}"
REQUIREMENT = re.compile(r"(DEV|DRV)-(\d+)")
SUBJECT = {"DEV": "The device", "DRV": "The driver"}
NORMATIVE = {"DEV": "devicenormative", "DRV": "drivernormative"}
# The driver's come first, as in other chapters
FAMILIES = ("DRV", "DEV")
# By their depth in the source
HEADINGS = ("subsection", "subsubsection", "paragraph", "subparagraph")
INTRODUCTION = "Introduction"
# Sections that speak of the numbers of requirements
LEFT_OUT = ("Profiles", "Retired numbers")

# What is said in another place of the specification. Each is good for something
EDITS = (
    (r"\nThe key words MUST, MUST NOT,.*?\n\n", "\n"),
    (r"The number is provisional: the largest one that existing PCI transport drivers accept\.\s+",
     ""),
)
SPECIAL = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "{": r"\{",
           "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def escaped(text):
    """Text for LaTeX. The specification's preamble has underscores stand for themselves."""
    text = "".join(SPECIAL.get(character, character) for character in text)
    # No ligature
    return text.replace("<<", "<{}<").replace(">>", ">{}>")


def literal(text):
    """What is a field is written as one; names of constants and structures stand as they are."""
    if re.fullmatch(r"[a-z_]\w*(?:\.\w+)*", text):
        return rf"\field{{{escaped(text)}}}"
    if re.fullmatch(r"VIRTIO_\w+|(?:struct|union) \w+", text):
        return escaped(text)
    return rf"\texttt{{{escaped(text)}}}"


def label(titles):
    """The name of a section."""
    return " / ".join([PATH, *titles])


class Chapter:
    """The description, and the normative sections in it."""
    # pylint: disable=too-few-public-methods

    def __init__(self, text):
        for pattern, new in EDITS:
            text, count = re.subn(pattern, new, text, flags=re.DOTALL)
            if count != 1:
                raise Failure(f"{SOURCE.name}: /{pattern}/ matches {count} times; see EDITS in "
                              "upstream/virtio_spec.py")
        self.document = docutils.core.publish_doctree(
            text, settings_overrides={"report_level": 3, "halt_level": 3, "doctitle_xform": True})
        # Label of the normative sections, by family
        self.normative = {family: [] for family in FAMILIES}
        # Section of each requirement, and of each name that is referred to
        self.sections = {}
        self.names = {}
        self._collect(self.document, [])
        self.text = self._head() + self._section(self.document, [])

    def _head(self):
        return f"\\section{{{DEVICE}}}\\label{{sec:{PATH}}}\n\n"

    def _collect(self, node, titles):
        """Where everything is."""
        for child in node.children:
            if not isinstance(child, docutils.nodes.section):
                for item in child.findall(docutils.nodes.list_item):
                    name = requirement(item)
                    if name:
                        self.sections[name] = titles
                continue
            below = self._below(child, titles)
            for name in child["ids"]:
                self.names[name] = below
            self._collect(child, below)

    @staticmethod
    def _below(section, titles):
        """Titles down to a section. The introduction is what is above all others."""
        title = section.next_node(docutils.nodes.title).astext()
        return titles if title == INTRODUCTION else titles + [title]

    def _section(self, node, titles):
        """What is in a section, with the normative ones after its text."""
        parts, inner = [], []
        requirements = {family: [] for family in FAMILIES}
        for child in node.children:
            if isinstance(child, docutils.nodes.section):
                below = self._below(child, titles)
                if below == titles:
                    parts.append(self._section(child, titles).rstrip())
                elif below[-1] not in LEFT_OUT:
                    inner.append(self._heading(below) + self._section(child, below))
            elif isinstance(child, docutils.nodes.bullet_list) and requirement(child[0]):
                for item in child:
                    name = requirement(item)
                    requirements[name.split("-")[0]].append((name, self._requirement(item)))
            else:
                parts.append(self._block(child))
        text = "".join(f"{part}\n\n" for part in parts if part)
        for family in FAMILIES:
            if requirements[family]:
                text += self._normative(family, titles, requirements[family])
        return text + "".join(inner)

    def _heading(self, titles):
        return (f"\\{HEADINGS[len(titles) - 1]}{{{escaped(titles[-1])}}}"
                f"\\label{{sec:{label(titles)}}}\n\n")

    def _normative(self, family, titles, requirements):
        name = label(titles)
        self.normative[family].append(name)
        text = (f"\\{NORMATIVE[family]}{{\\{HEADINGS[len(titles)]}}}{{{escaped(titles[-1])}}}"
                f"{{{name}}}\n\n")
        return text + "".join(f"% {number}\n{sentence}\n\n" for number, sentence in requirements)

    def _requirement(self, item):
        """A requirement as a sentence."""
        parts = [self._block(child) for child in item]
        family = requirement(item).split("-")[0]
        # Its number is written as strong text
        text = re.sub(r"^\\textbf\{\w+-\d+\}\s+", "", "\n\n".join(parts))
        if re.match(r"(MUST|SHOULD|MAY)\b", text):
            text = f"{SUBJECT[family]} {text}"
        return text

    def _block(self, node):
        """One block of text."""
        # pylint: disable=too-many-return-statements
        nodes = docutils.nodes
        if isinstance(node, (nodes.title, nodes.comment, nodes.docinfo, nodes.topic,
                             nodes.pending, nodes.field_list, nodes.target)):
            return ""
        if isinstance(node, nodes.paragraph):
            return self._inline(node)
        if isinstance(node, nodes.literal_block):
            return f"\\begin{{lstlisting}}\n{node.astext()}\n\\end{{lstlisting}}"
        if isinstance(node, (nodes.bullet_list, nodes.enumerated_list)):
            kind = "itemize" if isinstance(node, nodes.bullet_list) else "enumerate"
            items = "".join(f"\\item {self._blocks(item)}\n" for item in node)
            return f"\\begin{{{kind}}}\n{items}\\end{{{kind}}}"
        if isinstance(node, nodes.definition_list):
            items = "".join(f"\\item[{', '.join(self._inline(term) for term in item[:-1])}] "
                            f"{self._blocks(item[-1])}\n" for item in node)
            return f"\\begin{{description}}\n{items}\\end{{description}}"
        if isinstance(node, nodes.table):
            return self._table(node)
        if isinstance(node, nodes.system_message):
            raise Failure(f"{SOURCE.name}: {node.astext()}")
        raise Failure(f"{SOURCE.name}: nothing is known of a {node.tagname}")

    def _blocks(self, node):
        return "\n\n".join(filter(None, (self._block(child) for child in node)))

    def _table(self, table):
        """Columns with more than a few words in them are as wide as their share."""
        widths = [spec["colwidth"] for spec in table.findall(docutils.nodes.colspec)]
        columns = "|".join(f"p{{{0.9 * width / sum(widths):.2f}\\textwidth}}" if width > 30 else "l"
                           for width in widths)
        rows = []
        for row in table.findall(docutils.nodes.row):
            cells = [self._blocks(entry).replace("\n", " ") for entry in row]
            rows.append(" & ".join(cells) + " \\\\ \\hline\n")
        return f"\\begin{{tabular}}{{|{columns}|}}\n\\hline\n{''.join(rows)}\\end{{tabular}}"

    def _inline(self, node):
        """Text with its marks."""
        nodes, parts = docutils.nodes, []
        for child in node.children:
            if isinstance(child, nodes.Text):
                parts.append(self._mentions(escaped(child.astext())))
            elif isinstance(child, nodes.literal):
                parts.append(literal(child.astext()))
            elif isinstance(child, nodes.strong):
                parts.append(f"\\textbf{{{escaped(child.astext())}}}")
            elif isinstance(child, nodes.emphasis):
                parts.append(f"\\emph{{{escaped(child.astext())}}}")
            elif isinstance(child, nodes.superscript):
                parts.append(f"\\textsuperscript{{{escaped(child.astext())}}}")
            elif isinstance(child, nodes.reference):
                parts.append(self._reference(child))
            else:
                raise Failure(f"{SOURCE.name}: nothing is known of a {child.tagname} in text")
        return "".join(parts)

    def _reference(self, node):
        titles = self.names.get(node.get("refid") or
                                docutils.nodes.make_id(node.get("refname", "")))
        if titles is None:
            raise Failure(f"{SOURCE.name}: {node.astext()} refers to no section")
        return f"\\ref{{sec:{label(titles)}}}"

    def _mentions(self, text):
        """Requirements that are named: the section where they are."""
        def section(match):
            titles = self.sections.get(match[0])
            if titles is None:
                raise Failure(f"{SOURCE.name}: {match[0]} is no requirement")
            return f"\\ref{{{NORMATIVE[match[1]]}:{label(titles)}}}"
        return REQUIREMENT.sub(section, text)

    def conformance(self, family):
        """The list of clauses."""
        who = "Device" if family == "DEV" else "Driver"
        kind = DEVICE.removesuffix(" Device")
        title = f"{kind} {who} Conformance"
        clauses = "".join(f"\\item \\ref{{{NORMATIVE[family]}:{name}}}\n"
                          for name in self.normative[family])
        return (f"\\conformance{{\\subsection}}{{{title}}}"
                f"\\label{{sec:Conformance / {who} Conformance / {title}}}\n\n"
                f"An {kind.lower()} {who.lower()} MUST conform to the following normative "
                f"statements:\n\n\\begin{{itemize}}\n{clauses}\\end{{itemize}}\n")


def requirement(item):
    """The number of a list's item, if it is a requirement."""
    strong = item.next_node(docutils.nodes.strong)
    match = REQUIREMENT.fullmatch(strong.astext()) if strong else None
    return match[0] if match and item.astext().startswith(match[0]) else None


def problems_of(texts, chapter):
    """What is wrong with the LaTeX, as far as that can be seen without LaTeX."""
    problems = []
    whole = "".join(texts.values())
    labels = re.findall(r"\\label\{(.*?)\}", whole)
    for family, command in NORMATIVE.items():
        del family
        labels += [f"{command}:{name}" for name in
                   re.findall(rf"\\{command}\{{\\\w+\}}\{{.*?\}}\{{(.*?)\}}", whole)]
    problems += [f"{name} is there twice" for name in sorted(set(labels))
                 if labels.count(name) > 1]
    problems += [f"nothing has the label {name}" for name in
                 sorted(set(re.findall(r"\\ref\{(.*?)\}", whole)) - set(labels))]
    for name, text in texts.items():
        plain = re.sub(r"\\begin\{lstlisting\}.*?\\end\{lstlisting\}", "", text, flags=re.DOTALL)
        plain = re.sub(r"\\[{}]", "", plain)
        if plain.count("{") != plain.count("}"):
            problems.append(f"{name}: braces do not match")
        opened = []
        for kind, environment in re.findall(r"\\(begin|end)\{(\w+)\}", plain):
            if kind == "begin":
                opened.append(environment)
            elif not opened or opened.pop() != environment:
                problems.append(f"{name}: \\end{{{environment}}} has no \\begin")
    numbers = re.findall(r"^% ((?:DEV|DRV)-\d+)$", whole, re.MULTILINE)
    if sorted(numbers) != sorted(chapter.sections):
        problems.append("not every requirement is there once")
    return problems


class VirtioSpec(Project):
    """The chapter. There is no source package to make a patch against."""

    name = "virtio-spec"

    def __init__(self, build):
        super().__init__(build, None, "")
        self.values = {"DEVICE": DEVICE, "DIRECTORY": DIRECTORY}

    def ours(self):
        return {name: text.encode() for name, text in self.texts_of_chapter()[0].items()}

    def theirs(self, present):
        return {}

    def complaints(self, patch):
        return []

    def texts_of_chapter(self):
        """Path -> LaTeX, and what it is made of."""
        chapter = Chapter(SOURCE.read_text())
        texts = {
            f"{DIRECTORY}/description.tex": chapter.text.rstrip() + "\n",
            f"{DIRECTORY}/device-conformance.tex": chapter.conformance("DEV"),
            f"{DIRECTORY}/driver-conformance.tex": chapter.conformance("DRV"),
        }
        self.values["REQUIREMENTS"] = len(chapter.sections)
        texts["README"] = filled(without_head((self.texts / "README.txt").read_text()),
                                 self.values, "README.txt")
        return texts, chapter

    def make(self):
        shutil.rmtree(self.output, ignore_errors=True)
        paths = []
        for name, data in self.ours().items():
            path = self.output / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            paths.append(path)
        return paths

    def check(self):
        texts, chapter = self.texts_of_chapter()
        problems = [f"{name}: not as the checkout has it; run tools/series again"
                    for name, text in texts.items()
                    if not (self.output / name).is_file()
                    or (self.output / name).read_text() != text]
        return problems + problems_of({name: text for name, text in texts.items()
                                       if name.endswith(".tex")}, chapter)

    def build_all(self, whole):
        """There is nothing to build."""
        del whole
        return []
