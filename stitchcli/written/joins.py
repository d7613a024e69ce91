"""Changes where two tensors meet: one is resized to the other, or projected to its width."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from stitchcli.records import Call, Change, Ref, Site
from stitchcli.sources.recording import Seen
from stitchcli.syntax import around, source_of, span_of
from stitchcli.written.candidates import names_for
from stitchcli.written.places import (
    CONVOLUTIONS,
    Written,
    name_of_functional,
    name_of_nn,
    site_of_node,
    written_at,
)

_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div)
_NAMES = ("shortcut", "projection", "skip_projection")


def even_operands(call: Call) -> Iterator[tuple[Change, ...]]:
    """Resize every operand to the largest of them."""
    operands = _operands(call)
    shapes = [ref.shape[2:] for ref in call.inputs]
    if not operands or not all(shapes) or len(operands) != len(shapes):
        return
    largest = tuple(max(sizes) for sizes in zip(*shapes, strict=False))
    functional = name_of_functional(operands[0].file)
    leader = next((o for o, s in zip(operands, shapes, strict=True) if s == largest), None)
    if not functional or leader is None:
        return
    if not isinstance(leader.node, ast.Name | ast.Attribute):
        return  # a number in its place would be right for one input only
    size = f"{leader.text}.shape[2:]"
    yield tuple(
        each.become(f"{functional}.interpolate({each.text}, size={size})")
        for each, shape in zip(operands, shapes, strict=True)
        if shape != largest
    )


def projected_operand(call: Call, routes: Mapping[str, Seen]) -> Iterator[tuple[Change, ...]]:
    """A 1×1 convolution on the older operand, as a further child of the module whose forward
    joins them."""
    operands = _operands(call)
    if len(operands) != 2 or len(call.inputs) != 2 or call.path not in routes:
        return
    order = sorted((0, 1), key=lambda index: call.inputs[index].producer or -1)
    older, newer = call.inputs[order[0]], call.inputs[order[1]]
    change = _projection(operands[order[0]], older, newer, routes[call.path])
    if change:
        yield change


def _projection(operand: Written, older: Ref, newer: Ref, seen: Seen) -> tuple[Change, ...]:
    kind, nn = CONVOLUTIONS.get(len(older.shape)), name_of_nn(operand.file)
    forward = around(operand.file, span_of(operand.node) or (0, 0, 0, 0), ast.FunctionDef)
    owner = around(operand.file, span_of(operand.node) or (0, 0, 0, 0), ast.ClassDef)
    strides = {-(-a // b) for a, b in zip(older.shape[2:], newer.shape[2:], strict=False)}
    if not kind or not nn or not forward or not owner or len(strides) != 1:
        return ()
    init = next((n for n in owner.body if _is_init(n)), None)
    if not isinstance(init, ast.FunctionDef) or not forward.args.args:
        return ()
    name, itself = _free_name(owner), forward.args.args[0].arg
    values = _constructor_values(seen)
    built = _built(f"{nn}.{kind}", nn, (older.shape[1], newer.shape[1], strides.pop()), values)
    last = init.body[-1]
    end = site_of_node(last, operand.file)
    lines = source_of(end.file).splitlines(keepends=True)
    line = lines[end.end_line - 1].rstrip("\n")
    after = len(line.encode("utf-8"))  # behind a comment
    at_end = Site(end.file, end.end_line, after, end.end_line, after, "", end.user)
    indent = _indent(lines[last.lineno - 1])
    statement = Change(at_end, "", f"\n{indent}{init.args.args[0].arg}.{name} = {built}")
    return (statement, operand.become(f"{itself}.{name}({operand.text})"))


def _built(conv: str, nn: str, numbers: tuple[int, int, int], values: Mapping[str, Any]) -> str:
    """A projection; none where the class is built with equal widths too."""
    came, wanted, stride = numbers
    a, b = names_for(values, came), names_for(values, wanted)
    same = [f"{a} == {b}"] if came != wanted else []
    text = f"{conv}({a}, {b}, 1)"
    if stride > 1:
        step = names_for({n: v for n, v in values.items() if v not in (came, wanted)}, stride)
        text = f"{conv}({a}, {b}, 1, stride={step})"
        same = [*same, f"{step} == 1"] if step.isidentifier() else []
    if not a.isidentifier() or not b.isidentifier() or not same:
        return text
    return f"{nn}.Identity() if {' and '.join(same)} else {text}"


def _constructor_values(seen: Seen) -> Mapping[str, Any]:
    """What the constructor of a module was given, by name."""
    return seen.route[seen.constructors - 1].values if seen.constructors else {}


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _is_init(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "__init__"


def _free_name(owner: ast.ClassDef) -> str:
    used = {node.attr for node in ast.walk(owner) if isinstance(node, ast.Attribute)}
    return next((name for name in _NAMES if name not in used), "stitched_projection")


def _operands(call: Call) -> list[Written]:
    """The expressions of the tensors that a written call or operator joins, in their order."""
    found = written_at(call.site) if call.site is not None else None
    if found is None:
        return []
    match found.node:
        case ast.BinOp(left=left, right=right, op=op) if isinstance(op, _OPERATORS):
            parts = [left, right]
        case ast.Call(args=[ast.List(elts=parts) | ast.Tuple(elts=parts), *_]):
            pass
        case ast.Call(args=[left, right], func=ast.Attribute(attr="add" | "mul" | "sub")):
            parts = [left, right]
        case _:
            return []
    if any(isinstance(each, ast.Starred) for each in parts):
        return []
    return [Written(each, found.file) for each in parts]
