"""Call expressions as blocks: ``parallel(self, series(se, eca), merge=mul)``.

They are read with ast and never evaluated.
"""

from __future__ import annotations

import ast
import re
from typing import Any, cast, get_args

from stitchcli.errors import EditError
from stitchcli.records import (
    Block,
    BlockSpec,
    ClassName,
    Formula,
    Itself,
    Matched,
    Merge,
    Parallel,
    Residual,
    Resized,
    Series,
)
from stitchcli.words.formulas import is_formula
from stitchcli.words.near import did_you_mean
from stitchcli.words.scan import Span

MERGES = get_args(Merge)
_EXAMPLE = "write for instance 'parallel(self, series(se, eca), merge=add)'"
# file.py:Class is no Python, so it becomes a name of the same length while ast reads the rest
_PLACE = re.compile(
    r"""'[^']*'|"[^"]*"|(?P<place>(?:[\w.~/-]*\.py|[A-Za-z_][\w.]*):[A-Za-z_]\w*)"""
)


def read_expression(span: Span) -> Block:
    """A call expression as a Block. Raises EditError with a caret."""
    return _Reader(span).read()


class _Reader:
    def __init__(self, span: Span) -> None:
        self.span = span
        self.text = "".join(c if c.isprintable() else " " for c in str(span))
        found = (m for m in _PLACE.finditer(self.text) if m["place"])
        self.places = {match.start(): match["place"] for match in found}
        self.python = self.text
        for start, place in self.places.items():
            end = start + len(place)
            self.python = self.python[:start] + "_" * len(place) + self.python[end:]

    def read(self) -> Block:
        for start, place in self.places.items():
            if re.match(r"\s*=", self.text[start + len(place) :]):
                name, _, word = place.partition(":")
                raise self.span.error(
                    "arguments inside a call stand in brackets",
                    f"write {name}({word}=...)",
                    start + len(name),
                )
        try:
            return self.block(ast.parse(self.python, mode="eval").body)
        except SyntaxError as error:
            at = min(max((error.offset or 1) - 1, 0), len(self.text) - 1)
            raise self.span.error(f"{error.msg.partition('(')[0].strip()}", _EXAMPLE, at) from error
        except (ValueError, MemoryError, RecursionError) as error:
            raise self.span.error("cannot be read", _EXAMPLE) from error

    def block(self, node: ast.expr) -> Block:
        """What stands where a block is wanted: a bare name is one, built for its place."""
        match node:
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                first = self.block(left)
                parts = first.parts if isinstance(left, ast.BinOp) else (first,)  # type: ignore[union-attr]
                return Series((*parts, self.block(right)))
            case ast.Call(func=func, args=args, keywords=keywords):
                return self.call(node, self.name(func), args, keywords)
        name = self.name(node)
        return Itself() if name == "self" else BlockSpec(name)

    def call(
        self, node: ast.Call, name: str, args: list[ast.expr], keywords: list[ast.keyword]
    ) -> Block:
        for each in args:
            if isinstance(each, ast.Starred):
                raise self.error(each, "a starred argument cannot be read", _EXAMPLE)
        match name:
            case "series" | "parallel" | "residual" | "matched" | "resized":
                return self.composite(node, name, tuple(map(self.block, args)), keywords)
            case "self":
                raise self.error(node, "self is not called", "write self alone")
        pairs = tuple((self.keyword(each), self.value(each.value)) for each in keywords)
        return BlockSpec(name, pairs, tuple(map(self.value, args)))

    def composite(
        self, node: ast.Call, name: str, parts: tuple[Block, ...], keywords: list[ast.keyword]
    ) -> Block:
        merge = "add"
        for each in keywords:
            if name != "parallel" or each.arg != "merge":
                known = "merge" if name == "parallel" else "none"
                raise self.error(
                    each.value, f"{name} has no argument {each.arg!r}", f"it takes {known}"
                )
            merge = self.name(each.value)
            if merge not in MERGES:
                help = did_you_mean(merge, MERGES) or f"one of {', '.join(MERGES)}"
                raise self.error(each.value, f"no merge is called {merge!r}", help)
        if name in ("residual", "matched", "resized") and len(parts) != 1:
            raise self.error(node, f"{name} takes one block, got {len(parts)}", _EXAMPLE)
        if not parts:
            raise self.error(node, f"{name} of nothing", _EXAMPLE)
        match name:
            case "series":
                return Series(parts)
            case "residual":
                return Residual(parts[0])
            case "matched":
                return Matched(parts[0])
            case "resized":
                return Resized(parts[0])
        return Parallel(parts, cast(Merge, merge))

    def keyword(self, node: ast.keyword) -> str:
        if node.arg is None:
            raise self.error(node.value, "arguments cannot be unpacked", _EXAMPLE)
        return node.arg

    def value(self, node: ast.expr) -> Any:
        """What stands where an argument is wanted: a bare name is a class, a call is a block."""
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError):
            pass
        if is_formula(node):
            return Formula(ast.unparse(node))
        if isinstance(node, ast.Call | ast.BinOp):
            return self.block(node)
        if isinstance(node, ast.Name | ast.Attribute):
            name = self.name(node)
            if name == "self":
                raise self.error(node, "self is no argument of a block", _EXAMPLE)
            return ClassName(name)
        raise self.error(
            node, "cannot be read as an argument",
            "a number, a string, arithmetic on cin cout h w, a class or a block",
        )  # fmt: skip

    def name(self, node: ast.expr) -> str:
        """A name, a dotted name, ``file.py:Class``, or any of these in quotes."""
        match node:
            case ast.Name(id=name):
                return self.places.get(self.position(node), name)
            case ast.Attribute(value=value, attr=attr):
                return f"{self.name(value)}.{attr}"
            case ast.Constant(value=str(name)) if name.strip() and name != "self":
                return name.strip()
        raise self.error(node, "no block", _EXAMPLE)

    def position(self, node: ast.expr) -> int:
        """Of the node in the text, in characters."""
        return self.characters(node.col_offset)

    def characters(self, offset: int | None) -> int:
        """ast counts bytes."""
        return len(self.python.encode()[:offset].decode(errors="ignore"))

    def error(self, node: ast.expr, message: str, help: str) -> EditError:
        at = self.position(node)
        shown = self.text[at : self.characters(node.end_col_offset)]
        quoted = "" if isinstance(node, ast.Call) or shown in message else f"{shown!r}: "
        return self.span.error(f"{quoted}{message}", help, at)
