"""ST103: an addition or multiplication of tensors that do not broadcast.

Axes are aligned from the last one; each pair has to be equal, or one of the two 1.

Severity: error

Why: the usual place is a residual connection over a change of width or stride, where the shortcut
still has the old shape. An attention gate of another width is the same fault under a product.

Example:

    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(3, 16, 3, padding=1)
            self.block = nn.Conv2d(16, 32, 3, padding=1)

        def forward(self, x):
            x = self.stem(x)
            return self.block(x) + x

    $ stitch inspect model.py --input 1x3x32x32
    error[ST103]: add of 32 and 16 channels

Fix: project the shortcut to the new width (`--after stem=pointwise:out_channels=32`, as ResNet does
with a 1×1 convolution of the block's stride), or keep the width within the block.
"""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import (
    Audit,
    Diagnostic,
    Fix,
    Insert,
    Itself,
    Matched,
    Problem,
    Ref,
    Resized,
    Trace,
    Wrap,
)
from stitchcli.rules.branches import even
from stitchcli.rules.common import from_problem, label_of, problems, short_name
from stitchcli.rules.inputs import other_inputs
from stitchcli.rules.provenance import module_of, origin
from stitchcli.rules.widths import pointwise, producer_fixes
from stitchcli.words.selectors import exactly, exactly_label
from stitchcli.words.shapes import format_shape


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for each such call."""
    trace = audit.result
    for problem in problems(audit, "broadcast"):
        left, right = problem.operands
        axis_left, axis_right = _axes(problem)
        what = "channels" if _is_channel_axis(problem) else f"sizes on axis {axis_left}"
        yield from_problem(
            trace,
            problem,
            "ST103",
            f"{problem.op} of {left.shape[axis_left]} and {right.shape[axis_right]} {what}",
            f"{format_shape(left.shape)} from {short_name(trace, left)}, "
            f"{format_shape(right.shape)} from {short_name(trace, right)}",
            fixes=tuple(_fixes(trace, problem)),
        )


def _axes(problem: Problem) -> tuple[int, int]:
    """The same axis, counted from the front of each operand."""
    changed = problem.operands[problem.operand]
    back = len(changed.shape) - (problem.dim or 0)
    left, right = problem.operands
    return len(left.shape) - back, len(right.shape) - back


def _is_channel_axis(problem: Problem) -> bool:
    return problem.dim == 1 and len(problem.operands[problem.operand].shape) != 3


def _fixes(trace: Trace, problem: Problem) -> Iterator[Fix]:
    left, right = problem.operands
    axis_left, axis_right = _axes(problem)
    join, same = _at_the_join(trace, problem), len(left.shape) == len(right.shape)
    if join is not None and isinstance(join.block, Matched):
        title = f"a 1×1 projection of the shortcut to {problem.expected}"
        yield Fix(title, (join,))
    for one, other, axis, other_axis in (
        (left, right, axis_left, axis_right),
        (right, left, axis_right, axis_left),
    ):
        yield from _fit(trace, one, axis, other, other_axis)
    if same:
        sizes = zip(left.shape, right.shape, strict=True)
        axes = [axis for axis, (a, b) in enumerate(sizes) if a != b and 1 not in (a, b)]
        resize = join if join is not None and isinstance(join.block, Resized) else None
        yield from even(trace, left, right, axes, resize)
    yield from other_inputs(trace)


def _at_the_join(trace: Trace, problem: Problem) -> Wrap | None:
    """Bring the operands to one shape where they meet."""
    label, rank = label_of(trace, problem.call), len(problem.operands[0].shape)
    if label is None or rank < 3 or rank != len(problem.operands[1].shape):
        return None
    sizes = [ref.shape[2:].count(1) for ref in problem.operands]
    if problem.dim == 1 and sizes[0] == sizes[1]:  # a map is not projected to its gate
        return Wrap(exactly_label(label), Matched(Itself()))
    even = problem.dim != 1 and rank > 3
    return Wrap(exactly_label(label), Resized(Itself())) if even else None


def _fit(trace: Trace, one: Ref, axis: int, other: Ref, other_axis: int) -> Iterator[Fix]:
    """Make ``one`` as large as ``other`` on an axis."""
    wanted, got, rank = other.shape[other_axis], one.shape[axis], len(one.shape)
    if axis in (1, rank - 1):
        found = origin(trace, one, got)
        yield from producer_fixes(trace, found.call, found.followers, wanted)
    path = module_of(trace, one)
    if axis == 1 and path and rank >= 3:
        block = pointwise(wanted)
        yield Fix(
            f"a 1×1 projection to {wanted} after {path}", (Insert("after", exactly(path), block),)
        )
