"""``stitch explain``: a list, a lesson, and what is said to a slip of the keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from stitchcli.lessons import lessons


def test_the_list_has_every_code_once(stitch: Any) -> None:
    result = stitch(command="explain")
    assert result.code == 0 and not result.err
    assert [line.split()[0] for line in result.out.splitlines()] == list(lessons())


def test_a_lesson(stitch: Any, snapshot: SnapshotAssertion) -> None:
    result = stitch("st202", command="explain")
    assert result.code == 0 and result.out == snapshot


@pytest.mark.parametrize("code", lessons())
def test_a_lesson_has_all_its_parts(stitch: Any, code: str) -> None:
    out, lesson = stitch(code, command="explain").out, lessons()[code]
    for part in (lesson.title, lesson.what, lesson.severity, lesson.why, lesson.fix):
        assert part in out
    assert lesson.parts.says in out


def test_a_lesson_on_a_console_with_ascii_only(stitch: Any) -> None:
    result = stitch("ST204", command="explain", encoding="ascii")
    assert result.code == 0 and result.out.isascii() and "130 -> 192" in result.out


def test_an_unknown_code_is_2(stitch: Any) -> None:
    result = stitch("ST10l", command="explain")
    assert result.code == 2 and not result.out and "did you mean 'ST10" in result.err
