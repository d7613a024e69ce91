"""What each code teaches: the docstrings of the rules, read without importing them.

A rule's docstring opens with ``ST101: one sentence.`` and what that means, followed by a line
``Severity: error`` and by paragraphs headed ``Why:``, ``Example:`` (indented: a file, the command,
the first line of the report) and ``Fix:``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from inspect import cleandoc
from pathlib import Path
from textwrap import dedent
from typing import Literal

from stitchcli.errors import StitchError
from stitchcli.words.near import did_you_mean

FOLDER = Path(__file__).parent / "rules"
_HEADINGS = re.compile(r"^(Severity|Why|Example|Fix): ?", re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """A file, empty where a built-in network will do, the command, and what its report says."""

    source: str
    command: str
    says: str


@dataclass(frozen=True)
class Lesson:
    """One code; every field is text as it is printed."""

    code: str
    title: str
    what: str
    severity: str
    why: str
    example: str
    fix: str

    @property
    def level(self) -> Literal["error", "warning", "note"]:
        """The severity that it has by default."""
        word = self.severity.partition(" ")[0].strip(";,.")
        return "warning" if word == "warning" else "note" if word == "note" else "error"

    @property
    def parts(self) -> Example:
        """The example taken apart."""
        source, _, rest = self.example.partition("$ ")
        command, _, says = rest.partition("\n")
        return Example(source.strip("\n"), command.strip(), says.strip())


@cache
def lessons() -> Mapping[str, Lesson]:
    """The lesson of every rule by its code, in the order of the codes."""
    found = (read_lesson(file) for file in sorted(FOLDER.glob("st[0-9]*.py")))
    return {lesson.code: lesson for lesson in found}


def find_lesson(code: str) -> Lesson:
    """The lesson of a code, in upper or lower case. Raises StitchError."""
    found = lessons().get(code.strip().upper())
    if found is None:
        raise StitchError(
            f"there is no code {code!r}",
            did_you_mean(code, lessons()) or "stitch explain lists the codes",
        )
    return found


def read_lesson(file: Path) -> Lesson:
    """What the docstring of a rule says; what it does not say is left empty."""
    text = cleandoc(ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "")
    opening, *rest = _HEADINGS.split(text)
    pairs = zip(rest[::2], rest[1::2], strict=True)
    said = {name: dedent(body.strip("\n")).rstrip() for name, body in pairs}
    first, _, what = opening.partition("\n\n")
    code, _, title = " ".join(first.split()).partition(": ")
    return Lesson(
        code=code,
        title=title.removesuffix("."),
        what=what.strip(),
        severity=" ".join(said.get("Severity", "").split()),
        why=said.get("Why", ""),
        example=said.get("Example", ""),
        fix=said.get("Fix", ""),
    )
