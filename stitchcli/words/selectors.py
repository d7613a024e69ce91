"""Selectors as text: ``encoder/conv[k=3,in>=64]@0``."""

from __future__ import annotations

import re
from typing import cast

from stitchcli.records import Condition, Operator, Selector, Word, WordKind
from stitchcli.words.near import did_you_mean
from stitchcli.words.scan import Span, last_group
from stitchcli.words.values import parse_value, print_value

_KINDS = ("name", "type", "family", "role", "op", "re")
_CONDITION = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(!=|<=|>=|==?|<|>)\s*(.+?)\s*")
_INDEX = re.compile(r"-?\d{1,9}")
_SLICE = re.compile(r"(-?\d{1,9})?:(-?\d{1,9})?")
_GRAMMAR = "write [SCOPE/]WHAT[attribute=value,...][@index], for instance 'conv[k=3]@0'"


def parse_selector(text: str | Span) -> Selector:
    """Text as a Selector. Raises EditError with what is wrong and what to write."""
    rest = Span.of(text)
    if str(rest).startswith("re:"):
        return Selector((_parse_word(rest),))
    at: int | tuple[int | None, int | None] | None = None
    if parts := rest.cut_last("@"):
        rest, at = parts[0], _parse_at(parts[1])
    conditions: tuple[Condition, ...] = ()
    rest, inside = _split_conditions(rest)
    if inside:
        conditions = tuple(_parse_condition(part.strip()) for part in inside.split(","))
    return Selector(tuple(_parse_word(step) for step in rest.split("/")), conditions, at)


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


def exactly_label(label: str) -> Selector:
    """The selector of one module, or of one functional call by its label (see Trace.functional),
    whatever else is called like it."""
    owner, slash, call = label.rpartition("/")
    if not slash and not label.startswith("op:"):
        return Selector((Word(label, "name"),))
    op, _, index = call.removeprefix("op:").partition("@")
    words = (Word(owner, "name"),) if owner else ()
    return Selector((*words, Word(op, "op")), (), int(index) if index else None)


def _split_conditions(rest: Span) -> tuple[Span, Span | None]:
    """What stands before the conditions, and the conditions; none where the bracket is part of a
    glob, such as ``down[12]``."""
    parts = last_group(rest, "[")
    return parts if parts and re.search("[=<>]", str(parts[1])) else (rest, None)


def _parse_condition(part: Span) -> Condition:
    match = _CONDITION.fullmatch(str(part))
    if match is None:
        raise part.error(f"{str(part)!r} is not attribute=value", _GRAMMAR)
    return Condition(match[1], cast(Operator, match[2].replace("==", "=")), parse_value(match[3]))


def _parse_at(index: Span) -> int | tuple[int | None, int | None]:
    if _INDEX.fullmatch(str(index)):
        return int(str(index))
    if match := _SLICE.fullmatch(str(index)):
        return (int(match[1]) if match[1] else None, int(match[2]) if match[2] else None)
    raise index.error(f"{'@' + str(index)!r} is no index or slice", "write @0, @-1 or @2:5")


def _parse_word(step: Span) -> Word:
    kind, colon, rest = str(step).partition(":")
    kind = kind.strip()
    if colon and kind in _KINDS:
        word = Word(rest.strip(), cast(WordKind, kind))
    elif colon:
        help = did_you_mean(kind, _KINDS) or f"a prefix is one of {', '.join(_KINDS)}"
        raise step.strip().error(f"unknown prefix {kind!r} in a selector", help)
    else:
        word = Word(str(step).strip())
    if not word.text:
        raise step.error("a part of the selector is empty", _GRAMMAR)
    return word


def _print_word(word: Word) -> str:
    return word.text if word.kind == "any" else f"{word.kind}:{word.text}"
