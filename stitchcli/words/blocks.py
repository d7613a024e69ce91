"""Blocks as text: ``se:reduction=8``, ``se+eca``, or a call expression, there and back."""

from __future__ import annotations

import ast
import re
from typing import Any

from stitchcli.records import (
    Block,
    BlockSpec,
    ClassName,
    Formula,
    Itself,
    Matched,
    Parallel,
    Residual,
    Resized,
    Series,
)
from stitchcli.words.expressions import read_expression
from stitchcli.words.formulas import is_formula, measures_in
from stitchcli.words.scan import Span, last_group, top_level
from stitchcli.words.values import parse_value, print_value, split_pair

_BLOCK = "write name, name:argument=value,... or a call such as series(self, se)"
_BARE_NAME = re.compile(r"[^\s\"'()\[\]{}=,+]([^\"'()\[\]{}=,+]*[^\s\"'()\[\]{}=,+])?")
_CALLABLE = re.compile(r"[^\W\d][\w.]*|(?:[\w.~/-]*\.py|[A-Za-z_][\w.]*):[A-Za-z_]\w*")


def parse_block(text: str | Span) -> Block:
    """Text as a Block. Raises EditError with a caret under what is wrong."""
    span = Span.of(text)
    signs = str(span)
    joints = [
        index
        for index, char in top_level(span)
        if char == "+" and not re.match(r"\s*\.?\d", signs[index + 1 :])
    ]
    parts = tuple(_parse_part(part.strip()) for part in span.cut_at(joints))
    return parts[0] if len(parts) == 1 else Series(parts)


def print_block(block: Block) -> str:
    """The inverse of parse_block."""
    if isinstance(block, Series) and len(block.parts) > 1:
        return "+".join(_print_part(part) for part in block.parts)
    return _print_part(block)


def first_name(block: Block) -> str:
    """A name for a block among attributes: ``se``, ``series``."""
    match block:
        case BlockSpec(name=name):
            word = name.rpartition(":")[2].rpartition(".")[2].lower()
            return word if word.isidentifier() else "block"
        case Series(parts=parts):
            named = [first_name(part) for part in parts if not isinstance(part, Itself)]
            return "_".join(dict.fromkeys(named[:3])) or "series"
    return type(block).__name__.lower()


def holds_itself(block: Block) -> bool:
    """Whether ``self``, what stood at the place, is part of the block."""
    match block:
        case Itself():
            return True
        case Series(parts=parts) | Parallel(parts=parts):
            return any(holds_itself(part) for part in parts)
        case Residual(part=part) | Matched(part=part) | Resized(part=part):
            return holds_itself(part)
    return False


def _parse_part(part: Span) -> Block:
    group = last_group(part, "(")
    if group is not None and not group[0].cut_first("="):
        return read_expression(part)
    if str(part) == "self":
        return Itself()
    pieces = part.split(":")
    arguments: tuple[tuple[str, Any], ...] = ()
    if len(pieces) > 1 and "=" in str(pieces[-1]):
        named = part.part(0, pieces.pop().start - part.start - 1)
        pairs = part.part(named.end - part.start + 1).split(",")
        arguments = tuple(_parse_pair(pair.strip(), f"{named}:") for pair in pairs)
        part = named.strip()
    name = ":".join(str(piece).strip() for piece in pieces)
    if not name.strip(": "):
        raise part.error("a block is missing", _BLOCK)
    if wrong := re.search(r"[=,\"']" if ".py" in name else r"[=,\"'()\[\]{}\s]", name):
        at = str(part).find(wrong[0])
        raise part.error(f"{name!r} is not a block", _BLOCK, max(at, 0))
    return BlockSpec(name, arguments)


def _parse_pair(pair: Span, flag: str) -> tuple[str, Any]:
    name, value = split_pair(pair, flag)
    return name, _read_formula(str(value).strip()) or parse_value(str(value))


def _read_formula(text: str) -> Formula | None:
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    return Formula(ast.unparse(tree)) if is_formula(tree) and measures_in(tree) else None


def _print_part(block: Block) -> str:
    if not isinstance(block, BlockSpec) or not _is_bare(block):
        return _print_expression(block)
    pairs = ",".join(f"{name}={_print_bare(value)}" for name, value in block.arguments)
    return f"{block.name}:{pairs}" if pairs else block.name


def _is_bare(block: BlockSpec) -> bool:
    values = (value for _, value in block.arguments)
    return (
        not block.positional
        and bool(_BARE_NAME.fullmatch(block.name))
        and not any(isinstance(value, ClassName | Block) for value in values)
    )


def _print_bare(value: Any) -> str:
    if isinstance(value, Formula):
        text = _compact(value)
        return f"({text})" if "+" in text else text
    text = print_value(value)
    misread = _read_formula(text) is not None or "+" in text
    return repr(value) if isinstance(value, str) and misread else text


def _print_expression(block: Block) -> str:
    match block:
        case Itself():
            return "self"
        case Series(parts=parts):
            return f"series({_print_all(parts)})"
        case Parallel(parts=parts, merge=merge):
            return f"parallel({_print_all(parts)}, merge={merge})"
        case Residual(part=part):
            return f"residual({_print_inner(part)})"
        case Matched(part=part):
            return f"matched({_print_inner(part)})"
        case Resized(part=part):
            return f"resized({_print_inner(part)})"
    values = [_print_value(value) for value in block.positional]
    values += [f"{name}={_print_value(value)}" for name, value in block.arguments]
    return f"{_callable(block.name)}({', '.join(values)})"


def _print_all(parts: tuple[Block, ...]) -> str:
    return ", ".join(_print_inner(part) for part in parts)


def _print_inner(block: Block) -> str:
    """A block as a part of another: without arguments its name is enough."""
    is_name = isinstance(block, BlockSpec) and not block.arguments and not block.positional
    return _callable(block.name) if is_name else _print_expression(block)  # type: ignore[union-attr]


def _callable(name: str) -> str:
    return name if _CALLABLE.fullmatch(name) and name != "self" else repr(name)


def _print_value(value: Any) -> str:
    match value:
        case Formula():
            return _compact(value)
        case ClassName(name=name):
            return _callable(name)
        case BlockSpec() | Itself() | Series() | Parallel() | Residual() | Matched() | Resized():
            return _print_expression(value)
    return repr(value)


def _compact(formula: Formula) -> str:
    return formula.text.replace(" ", "")
