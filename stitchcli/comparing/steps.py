"""Functional calls in the forward of two modules that are each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from stitchcli.comparing.order import in_order
from stitchcli.comparing.tree import Node, Sign, step_sign
from stitchcli.records import Call, Difference, Part, Shape, Trace


def step_changes(
    base: Node, head: Node, base_trace: Trace, head_trace: Trace
) -> tuple[list[Difference], int, int]:
    """Calls that one forward has and the other has not, and the MACs of all others on both sides:
    ``(changes, base's, head's)``."""
    mine, theirs = _steps(base, head), _steps(head, base)
    macs, other_macs = (sum(call.macs for call in node.calls) for node in (base, head))
    stopped = not (base_trace.complete and head_trace.complete)
    same = [step_sign(call) for call in mine] == [step_sign(call) for call in theirs]
    if stopped or not (mine or theirs):  # what was not run is not gone
        return [], macs, other_macs
    changes = []
    names, other_names = _labels(base_trace), _labels(head_trace)
    for one, other in zip(mine, theirs, strict=True) if same else _paired(mine, theirs):
        if one is not None and other is not None and step_sign(one) == step_sign(other):
            if values := _settings(one, other):
                # their MACs are told with the module's own
                old, new = (_part(one, names), _part(other, other_names))
                old, new = replace(old, macs=0), replace(new, macs=0)
                changes.append(Difference("changed", old, new, values))
            continue
        before, after = one and _part(one, names), other and _part(other, other_names)
        kind = "added" if before is None else "removed" if after is None else "replaced"
        changes.append(Difference(kind, before, after))  # type: ignore[arg-type]
        macs -= before.macs if before else 0
        other_macs -= after.macs if after else 0
    return changes, macs, other_macs


def _steps(node: Node, partner: Node) -> list[Call]:
    """The calls of a forward; a layer of torch's that was given blocks about it runs its own op in
    the open, which is no call of the network's."""
    own = {call.op for call in partner.runs if call.op}
    return [call for call in node.steps if call.op not in own]


def _labels(trace: Trace) -> dict[int, str]:
    return {index: label for label, index in trace.functional.items()}


def _paired(left: list[Call], right: list[Call]) -> Iterator[tuple[Call | None, Call | None]]:
    """Each call with what it is in the other forward: the same, else one of a like name, else
    whatever stands in its place."""
    signs, others = ([step_sign(call) for call in side] for side in (left, right))
    rows, columns = list(dict.fromkeys(signs)), list(dict.fromkeys(others))
    table = np.array([[_likeness(one, other) for other in columns] for one in rows])
    scores = table.reshape(len(rows), len(columns))[[rows.index(each) for each in signs]]
    start = other_start = 0
    for at, other_at in in_order(scores[:, [columns.index(each) for each in others]]):
        yield from _apart(left[start:at], right[other_start:other_at])
        yield left[at], right[other_at]
        start, other_start = at + 1, other_at + 1
    yield from _apart(left[start:], right[other_start:])


def _likeness(one: Sign, other: Sign) -> float:
    """``max_pool2d`` and ``avg_pool2d`` are like each other."""
    if one == other:
        return 1.0
    return 0.3 if SequenceMatcher(None, one[0] or "", other[0] or "").ratio() >= 0.6 else 0.1


def _settings(one: Call, other: Call) -> tuple[tuple[str, Any, Any], ...]:
    """Arguments of two equal calls that differ. On other shapes they follow from these."""
    mine, theirs = one.settings, other.settings
    if sorted(text for _, text in mine) == sorted(text for _, text in theirs):
        return ()  # perhaps one gives by name what the other gives by position
    if _shapes(one) != _shapes(other):
        return ()
    if [name for name, _ in mine] == [name for name, _ in theirs]:
        pairs = zip(mine, theirs, strict=True)
        return tuple((a[0] or "argument", a[1], b[1]) for a, b in pairs if a != b)
    gone, new = (
        ", ".join(text for name, text in side if (name, text) not in rest) or None
        for side, rest in ((mine, theirs), (theirs, mine))
    )
    return (("arguments", gone, new),)


def _shapes(call: Call) -> list[Shape]:
    return [ref.shape for ref in (*call.inputs, *call.outputs)]


def _apart(left: list[Call], right: list[Call]) -> Iterator[tuple[Call | None, Call | None]]:
    yield from ((call, None) for call in left)
    yield from ((None, call) for call in right)


def _part(call: Call, names: dict[int, str]) -> Part:
    plain = f"{call.path}/{call.op}" if call.path else f"op:{call.op}"
    return Part(
        path=names.get(call.index, plain),
        kind=call.op or "",
        inputs=tuple(ref.shape for ref in call.inputs if ref.is_activation),
        outputs=tuple(ref.shape for ref in call.outputs),
        macs=call.macs,
        is_call=True,
    )
