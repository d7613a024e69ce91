"""What could stand in the place of an expression so that it has another value.

A person who reads ``DoubleConv(cin // 2, cout)`` and needs twice as much writes ``cin``, not 256:
names that are at hand come before numbers, unless numbers are all that stood there.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping
from itertools import combinations, islice
from typing import Any

from stitchcli.words.arithmetic import compute
from stitchcli.written.arguments import Expression

_MOST = 6
_FACTORS = (2, 4, 8, 3)
_SMALL = tuple(range(1, 17))


def alternatives(found: Expression, wanted: Any) -> tuple[str, ...]:
    """At most six texts with the value ``wanted`` where ``found`` stands, the likeliest first."""
    if type(wanted) is not int:
        return (repr(wanted),)
    texts = dict.fromkeys(_texts(found, wanted))
    texts.pop(found.text, None)
    best = list(islice(texts, _MOST))
    return tuple(best) if str(wanted) in best else (*best[: _MOST - 1], str(wanted))


def _texts(found: Expression, wanted: int) -> Iterator[str]:
    values = {n: v for n, v in found.values.items() if type(v) is int and v > 0}
    inside = [name for name, _ in found.names if name in values]
    if _value(found) == 0:  # a quotient that came to nothing
        yield f"max({found.text}, {wanted})"
    names = list(dict.fromkeys([*inside, *values]))
    if not inside and _is_numbers(found.node):
        yield from _other_constant(found.node, wanted, {})
        yield str(wanted)
    if wanted > 1:
        yield from (name for name in names if values[name] == wanted)
        yield from _other_constant(found.node, wanted, values)
        yield from _scaled(inside, values, wanted)
        pairs = combinations(names, 2)
        yield from (f"{a} + {b}" for a, b in pairs if values[a] + values[b] == wanted)


def _value(found: Expression) -> Any:
    """What an expression comes to, where that can be told."""
    try:
        return compute(found.node, found.values)
    except (ArithmeticError, ValueError, TypeError, KeyError):
        return None


def names_for(values: Mapping[str, Any], wanted: int) -> str:
    """A name at hand with this value, or the number itself."""
    return next((n for n, v in values.items() if type(v) is int and v == wanted), str(wanted))


def _scaled(names: list[str], values: Mapping[str, int], wanted: int) -> Iterator[str]:
    for factor in _FACTORS:
        yield from (f"{name} * {factor}" for name in names if values[name] * factor == wanted)
        yield from (
            f"{name} // {factor}"
            for name in names
            if values[name] // factor == wanted and values[name] % factor == 0
        )


def _is_numbers(node: ast.expr) -> bool:
    return all(
        isinstance(each, ast.Constant | ast.BinOp | ast.operator | ast.UnaryOp | ast.unaryop)
        for each in ast.walk(node)
    )


def _other_constant(node: ast.expr, wanted: int, values: Mapping[str, int]) -> Iterator[str]:
    """The expression with one of its numbers, wherever it stands in it, changed: ``32 * 8 * 8`` to
    ``32 * 16 * 16``, ``4 * w`` to ``2 * w``."""
    if isinstance(node, ast.Constant):
        return
    numbers = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
    for number in dict.fromkeys(reversed(numbers)):
        if type(number) is not int:
            continue
        for other in (*_SMALL[1:], *(number * f for f in (2, 4)), *range(18, 129, 2)):
            changed = _Changed(number, other).visit(copy.deepcopy(node))
            try:
                if compute(changed, values) == wanted:
                    yield ast.unparse(changed)
                    break
            except (ArithmeticError, ValueError, TypeError, KeyError):
                return


class _Changed(ast.NodeTransformer):
    """Another number in the place of one."""

    def __init__(self, number: int, other: int) -> None:
        self.number = number
        self.other = other

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        """One constant."""
        return ast.Constant(self.other) if node.value == self.number else node
