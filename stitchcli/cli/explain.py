"""``stitch explain``: what a code means, why it matters, an example, how to mend it."""

from __future__ import annotations

from textwrap import indent
from typing import Annotated

import typer

from stitchcli.cli.reports import write_text
from stitchcli.lessons import Lesson, find_lesson, lessons


def complete_code(incomplete: str) -> list[str]:
    """The codes that begin so."""
    return [code for code in lessons() if code.startswith(incomplete.upper())]


def explain(
    code: Annotated[
        str | None,
        typer.Argument(
            metavar="CODE",
            help="A code of a report, as in ST101; without it, all codes are listed.",
            autocompletion=complete_code,
        ),
    ] = None,
) -> None:
    """What a code of a report means: why it matters, an example, how to fix it."""
    text = list_text() if code is None else lesson_text(find_lesson(code))
    write_text(text, "table")


def list_text() -> str:
    """Every code and its title, one a line."""
    return "".join(f"{each.code}  {each.title}\n" for each in lessons().values())


def lesson_text(lesson: Lesson) -> str:
    """One lesson, as its parts stand in the rule."""
    parts = [
        f"{lesson.code}: {lesson.title}",
        f"Severity: {lesson.severity}",
        lesson.what,
        f"Why: {lesson.why}",
        f"Example:\n\n{indent(lesson.example, '    ')}",
        f"Fix: {lesson.fix}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
