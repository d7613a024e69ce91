"""Arithmetic on the measures of a place: ``cin // 2``. Read with ast, never evaluated by Python."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from stitchcli.errors import EditError
from stitchcli.records import Formula

MEASURES = ("cin", "cout", "h", "w")
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}  # fmt: skip
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg, ast.UAdd: operator.pos,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., Any]] = {"min": min, "max": max, "int": int, "abs": abs}
_LARGE = 10**6


def is_formula(node: ast.expr) -> bool:
    """True for arithmetic, and for tuples and lists of it."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int | float)
        case ast.Name(id=name):
            return name in MEASURES
        case ast.BinOp(left=left, op=op, right=right):
            return type(op) in _BINARY and is_formula(left) and is_formula(right)
        case ast.UnaryOp(op=op, operand=operand):
            return type(op) in _UNARY and is_formula(operand)
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
        return _value(tree, measures)
    except (ArithmeticError, ValueError, TypeError) as error:
        raise EditError(
            f"{formula.text!r} cannot be computed: {error}",
            f"here {', '.join(f'{k} is {v}' for k, v in measures.items() if v is not None)}",
        ) from error


def _value(node: ast.expr, measures: Mapping[str, int | None]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return measures[name]
        case ast.BinOp(left=left, op=op, right=right):
            one, other = _value(left, measures), _value(right, measures)
            if isinstance(op, ast.Pow) and (abs(one) > _LARGE or abs(other) > 16):
                raise ValueError("that power is too large")
            return _BINARY[type(op)](one, other)
        case ast.UnaryOp(op=op, operand=operand):
            return _UNARY[type(op)](_value(operand, measures))
        case ast.Tuple(elts=parts):
            return tuple(_value(part, measures) for part in parts)
        case ast.List(elts=parts):
            return [_value(part, measures) for part in parts]
        case ast.Call(func=ast.Name(id=name), args=parts):
            return _FUNCTIONS[name](*(_value(part, measures) for part in parts))
    raise TypeError(f"{type(node).__name__} is not arithmetic")
