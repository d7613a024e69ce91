"""On which line of a TOML file a key stands; tomllib does not say."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

Key = str | int


def line_of(text: str, path: Sequence[Key]) -> int | None:
    """The line, from 1, of the statement that gives a key its value, such as
    ``("tool", "stitch", "model", 1, "target")``; None where there is no such key.

    That is where the shortest part of the file ends that can be read and has the key.
    """
    lines = [f"{line}\n" for line in text.split("\n")]  # TOML has no other line breaks
    if not _has(_read(lines), path):
        return None
    # of the readable parts, the longest known without the key, and the shortest known with it;
    # none that is left to look at is as long as ``below``
    without, having, below = 0, len(lines), len(lines)
    while below - without > 1:
        middle = (without + below) // 2
        parts = ((end, _read(lines[:end])) for end in range(middle, below))
        end, table = next((part for part in parts if part[1] is not None), (0, None))
        if table is None:  # one statement goes on from the middle
            below = middle
        elif _has(table, path):
            having = below = end
        else:
            without = end
    return _first_of_statement(lines, without, having)


def _first_of_statement(lines: list[str], without: int, having: int) -> int:
    """Blank lines and comments ahead of a statement are no part of it."""
    for number in range(without, having):
        stripped = lines[number].strip()
        if stripped and not stripped.startswith("#"):
            return number + 1
    return having


def _read(lines: Sequence[str]) -> dict[str, Any] | None:
    """The table that the lines are; None where they end in the middle of a statement."""
    try:
        return tomllib.loads("".join(lines))
    except tomllib.TOMLDecodeError:
        return None


def _has(table: dict[str, Any] | None, path: Sequence[Key]) -> bool:
    found: Any = table
    for key in path:
        match found:
            case dict() if key in found:
                found = found[key]
            case list() if isinstance(key, int) and key < len(found):
                found = found[key]
            case _:
                return False
    return found is not None
