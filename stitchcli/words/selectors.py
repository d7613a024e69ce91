"""Selectors as text: ``encoder/conv[k=3,in>=64]@0``."""

from __future__ import annotations

import re
from typing import cast

from stitchcli.errors import EditError
from stitchcli.records import Condition, Operator, Selector, Word, WordKind
from stitchcli.words.near import did_you_mean
from stitchcli.words.scan import cut_last, last_group, split
from stitchcli.words.values import parse_value, print_value

_KINDS = ("name", "type", "family", "role", "op", "re")
_CONDITION = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(!=|<=|>=|=|<|>)\s*(.+?)\s*")
_INDEX = re.compile(r"-?\d{1,9}")
_SLICE = re.compile(r"(-?\d{1,9})?:(-?\d{1,9})?")
_GRAMMAR = "write [SCOPE/]WHAT[attribute=value,...][@index], for instance 'conv[k=3]@0'"


def parse_selector(text: str) -> Selector:
    """Text as a Selector. Raises EditError with what is wrong and what to write."""
    rest = text.strip()
    at: int | tuple[int | None, int | None] | None = None
    if not rest.startswith("re:") and (parts := cut_last(rest, "@")):
        rest, at = parts[0], _parse_at(parts[1], text)
    conditions: tuple[Condition, ...] = ()
    if rest.endswith("]") and not rest.startswith("re:"):
        rest, inside = _split_conditions(rest, text)
        conditions = tuple(_parse_condition(part, text) for part in split(inside, ",") if inside)
    steps = [rest] if rest.startswith("re:") else split(rest, "/")
    return Selector(tuple(_parse_word(step, text) for step in steps), conditions, at)


def print_selector(selector: Selector) -> str:
    """The inverse of parse_selector."""
    text = "/".join(_print_word(word) for word in selector.words)
    if selector.conditions:
        inside = (f"{c.attribute}{c.operator}{print_value(c.value)}" for c in selector.conditions)
        text += f"[{','.join(inside)}]"
    if isinstance(selector.at, tuple):
        first, last = ("" if end is None else str(end) for end in selector.at)
        return f"{text}@{first}:{last}"
    return text if selector.at is None else f"{text}@{selector.at}"


def exactly(path: str) -> Selector:
    """The selector of the one module at ``path``."""
    return Selector((Word(path),))


def _split_conditions(rest: str, text: str) -> tuple[str, str]:
    """What stands before the conditions, and the conditions; none where the bracket is part of a
    glob, such as ``down[12]``."""
    parts = last_group(rest)
    if parts is None:
        raise EditError(f"selector {text!r} has a ']' without '['", _GRAMMAR)
    return parts if re.search("[=<>]", parts[1]) else (rest, "")


def _parse_condition(part: str, text: str) -> Condition:
    match = _CONDITION.fullmatch(part)
    if match is None:
        raise EditError(f"{part!r} in selector {text!r} is not attribute=value", _GRAMMAR)
    return Condition(match[1], cast(Operator, match[2]), parse_value(match[3]))


def _parse_at(index: str, text: str) -> int | tuple[int | None, int | None]:
    if _INDEX.fullmatch(index):
        return int(index)
    if match := _SLICE.fullmatch(index):
        return (int(match[1]) if match[1] else None, int(match[2]) if match[2] else None)
    raise EditError(
        f"{'@' + index!r} in selector {text!r} is no index or slice", "write @0, @-1 or @2:5"
    )


def _parse_word(step: str, text: str) -> Word:
    kind, colon, rest = step.partition(":")
    if colon and kind in _KINDS:
        word = Word(rest.strip(), cast(WordKind, kind))
    elif colon:
        help = did_you_mean(kind, _KINDS) or f"a prefix is one of {', '.join(_KINDS)}"
        raise EditError(f"unknown prefix {kind!r} in selector {text!r}", help)
    else:
        word = Word(step.strip())
    if not word.text:
        raise EditError(f"selector {text!r} has an empty part", _GRAMMAR)
    return word


def _print_word(word: Word) -> str:
    return word.text if word.kind == "any" else f"{word.kind}:{word.text}"
