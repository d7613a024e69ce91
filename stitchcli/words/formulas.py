"""Arithmetic on the measures of a place: ``cin // 2``. Read with ast, never evaluated by Python."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from stitchcli.errors import EditError
from stitchcli.records import Formula
from stitchcli.words.arithmetic import BINARY, compute

MEASURES = ("cin", "cout", "h", "w")
_FUNCTIONS = ("min", "max", "int", "abs")


def is_formula(node: ast.expr) -> bool:
    """True for arithmetic, and for tuples and lists of it."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int | float)
        case ast.Name(id=name):
            return name in MEASURES
        case ast.BinOp(left=left, op=op, right=right):
            return type(op) in BINARY and is_formula(left) and is_formula(right)
        case ast.UnaryOp(op=op, operand=operand):
            return isinstance(op, ast.USub | ast.UAdd) and is_formula(operand)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return all(is_formula(part) for part in parts)
        case ast.Call(func=ast.Name(id=name), args=parts, keywords=[]):
            return name in _FUNCTIONS and all(is_formula(part) for part in parts)
    return False


def measures_in(node: ast.expr) -> frozenset[str]:
    """Which of ``cin``, ``cout``, ``h`` and ``w`` an expression names."""
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return frozenset(names & set(MEASURES))


def evaluate(formula: Formula, measures: Mapping[str, int | None]) -> Any:
    """The value of a formula at a place. Raises EditError where a measure is not known there, or
    where it cannot be computed."""
    tree = ast.parse(formula.text, mode="eval").body
    unknown = sorted(name for name in measures_in(tree) if measures.get(name) is None)
    if unknown:
        raise EditError(
            f"{formula.text!r}: {' and '.join(unknown)} are not known here", "give numbers"
        )
    try:
        return compute(tree, measures)
    except (ArithmeticError, ValueError, TypeError) as error:
        raise EditError(
            f"{formula.text!r} cannot be computed: {error}",
            f"here {', '.join(f'{k} is {v}' for k, v in measures.items() if v is not None)}",
        ) from error
