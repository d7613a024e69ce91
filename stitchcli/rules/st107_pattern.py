"""ST107: a pattern of einops does not fit the tensor that it is given.

An axis is no multiple of what it is to be parted in, has another size than the pattern says, or
there are more or fewer axes than the pattern names. The forward goes on with the nearest shape that
fits.

Severity: error

Why: `rearrange(x, 'b c (h p1) (w p2) -> b (h w) (p1 p2 c)', p1=4, p2=4)` holds for maps whose sides
are multiples of 4. One unpadded layer, or an input of another size, and einops stops at a place
that has nothing to do with it.

Example:

    from einops import rearrange
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(3, 8, 3)
            self.fc = nn.Linear(8 * 4 * 4, 32)

        def forward(self, x):
            x = self.stem(x)
            x = rearrange(x, "b c (h p1) (w p2) -> b (h w) (p1 p2 c)", p1=4, p2=4)
            return self.fc(x)

    $ stitch inspect model.py --input 1x3x32x32
    error[ST107]: rearrange: axis 2 of 1×8×30×30 is 30, not a multiple of p1=4 in (h p1)

Fix: pad the layer that made the size what it is, resize the map, or feed an input of a size that
fits; each is tried. Where the axis is one of channels or heads, the layer that decides it is built
with a width that fits.
"""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import Audit, Diagnostic, Fix, Problem, Ref, Trace
from stitchcli.rules.branches import mend_branch, resized
from stitchcli.rules.common import from_problem, problems
from stitchcli.rules.inputs import input_fix, larger_inputs, other_inputs
from stitchcli.rules.provenance import describe, origin
from stitchcli.rules.widths import producer_fixes, rescaled_producers


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for each pattern."""
    trace = audit.result
    for problem in problems(audit, "pattern"):
        ref = problem.operands[problem.operand]
        dim = problem.dim
        from_where = () if dim is None or _is_spatial(ref, dim) else (describe(trace, ref, dim),)
        yield from_problem(
            trace,
            problem,
            "ST107",
            f"{problem.op}: {problem.text}",
            f"{problem.got} where {problem.expected} would fit"
            if dim is not None
            else f"{problem.got} axes",
            notes=from_where,
            fixes=tuple(_fixes(trace, problem, ref)),
        )


def _is_spatial(ref: Ref, dim: int) -> bool:
    return len(ref.shape) > 3 and dim > 1


def _fixes(trace: Trace, problem: Problem, ref: Ref) -> Iterator[Fix]:
    dim, expected, got = problem.dim, problem.expected or 0, problem.got or 0
    if dim is None:
        return
    if _is_spatial(ref, dim):
        wanted = (*ref.shape[:2], *_nearest(problem, ref))
        fixes, rarer = mend_branch(trace, ref, wanted)
        yield from (*fixes, *resized(trace, ref, wanted), *rarer)
        yield from _scaled_inputs(trace, expected, got)
    elif dim:
        found = origin(trace, ref, got)
        yield from producer_fixes(trace, found.call, found.followers, expected)
        yield from rescaled_producers(trace, ref, expected, got)
    yield from other_inputs(trace)
    yield from larger_inputs(trace)


def _nearest(problem: Problem, ref: Ref) -> tuple[int, ...]:
    """The spatial size with which the forward went on: maps are mostly square, so that what one
    side needs will do for all that are as long."""
    return tuple(problem.expected or s if s == problem.got else s for s in ref.shape[2:])


def _scaled_inputs(trace: Trace, expected: int, got: int) -> Iterator[Fix]:
    """Maps grow with the input; at an unpadded one, by as much as it lacks."""
    shape = trace.inputs[0].shape if trace.inputs else ()
    if len(shape) < 4 or not got:
        return
    for size in (
        tuple(s + expected - got for s in shape[2:]),
        tuple(round(s * expected / got) for s in shape[2:]),
    ):
        if min(size) > 0 and size != shape[2:]:
            yield input_fix(trace, size)
