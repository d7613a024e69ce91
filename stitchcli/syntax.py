"""Source files as syntax trees, each parsed once, and nodes by where they stand."""

from __future__ import annotations

import ast
import linecache
from functools import lru_cache
from io import StringIO
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from stitchcli.records import Site

#: Line, column, end line, end column; lines count from 1, columns are bytes from 0.
Span = tuple[int, int, int, int]
Function = ast.FunctionDef | ast.AsyncFunctionDef
Node = TypeVar("Node", bound=ast.AST)


def source_of(file: str) -> str:
    """The text of a file as it is now; empty where it cannot be read."""
    linecache.checkcache(file)
    return "".join(linecache.getlines(file))


def lines_of(text: str) -> list[str]:
    """The lines of a source, as Python counts them, with their ends: a form feed ends none."""
    return StringIO(text, newline="").readlines()


def tree_of(file: str) -> ast.Module:
    """The syntax tree of a file. Raises SyntaxError, ValueError."""
    return _parsed(source_of(file))


@lru_cache(maxsize=256)
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


def span_of(node: ast.AST) -> Span | None:
    """Where a node stands; None for one that stands nowhere."""
    if not isinstance(node, ast.expr | ast.stmt):
        return None
    return node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0


def span_in(site: Site) -> Span:
    """The span of a site."""
    return site.line, site.col, site.end_line, site.end_col


def expression_at(file: str, span: Span) -> ast.expr | None:
    """The expression that is written at exactly this span of a file."""
    return _expressions(source_of(file)).get(span)


@lru_cache(maxsize=64)
def _expressions(text: str) -> dict[Span | None, ast.expr]:
    """The outermost expression at each span."""
    found: dict[Span | None, ast.expr] = {}
    try:
        for node in ast.walk(_parsed(text)):
            if isinstance(node, ast.expr):
                found.setdefault(span_of(node), node)
    except (SyntaxError, ValueError):
        return {}
    return found


def around(file: str, span: Span, kind: type[Node]) -> Node | None:
    """The innermost node of a kind around a span of a file."""
    first, last = span[:2], span[2:]
    found = None
    try:
        tree = tree_of(file)
    except (SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):  # outer nodes come first
        where = span_of(node) if isinstance(node, kind) else None
        if where and where[:2] <= first and last <= where[2:]:
            found = node
    return found if isinstance(found, kind) else None


def text_of(node: ast.expr, file: str) -> str:
    """An expression as it is written."""
    return ast.get_source_segment(source_of(file), node) or ast.unparse(node)
