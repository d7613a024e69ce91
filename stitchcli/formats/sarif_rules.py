"""The codes as SARIF's reporting descriptors, with what ``stitch explain`` says of them."""

from __future__ import annotations

from textwrap import indent
from typing import Any

from stitchcli.formats.findings import CHECK
from stitchcli.lessons import Lesson, lessons

_CHECK = "something that was tried on the edited network failed, or has to be judged"


def rules() -> list[dict[str, Any]]:
    """One descriptor for each code, and one for the checks."""
    return [*(_rule(each) for each in lessons().values()), _checks()]


def _rule(lesson: Lesson) -> dict[str, Any]:
    text = f"{lesson.what}\n\nWhy: {lesson.why}\n\nFix: {lesson.fix}"
    example = f"Example:\n\n{indent(lesson.example, '    ')}"
    return {
        "id": lesson.code,
        "shortDescription": {"text": lesson.title},
        "fullDescription": {"text": lesson.what},
        "help": {"text": f"{text}\n\n{example}", "markdown": f"{text}\n\n{example}"},
        "defaultConfiguration": {"level": lesson.level},
    }


def _checks() -> dict[str, Any]:
    return {
        "id": CHECK,
        "shortDescription": {"text": _CHECK},
        "help": {"text": "Look at the message, and at the edits that are named in the report."},
        "defaultConfiguration": {"level": "error"},
    }
