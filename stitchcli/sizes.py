"""Which input sizes a network can take, found by running it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from stitchcli.errors import ModelError, StitchError
from stitchcli.records import Diagnostic, Fix, Shape, TensorSpec
from stitchcli.trial import Trial
from stitchcli.words.multiples import STEPS, rounded, sizes_near
from stitchcli.words.shapes import format_shape
from stitchcli.workbench import Workbench


def size_note(trial: Trial, diagnostic: Diagnostic, works: Fix) -> str:
    """What is known of the sizes that mend a fault, once one is."""
    assert works.inputs is not None
    first, *rest = works.inputs

    def runs(size: Shape) -> bool:
        after = trial.after(Fix("", inputs=(_sized(first, size), *rest)))
        return after is not None and trial.judge(after, diagnostic).solved

    return _rule(trial.inputs[0].shape[2:], first.shape[2:], runs)


def with_sizes(error: ModelError, bench: Workbench, inputs: tuple[TensorSpec, ...]) -> ModelError:
    """An error of a network's own code, which also says at which sizes the network runs, if it
    does at any."""
    first = inputs[0] if inputs else None
    if first is None or len(first.shape) < 4:
        return error

    def runs(size: Shape) -> bool:
        try:
            found, _ = bench.attempt((), (_sized(first, size), *inputs[1:]), None)
        except StitchError:
            return False
        return found.complete and not found.problems

    works = next((size for size in sizes_near(first.shape[2:]) if runs(size)), None)
    if works is not None:
        error.help = f"{_rule(first.shape[2:], works, runs)}; {error.help}".rstrip("; ")
    return error


def _rule(given: Shape, found: Shape, runs: Callable[[Shape], bool]) -> str:
    """A multiple, a least size, or only the one that was found."""
    for step in STEPS:
        lower, upper = rounded(given, step)
        if upper == given or found not in (lower, upper) or min(lower) < 1:
            continue
        if runs(lower) and runs(upper):
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
