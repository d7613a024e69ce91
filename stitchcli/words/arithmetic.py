"""Arithmetic that is read with ast and never evaluated by Python."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}  # fmt: skip
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: operator.not_,
}  # fmt: skip
COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": min, "max": max, "int": int, "abs": abs, "log2": math.log2, "ceil": math.ceil,
}  # fmt: skip
_LARGE = 10**6


def compute(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """The value of an expression. Raises ArithmeticError, ValueError, TypeError, KeyError."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.Name(id=name):
            return names[name]
        case ast.BinOp(left=left, op=op, right=right):
            one, other = compute(left, names), compute(right, names)
            if isinstance(op, ast.Pow) and (abs(one) > _LARGE or abs(other) > 16):
                raise ValueError("that power is too large")
            return BINARY[type(op)](one, other)
        case ast.UnaryOp(op=op, operand=operand):
            return UNARY[type(op)](compute(operand, names))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return COMPARE[type(op)](compute(left, names), compute(right, names))
        case ast.BoolOp(op=op, values=parts):
            found = [bool(compute(part, names)) for part in parts]
            return all(found) if isinstance(op, ast.And) else any(found)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return compute(body if compute(test, names) else orelse, names)
        case ast.Tuple(elts=parts):
            return tuple(compute(part, names) for part in parts)
        case ast.List(elts=parts):
            return [compute(part, names) for part in parts]
        case ast.Call(func=ast.Name(id=name), args=parts, keywords=[]):
            return FUNCTIONS[name](*(compute(part, names) for part in parts))
    raise TypeError(f"{type(node).__name__} is not arithmetic")
