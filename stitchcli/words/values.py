"""Values given on the command line: Python literals, ``true``, ``3x3``, or plain words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Any

from stitchcli.words.scan import Span

_WORDS: dict[str, Any] = {"true": True, "false": False, "none": None}
_GRID = re.compile(r"\d+(x\d+)+")
_BARE = re.compile(r"[\w./+%^~-]+")
_NAME = re.compile(r"[A-Za-z_]\w*")


def parse_value(text: str) -> Any:
    """``8``, ``0.5``, ``true``, ``3x3``, ``[1, 2]`` or a word as a Python value."""
    text = text.strip()
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        if _GRID.fullmatch(text):
            return tuple(int(part) for part in text.split("x"))
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text


def print_value(value: Any) -> str:
    """The inverse of parse_value, in the form that needs the fewest shell quotes."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if (
        isinstance(value, tuple)
        and len(value) > 1
        and all(isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in value)
    ):
        return "x".join(str(v) for v in value)
    if isinstance(value, str) and _BARE.fullmatch(value) and parse_value(value) == value:
        return value
    return repr(value)


def collapse(values: tuple[Any, ...]) -> Any:
    """``3`` for ``(3, 3)``, as people write the sizes of a kernel; others as they are."""
    return values[0] if len(set(values)) == 1 else values


def parse_arguments(pairs: Iterable[str | Span], flag: str) -> tuple[tuple[str, Any], ...]:
    """``["a=1", "b=x"]`` as pairs of name and value. Raises EditError."""
    return tuple(_parse_pair(Span.of(pair, f"{flag} "), flag) for pair in pairs)


def split_pair(pair: Span, flag: str) -> tuple[str, Span]:
    """``a=1`` as its name and what is given for it. Raises EditError."""
    name, equals, _ = str(pair).partition("=")
    if not equals or not _NAME.fullmatch(name.strip()):
        raise pair.error(f"{str(pair)!r} is not name=value", f"write {flag} name=value")
    return name.strip(), pair.part(len(name) + 1)


def _parse_pair(pair: Span, flag: str) -> tuple[str, Any]:
    name, value = split_pair(pair, flag)
    return name, parse_value(str(value))
