"""ST102: tensors to be joined by cat differ in another axis than the one they are joined on."""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import Audit, Diagnostic, Fix, Itself, Problem, Resized, Trace, Wrap
from stitchcli.rules.common import from_problem, label_of, problems, short_name
from stitchcli.rules.provenance import origin
from stitchcli.rules.sizes import match_sizes, other_inputs
from stitchcli.rules.widths import producer_fixes
from stitchcli.words.selectors import exactly_label
from stitchcli.words.shapes import format_shape


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for each cat."""
    trace = audit.result
    seen: set[int] = set()
    for problem in problems(audit, "cat"):
        if problem.call not in seen:
            seen.add(problem.call)
            yield _say(trace, problem)


def _say(trace: Trace, problem: Problem) -> Diagnostic:
    shapes = [ref.shape for ref in problem.operands]
    names = [short_name(trace, ref, problem.dim or 0) for ref in problem.operands]
    axis = problem.dim or 0
    if axis >= 2 and len(shapes[0]) >= 4:
        sizes = [format_shape(shape[2:]) for shape in shapes]
        title = f"cat needs equal height and width, got {' and '.join(dict.fromkeys(sizes))}"
    else:
        sizes = [format_shape(shape) for shape in shapes]
        title = f"cat needs equal sizes on axis {axis}, got {' and '.join(sizes)}"
    parts = ", ".join(f"{name} {size}" for name, size in zip(names, sizes, strict=True))
    return from_problem(trace, problem, "ST102", title, parts, fixes=tuple(_fixes(trace, problem)))


def _fixes(trace: Trace, problem: Problem) -> Iterator[Fix]:
    odd = problem.operands[problem.operand]
    others = [ref for ref in problem.operands if ref is not odd]
    axis = problem.dim or 0
    leader = next((ref for ref in others if ref.shape[axis] == problem.expected), None)
    if leader is None:
        return
    if axis < 2 or len(odd.shape) < 4:
        for one, wanted in ((odd, leader.shape[axis]), (leader, odd.shape[axis])):
            found = origin(trace, one, one.shape[axis])
            yield from producer_fixes(trace, found.call, found.followers, wanted)
        return
    if label := label_of(trace, problem.call):
        edit = Wrap(exactly_label(label), Resized(Itself()))
        yield Fix("resize to the largest before the cat", (edit,))
    # what was made last is usually what was meant to fit what was kept
    yield from match_sizes(trace, leader, odd.shape[2:])
    yield from match_sizes(trace, odd, leader.shape[2:])
    yield from other_inputs(trace)
