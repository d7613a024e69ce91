"""ST102: `cat` joins tensors that differ in another axis than the one they are joined on.

`torch.cat(..., dim=1)` lays channels one behind the other; height and width have to agree.

Severity: error

Why: an encoder that halves an odd size loses a row, and its decoder, which doubles, cannot give it
back: 25 becomes 12 and then 24. The network runs at multiples of its total stride and fails at
every other size, often only after it was deployed.

Example:

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.pool = nn.MaxPool2d(2)
            self.up = nn.ConvTranspose2d(3, 3, 2, stride=2)

        def forward(self, x):
            return torch.cat([x, self.up(self.pool(x))], dim=1)

    $ stitch inspect model.py --input 1x3x25x25
    error[ST102]: cat needs equal height and width, got 25×25 and 24×24

Fix: resize the smaller one to the skip connection (`--after up=resize:size=25`, or `F.interpolate`
to `skip.shape[2:]` in the file), pad where a row is lost, or feed sizes that divide evenly.
"""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import Audit, Diagnostic, Fix, Itself, Problem, Resized, Trace, Wrap
from stitchcli.rules.branches import even
from stitchcli.rules.common import from_problem, label_of, problems, short_name
from stitchcli.rules.inputs import other_inputs
from stitchcli.rules.provenance import origin
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
    rank = len(odd.shape)
    if axis in (1, rank - 1) and not (axis > 1 and rank == 4):
        for one, wanted in ((odd, leader.shape[axis]), (leader, odd.shape[axis])):
            found = origin(trace, one, one.shape[axis])
            yield from producer_fixes(trace, found.call, found.followers, wanted)
    label = label_of(trace, problem.call) if axis >= 2 and rank >= 4 else None
    join = Wrap(exactly_label(label), Resized(Itself())) if label else None
    # what was made last is usually what was meant to fit what was kept
    yield from even(trace, leader, odd, _odd_axes(trace, problem), join)
    yield from other_inputs(trace)


def _odd_axes(trace: Trace, problem: Problem) -> list[int]:
    """The axes that have to agree and do not: all but the one that the cat is made on."""
    shapes = [ref.shape for ref in problem.operands]
    made = next((ref.shape for ref in trace.calls[problem.call].outputs), ())
    axes = [axis for axis in range(len(shapes[0])) if len({s[axis] for s in shapes}) > 1]
    return [
        axis
        for axis in axes
        if not made or made[axis] != sum(s[axis] for s in shapes) or axis == problem.dim
    ]
