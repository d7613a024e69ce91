"""Reads the broken networks of this folder, and looks at them as their first lines say.

    # stitch inspect st101.py:UNet --input 1x3x64x64
    # wrong: ST101 out_ch

The second line is a code, and the expression at which a person would point.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stitchcli import inspect
from stitchcli.records import Change, Diagnostic, Edit, Report, Site
from stitchcli.words.edits import PARSERS

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """A file, what is inspected in it, and the faults that a person sees."""

    file: Path
    target: str
    input: str
    edits: tuple[Edit, ...]
    wrong: tuple[tuple[str, str], ...]
    device: str = "meta"
    backward: bool = False

    def look(
        self,
        folder: Path | None = None,
        *,
        edits: Sequence[Edit] | None = None,
        input: str = "",
        ignore: Sequence[str] = (),
    ) -> Report:
        """The report, on the file, from its folder, or on a copy of it in another."""
        target = f"{(folder or Path()) / self.file.name}{self.target}"
        return inspect(
            target,
            self.edits if edits is None else edits,
            input=input or self.input,
            device=self.device,
            ignore=ignore,
            backward=self.backward,
        )


def read(file: Path) -> Case:
    """A network's first lines."""
    head, *rest = file.read_text(encoding="utf-8").splitlines()
    words = shlex.split(head.removeprefix("# stitch inspect "))
    backward = "--backward" in words
    words = [word for word in words if word != "--backward"]
    target, options = words[0], list(zip(words[1::2], words[2::2], strict=True))
    assert target.startswith(file.name)
    marks = (line.removeprefix("# wrong: ") for line in rest if line.startswith("# wrong: "))
    return Case(
        file,
        target.removeprefix(file.name),
        dict(options)["--input"],
        tuple(PARSERS[flag](text) for flag, text in options if flag in PARSERS),
        tuple((mark[:5], mark[6:]) for mark in marks),
        dict(options).get("--device", "meta"),
        backward,
    )


CASES = {file.stem: read(file) for file in sorted(FOLDER.glob("s[tp]*.py"))}


def found(report: Report) -> Counter[tuple[str, str]]:
    """Every finding that is no note, also those that were left out of the report."""
    every: Iterable[Diagnostic] = (*report.diagnostics, *report.ignored)
    return Counter(
        (each.code, path)
        for each in every
        if each.severity != "note"
        for path in (each.path, *each.also)
    )


def text_at(site: Site) -> str:
    """What is written at a span."""
    lines = Path(site.file).read_text(encoding="utf-8").splitlines()
    if site.line == site.end_line:
        return lines[site.line - 1][site.col : site.end_col]
    first, *middle, last = lines[site.line - 1 : site.end_line]
    return "\n".join((first[site.col :], *middle, last[: site.end_col]))


def changed(text: str, changes: Iterable[Change]) -> str:
    """A text with changes: a second implementation, for ASCII."""
    lines = text.splitlines(keepends=True)
    starts = [sum(map(len, lines[:index])) for index in range(len(lines) + 1)]
    for change in sorted(changes, key=lambda c: (c.site.line, c.site.col), reverse=True):
        site = change.site
        first, last = starts[site.line - 1] + site.col, starts[site.end_line - 1] + site.end_col
        text = text[:first] + change.after + text[last:]
    return text
