"""From a layer's constructor argument to the expression that it was written as.

``nn.Conv2d(cin, cout, 3)`` in a block hands on what the block was given; the number is written
where the block is built, as in ``DoubleConv(cin // 2, cout)``. The walk goes from the layer's
constructor out through every function that only hands the value on: by position, by keyword,
through ``*args`` and ``**kwargs``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stitchcli.records import Site
from stitchcli.sources.recording import Seen, Step
from stitchcli.syntax import around, expression_at, span_in, span_of, text_of
from stitchcli.tracing.sites import is_torch_code, is_user_code
from stitchcli.written.calls import InCall, Part, default_of, given, parameters

_COMPREHENSIONS = ("<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>")


@dataclass(frozen=True)
class Expression:
    """An expression in a source file, and the plain values that its function knew; an argument of
    a call, or the default of a parameter."""

    node: ast.expr
    site: Site
    text: str
    values: Mapping[str, Any]
    is_default: bool = False

    @property
    def names(self) -> tuple[tuple[str, Any], ...]:
        """The names in it that have a plain value, with that value."""
        words = dict.fromkeys(n.id for n in ast.walk(self.node) if isinstance(n, ast.Name))
        return tuple((word, self.values[word]) for word in words if word in self.values)


def argument_of(seen: Seen, argument: str) -> tuple[Expression, ...]:
    """The expressions that a constructor's argument went through, the innermost first; the last is
    where it is written. Empty where it was not given, or cannot be told."""
    return tuple(_walk(seen.route, _first(seen, argument), Part("name", argument)))


def writing(expressions: Sequence[Expression]) -> Expression | None:
    """Where a value is written: the outermost argument in the user's own files, or else in the
    model's package. A default is nobody's choice for one place."""
    arguments = [each for each in expressions if not each.is_default]
    outside = [e for e in arguments or expressions if not is_torch_code(e.site.file)]
    mine = [each for each in outside if each.site.user]
    return next(reversed(mine or outside), None)


def places_of(expressions: Sequence[Expression]) -> Iterator[Expression]:
    """Where in the user's own files a value can be written otherwise: where it is written, each
    place that hands it on from there, what variables are made of, its default."""
    place = writing(expressions)
    if place is None or not place.site.user:
        return
    mine = [each for each in expressions if each.site.user]
    inner = [each for each in reversed(mine) if not each.is_default and each is not place]
    for each in (place, *inner):
        yield each
        if (definition := _definition(each)) is not None:
            yield definition
    yield from (each for each in mine if each.is_default)


def _definition(place: Expression) -> Expression | None:
    """The right side of the one assignment of a local variable."""
    if not isinstance(place.node, ast.Name):
        return None
    file, span = place.site.file, span_in(place.site)
    function = around(file, span, ast.FunctionDef) or around(file, span, ast.Module)
    found = [
        node.value
        for node in ast.walk(function or place.node)
        if isinstance(node, ast.Assign)
        and [getattr(t, "id", "") for t in node.targets] == [place.node.id]
    ]
    if len(found) != 1:
        return None
    site = Site(file, *(span_of(found[0]) or (1, 0, 1, 0)), place.site.function, True)
    return Expression(found[0], site, text_of(found[0], file), place.values)


def _first(seen: Seen, argument: str) -> int:
    """The outermost of torch's constructors of a module that takes the argument; the user's own
    may call it otherwise."""
    found = 0
    for index, step in enumerate(seen.route[: max(seen.constructors, 1)]):
        if argument in parameters(step.code) and (
            is_torch_code(step.code.co_filename) or not found
        ):
            found = index
    return found


def _walk(route: Sequence[Step], index: int, wanted: Part) -> Iterator[Expression]:
    while index + 1 < len(route):
        callee, caller = route[index], route[index + 1]
        index += 1
        site = caller.site
        call = expression_at(site.file, span_in(site)) if site is not None else None
        if site is None or not isinstance(call, ast.Call):
            return
        match given(call, callee.code, caller.code, wanted):
            case None:
                default = default_of(callee.code, wanted)
                if default is not None:
                    found = _expression(default, callee.code.co_filename, callee)
                    yield replace(found, is_default=True)
                return
            case InCall(part=Part() as part):
                wanted = part
                continue
            case InCall(node=ast.expr() as node):
                yield _expression(node, site.file, caller)
            case _:
                return
        if not isinstance(node, ast.Name):
            return
        while route[index].code.co_name in _COMPREHENSIONS and index + 1 < len(route):
            if node.id in route[index].code.co_varnames:
                return
            index += 1
        if not _hands_on(route[index], node):
            return
        wanted = Part("name", node.id)


def _hands_on(step: Step, name: ast.Name) -> bool:
    """Whether a function's variable is what it was given, and nothing was put in its place."""
    if name.id not in parameters(step.code):
        return False
    span = span_of(name)
    function = around(step.code.co_filename, span, ast.FunctionDef) if span else None
    return function is not None and not any(
        isinstance(each, ast.Name) and each.id == name.id and isinstance(each.ctx, ast.Store)
        for each in ast.walk(function)
    )


def _expression(node: ast.expr, file: str, step: Step) -> Expression:
    function, user = step.code.co_qualname, is_user_code(file)
    site = Site(file, *(span_of(node) or (1, 0, 1, 0)), function, user)
    return Expression(node, site, text_of(node, file), step.values)
