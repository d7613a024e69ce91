"""How the calls in a forward are connected, where two forwards make the same calls."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stitchcli.comparing.tree import LAYOUT, Node
from stitchcli.records import Call, Ref, Trace

#: What does not care which of its operands comes first.
_EITHER_WAY = frozenset(("add", "mul", "iadd", "imul"))
#: So many calls stand for an order that is told.
_MOST = 5
Value = tuple[Any, ...]


@dataclass(frozen=True)
class Forward:
    """The calls right in one run of a module: their names, and for each what it was given as far
    back as the module's own inputs, so that equal values are equal computations."""

    names: tuple[str, ...]
    values: tuple[int, ...]
    texts: tuple[str, ...]
    returns: tuple[int, ...]
    returned: tuple[str, ...]


def rewired(
    base: Node,
    head: Node,
    traces: tuple[Trace, Trace],
    name_of: Callable[[str], str],
    number: Callable[[object], int],
) -> tuple[tuple[str, Any, Any], ...]:
    """What differs in the connections of two forwards that make the same calls, as (what, before,
    after); nothing where they make others, which is told as such. ``name_of`` gives the path that
    a module of base has in the other network, ``number`` a number for equal things."""
    if not (base.runs and head.runs and all(trace.complete for trace in traces)):
        return ()
    one = _forward(base.runs[0], traces[0], name_of, number)
    other = _forward(head.runs[0], traces[1], lambda path: path, number)
    if Counter(one.names) != Counter(other.names) or one.returns == other.returns:
        return ()
    if len(one.returns) != len(other.returns):
        return (("outputs", len(one.returns), len(other.returns)),)
    if one.names != other.names:
        return (("order of calls", *_around(one.names, other.names)),)
    for at, (mine, theirs) in enumerate(zip(one.values, other.values, strict=True)):
        if mine != theirs:
            return (("connections", one.texts[at], other.texts[at]),)
    return (("returns", _listed(one.returned), _listed(other.returned)),)


def _forward(
    run: Call, trace: Trace, name_of: Callable[[str], str], number: Callable[[object], int]
) -> Forward:
    direct = _direct(run, trace)
    starts = [call.index for call in direct]
    given = {(ref.producer, ref.name): at for at, ref in reversed(list(enumerate(run.inputs)))}
    values: dict[int, Value] = {}
    names: dict[int, str] = {}

    def of(ref: Ref) -> tuple[Value, str]:
        """What a tensor is here: an input, a constant, or what a call made."""
        if (ref.producer, ref.name) in given and (ref.producer or -1) < run.index:
            return ("in", given[ref.producer, ref.name]), "input"
        at = bisect_right(starts, ref.producer) - 1 if ref.producer is not None else -1
        if at < 0:
            return ("constant",), "constant"
        return values[starts[at]], names[starts[at]]

    told: list[tuple[str, int, str]] = []
    for call in direct:
        inputs = [of(ref) for ref in call.inputs if ref.is_activation]
        if not call.is_module and call.op in LAYOUT:
            values[call.index] = inputs[0][0] if len(inputs) == 1 else tuple(v for v, _ in inputs)
            names[call.index] = inputs[0][1] if inputs else "constant"
            continue
        name = name_of(call.path) if call.is_module else call.op or ""
        shown = name.rpartition(".")[2] if call.is_module else name
        parts = [value for value, _ in inputs]
        parts = sorted(parts, key=repr) if call.op in _EITHER_WAY else parts
        values[call.index] = (number(("made", name, tuple(parts))),)
        names[call.index] = shown
        text = f"{shown}({', '.join(word for _, word in inputs)})"
        told.append((name, values[call.index][0], text))
    results = [of(ref) for ref in run.outputs]
    return Forward(
        names=tuple(name for name, _, _ in told),
        values=tuple(value for _, value, _ in told),
        texts=tuple(text for _, _, text in told),
        returns=tuple(number(value) for value, _ in results),
        returned=tuple(word for _, word in results),
    )


def _direct(run: Call, trace: Trace) -> list[Call]:
    """The calls that a run makes itself."""
    return [trace.calls[index] for index in trace.inner_calls.get(run.index, ())]


def _around(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, str]:
    """Two orders from where they part."""
    at = next(i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
    return _order(one[at:]), _order(other[at:])


def _order(names: tuple[str, ...]) -> str:
    words = [name.rpartition(".")[2] for name in names[:_MOST]]
    return ", ".join(words + ["…"] * (len(names) > _MOST))


def _listed(names: tuple[str, ...]) -> str:
    return f"({', '.join(names)})"
