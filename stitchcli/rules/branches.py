"""Edits that make a branch give another size: what shrank or grew it on the way is mended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import isqrt

from stitchcli.records import BlockSpec, Call, Edit, Fix, Insert, Ref, Remove, Shape, Trace
from stitchcli.rules.provenance import module_of
from stitchcli.rules.sliding import each_axis, otherwise
from stitchcli.words.selectors import exactly
from stitchcli.words.values import collapse

_MOST_UPSTREAM, _MOST_SLIDING = 80, 4


def mend_branch(trace: Trace, ref: Ref, wanted: Shape) -> tuple[list[Fix], list[Fix]]:
    """Ways to give a tensor the shape ``wanted``, which differs in its sizes: leave out what only
    resizes it, build a layer upstream with another kernel, padding or stride. The nearest come
    first; those of strided layers, which are seldom the mistake, are apart."""
    fixes: list[Fix] = []
    rarer: list[Fix] = []
    slid = 0
    for here, goal in _upstream(trace, ref, wanted):
        fixes += _left_out(trace, here, goal)
        call = trace.calls[here.producer or 0]
        layer = trace.layers.get(call.path) if call.is_module else None
        if layer is None or "kernel_size" not in layer.attributes or len(here.shape) < 3:
            continue
        if not call.inputs or call.inputs[0].shape[2:] == here.shape[2:]:
            continue
        strided = any(step > 1 for step in each_axis(layer, "stride", len(goal) - 2))
        (rarer if strided else fixes).extend(otherwise(call, layer, goal[2:]))
        slid += 1
        if slid == _MOST_SLIDING:
            break
    return fixes, rarer


def fit_axis(trace: Trace, ref: Ref, axis: int, wanted: int) -> Iterator[Fix]:
    """Another size of one axis, which is a number of tokens, on the way to a tensor."""
    shape = (*ref.shape[:axis], wanted, *ref.shape[axis + 1 :])
    fixes, rarer = mend_branch(trace, ref, shape)
    yield from (*fixes, *rarer)


def even(
    trace: Trace, one: Ref, other: Ref, axes: Sequence[int], join: Edit | None
) -> Iterator[Fix]:
    """Bring two tensors of equal rank to one size on some axes: on the way of either, or where they
    meet."""
    pairs = [(each, _with_sizes(each, like, axes)) for each, like in ((one, other), (other, one))]
    ways = [mend_branch(trace, ref, wanted) for ref, wanted in pairs]
    for fixes, _ in ways:
        yield from fixes
    if join is not None:
        yield Fix("resize to the largest where they meet", (join,))
    for _, rarer in ways:
        yield from (replace(fix, is_rare=True) for fix in rarer)
    for ref, wanted in pairs:
        yield from resized(trace, ref, wanted)


def _with_sizes(one: Ref, other: Ref, axes: Sequence[int]) -> Shape:
    return tuple(
        b if axis in axes else a
        for axis, (a, b) in enumerate(zip(one.shape, other.shape, strict=True))
    )


def resized(trace: Trace, ref: Ref, wanted: Shape) -> Iterator[Fix]:
    """A resize behind what gives a feature map (B, C, H, W)."""
    path = module_of(trace, ref)
    if path and len(wanted) >= 4:
        block = BlockSpec("resize", (("size", collapse(wanted[2:])),))
        yield Fix(f"resize what {path} gives", (Insert("after", exactly(path), block),))


def _upstream(trace: Trace, ref: Ref, wanted: Shape) -> Iterator[tuple[Ref, Shape]]:
    """The tensors that a tensor was made of, the nearest first, and the shape that each would have
    to have for it."""
    for _ in range(_MOST_UPSTREAM):
        if ref.producer is None or min(wanted, default=1) < 1:
            return
        yield ref, wanted
        call = trace.calls[ref.producer]
        inputs = [each for each in call.inputs if each.producer is not None and each.shape]
        if not inputs:
            return
        before = max(inputs, key=lambda each: (_volume(each.shape), each.producer or 0))
        goal = _goal_before(trace, call, before, ref.shape, wanted)
        if goal is None:
            return
        ref, wanted = before, goal


def _volume(shape: Shape) -> int:
    total = 1
    for size in shape:
        total *= size
    return total


def _goal_before(
    trace: Trace, call: Call, before: Ref, shape: Shape, wanted: Shape
) -> Shape | None:
    """The shape that the input of a call would have to have so that its output had ``wanted``."""
    came = before.shape
    if came == shape:
        return wanted
    if len(came) != len(shape):
        return _before_reshape(came, shape, wanted)
    if sorted(came) == sorted(shape):  # transposed: each size where it came from
        return tuple(wanted[index] for index in _order(came, shape))
    if call.op == "cat":
        return tuple(c + w - s for c, s, w in zip(came, shape, wanted, strict=True))
    layer = trace.layers.get(call.path) if call.is_module else None
    if layer is not None and "kernel_size" in layer.attributes and len(came) > 2:
        steps = each_axis(layer, "stride", len(shape) - 2)
        if layer.attributes.get("transposed"):
            steps = (1,) * len(steps)
        sizes = zip(came[2:], shape[2:], wanted[2:], steps, strict=True)
        return (*came[:2], *(c + (w - s) * step for c, s, w, step in sizes))
    goal = [_scaled(c, s, w) for c, s, w in zip(came, shape, wanted, strict=True)]
    return tuple(size for size in goal if size is not None) if None not in goal else None


def _scaled(came: int, gave: int, wanted: int) -> int | None:
    """The size ahead of an op that keeps or scales it."""
    if gave == wanted:
        return came
    return came * wanted // gave if gave and came * wanted % gave == 0 else None


def _order(came: Shape, shape: Shape) -> list[int]:
    """Where in ``shape`` each size of ``came`` is found."""
    free = list(range(len(shape)))
    order = []
    for size in came:
        index = next(i for i in free if shape[i] == size)
        free.remove(index)
        order.append(index)
    return order


def _before_reshape(came: Shape, shape: Shape, wanted: Shape) -> Shape | None:
    """Ahead of a flatten of two equal sizes to one, or behind it."""
    odd = [(s, w) for s, w in zip(shape, wanted, strict=True) if s != w]
    if len(came) > len(shape) and len(odd) == 1:
        (got, goal), side = odd[0], isqrt(odd[0][1])
        for at in range(len(came) - 1):
            if came[at] * came[at + 1] == got and side * side == goal:
                return (*came[:at], side, side, *came[at + 2 :])
    if len(came) < len(shape) and len(odd) == 2:
        got, goal = odd[0][0] * odd[1][0], odd[0][1] * odd[1][1]
        return tuple(goal if size == got else size for size in came)
    return None


def _left_out(trace: Trace, ref: Ref, wanted: Shape) -> Iterator[Fix]:
    """Modules without weights that were given what is wanted, and gave this instead."""
    call: Call | None = trace.calls[ref.producer or 0]
    while call is not None:
        if call.is_module and call.path:
            came = [each.shape for each in call.inputs[:1]]
            if came != [wanted] or not any(o.producer == ref.producer for o in call.outputs):
                return
            if trace.params_below.get(call.path, 0) == 0:
                yield Fix(f"leave out {call.path}", (Remove(exactly(call.path)),))
        call = trace.calls[call.parent] if call.parent is not None else None
