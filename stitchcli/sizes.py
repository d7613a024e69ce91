"""Which input sizes a network can take, found by running it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from stitchcli.records import Diagnostic, Fix, Shape, TensorSpec
from stitchcli.trial import Trial
from stitchcli.words.shapes import format_shape

_STEPS = (2, 4, 8, 16, 32, 64, 128)


def size_note(trial: Trial, diagnostic: Diagnostic, works: Fix) -> str:
    """What is known of the sizes that mend a fault, once one is: a multiple, a least size, or only
    that one."""
    assert works.inputs is not None
    first, *rest = works.inputs
    given, found = trial.inputs[0].shape[2:], first.shape[2:]

    def runs(size: Shape) -> bool:
        if min(size) < 1:
            return False
        after = trial.after(Fix("", inputs=(_sized(first, size), *rest)))
        return after is not None and trial.judge(after, diagnostic).solved

    for step in _STEPS:
        if all(size % step == 0 for size in given):
            continue
        lower = tuple(size // step * step for size in given)
        upper = tuple(-(-size // step) * step for size in given)
        if all(size % step == 0 for size in found) and runs(lower) and runs(upper):
            which = f"{format_shape(lower)} and {format_shape(upper)} run"
            return f"height and width must be multiples of {step}: {which}"
    if all(a <= b for a, b in zip(given, found, strict=True)):
        least = _least(given, found, runs)
        return f"the input must be at least {format_shape(least)}"
    return f"an input of {format_shape(found)} runs"


def _least(given: Shape, found: Shape, runs: Callable[[Shape], bool]) -> Shape:
    """The smallest size between one that does not run and one that does."""
    low, high = 0, max(b - a for a, b in zip(given, found, strict=True))

    def at(more: int) -> Shape:
        return tuple(min(a + more, b) for a, b in zip(given, found, strict=True))

    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if runs(at(middle)) else (middle, high)
    return at(high)


def _sized(spec: TensorSpec, size: Shape) -> TensorSpec:
    return replace(spec, shape=(*spec.shape[:2], *size))
