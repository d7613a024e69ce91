"""ST104: a number of features that follows from the size of the feature map does not fit.

Flatten, view, matrix products and attention turn height and width into features. A layer behind
them was written for one size of the input and is given another.

Severity: error

Why: `nn.Linear(32 * 8 * 8, 10)` holds the size of the training images in a number that looks like a
width. The same network fails at every other resolution.

Example:

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.MaxPool2d(2))
            self.fc = nn.Linear(8 * 8 * 8, 10)

        def forward(self, x):
            return self.fc(torch.flatten(self.features(x), 1))

    $ stitch inspect model.py --input 1x3x32x32
    error[ST104]: linear expects 512 features, got 2048

Fix: pool to the size that was meant before the flatten (`--after
features=AdaptiveAvgPool2d:output_size=8`), which makes the network run at every size; or build the
layer for what comes (`--set fc.in_features=2048`); or feed the size it was written for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import isqrt

from stitchcli.records import Audit, BlockSpec, Diagnostic, Fix, Insert, Problem, Ref, Trace
from stitchcli.rules.branches import fit_axis, mend_branch
from stitchcli.rules.common import from_problem, problems
from stitchcli.rules.inputs import input_fix, other_inputs
from stitchcli.rules.provenance import module_of, origin
from stitchcli.rules.st101_channels import is_features
from stitchcli.rules.widths import producer_fixes, rescaled_producers, set_in
from stitchcli.words.selectors import exactly
from stitchcli.words.shapes import format_shape


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for each linear layer, view or matrix product."""
    trace = audit.result
    for problem in problems(audit, "features", "channels"):
        if problem.kind == "features" or is_features(trace, problem):
            yield _say(trace, problem)


def _say(trace: Trace, problem: Problem) -> Diagnostic:
    ref = problem.operands[problem.operand]
    expected, got = problem.expected, problem.got
    if problem.op in ("view", "reshape"):
        title = f"{problem.op} cannot make {problem.text} of {format_shape(ref.shape)}"
        label = f"{got} elements, a multiple of {expected} is needed"
    elif problem.op == "scaled_dot_product_attention":
        title = f"attention of tensors whose {problem.text} is {expected} and {got}"
        label = " and ".join(format_shape(each.shape) for each in problem.operands)
    elif problem.op == "linear":
        title = f"linear expects {expected} features, got {got}"
        label = f"{got} at the input's {format_shape(trace.inputs[0].shape)}"
    else:
        title = f"{problem.op} of {got} columns with {expected} rows"
        label = " and ".join(format_shape(each.shape) for each in problem.operands)
    return from_problem(
        trace, problem, "ST104", title, label,
        built_label=f"built for {expected}" if problem.op == "linear" else "",
        argument="in_features" if problem.op == "linear" else None,
        fixes=tuple(_fixes(trace, problem, ref)),
    )  # fmt: skip


def _fixes(trace: Trace, problem: Problem, ref: Ref) -> Iterator[Fix]:
    expected, got = problem.expected or 0, problem.got or 0
    layer = trace.layers.get(problem.path)
    if problem.op == "linear" and layer is not None:
        if edits := set_in(layer, got):
            yield Fix(f"let {layer.path} take {got}", edits)
        yield from _pool_before_flatten(trace, ref, expected)
        if problem.dim is not None and len(ref.shape) == 3:
            yield from fit_axis(trace, ref, problem.dim, expected)
        yield from _fitting_input(trace, expected, got)
    elif problem.op in ("matmul", "bmm", "mm"):
        for each, size in ((ref, expected), (problem.operands[-1], got)):
            width = each.shape[-1] if each is ref else each.shape[-2]
            found = origin(trace, each, width)
            yield from producer_fixes(trace, found.call, found.followers, size)
    elif problem.op in ("view", "reshape"):
        yield from _another_map(trace, problem, ref)
    rare = problem.op == "linear"  # it would rather take what comes
    for fix in rescaled_producers(trace, ref, expected, got, free="-1" in problem.text):
        yield replace(fix, is_rare=rare)
    if problem.op == "scaled_dot_product_attention":  # perhaps it is the other one that is odd
        yield from rescaled_producers(trace, problem.operands[-1], got, expected)
    yield from other_inputs(trace)


def _pool_before_flatten(trace: Trace, ref: Ref, expected: int) -> Iterator[Fix]:
    """Pool the feature map to the size that the linear layer was written for."""
    flat = trace.calls[ref.producer] if ref.producer is not None else None
    while flat is not None and flat.inputs and len(flat.inputs[0].shape) < 4:
        upstream = flat.inputs[0].producer
        flat = trace.calls[upstream] if upstream is not None else None
    if flat is None or not flat.inputs or len(flat.inputs[0].shape) != 4:
        return
    feature_map = flat.inputs[0]
    path = module_of(trace, feature_map)
    area, rest = divmod(expected, feature_map.shape[1])
    side = isqrt(area)
    if path and not rest and side * side == area and side:
        block = BlockSpec("AdaptiveAvgPool2d", (("output_size", side),))
        yield Fix(
            f"average pooling to {side}×{side} after {path}",
            (Insert("after", exactly(path), block),),
        )


def _another_map(trace: Trace, problem: Problem, ref: Ref) -> Iterator[Fix]:
    """A feature map (B, C, H, W) of another size, where a view was written for its square."""
    wanted = [int(size) for size in problem.text.split("×")]
    if len(ref.shape) != 4:
        return
    area = ref.shape[2] * ref.shape[3]
    for size in wanted:
        side = isqrt(max(size, 0))
        if side * side == size and size != area and (problem.got or 0) % area == 0:
            fixes, rarer = mend_branch(trace, ref, (*ref.shape[:2], side, side))
            yield from (*fixes, *rarer)


def _fitting_input(trace: Trace, expected: int, got: int) -> Iterator[Fix]:
    """Features grow with the area of the input."""
    shape = trace.inputs[0].shape if trace.inputs else ()
    if len(shape) == 4 and got:
        size = tuple(round(s * (expected / got) ** 0.5) for s in shape[2:])
        if min(size) > 0:
            yield input_fix(trace, size)
