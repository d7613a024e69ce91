"""Functional calls in the forward of two modules that are each other."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from stitchcli.comparing.tree import Node, step_sign
from stitchcli.records import Call, Difference, Part, Trace


def step_changes(
    base: Node, head: Node, base_trace: Trace, head_trace: Trace
) -> tuple[list[Difference], int, int]:
    """Calls that one forward has and the other has not, and the MACs of all others on both sides:
    ``(changes, base's, head's)``."""
    mine, theirs = _steps(base, head), _steps(head, base)
    signs, others = [step_sign(c) for c in mine], [step_sign(c) for c in theirs]
    macs, other_macs = (sum(call.macs for call in node.calls) for node in (base, head))
    stopped = not (base_trace.complete and head_trace.complete)
    if signs == others or stopped:  # what was not run is not gone
        return [], macs, other_macs
    changes = []
    names, other_names = _labels(base_trace), _labels(head_trace)
    matcher = SequenceMatcher(None, signs, others, autojunk=False)
    for _, start, end, other_start, other_end in (
        each for each in matcher.get_opcodes() if each[0] != "equal"
    ):
        for one, other in _paired(mine[start:end], theirs[other_start:other_end]):
            before, after = one and _part(one, names), other and _part(other, names=other_names)
            kind = "added" if before is None else "removed" if after is None else "replaced"
            change = Difference(kind, before, after)  # type: ignore[arg-type]
            changes.append(change)
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
    """In place, where there are equally many; else with those of a like name, in order."""
    if len(left) != len(right):
        for at, call in enumerate(left):
            other = next((i for i, each in enumerate(right) if _are_like(call, each)), None)
            if other is not None:
                yield from _apart(left[:at], right[:other])
                yield call, right[other]
                yield from _paired(left[at + 1 :], right[other + 1 :])
                return
        yield from _apart(left, right)
        return
    yield from zip(left, right, strict=True)


def _are_like(one: Call, other: Call) -> bool:
    """``max_pool2d`` and ``avg_pool2d``."""
    return SequenceMatcher(None, one.op or "", other.op or "").ratio() >= 0.6


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
