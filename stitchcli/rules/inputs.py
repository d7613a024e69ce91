"""The same input at other heights and widths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from stitchcli.records import Fix, Shape, TensorSpec, Trace
from stitchcli.words.shapes import print_spec

_STEPS = (2, 4, 8, 16, 32, 64)
#: What networks of one size are often made for.
_USUAL = (224, 256, 384, 512, 32)


def other_inputs(trace: Trace) -> Iterator[Fix]:
    """The same input at the nearest sizes that are multiples of 2, 4, 8, ..."""
    spec = trace.inputs[0] if trace.inputs else None
    if spec is None or len(spec.shape) < 3:
        return
    seen: set[Shape] = {spec.shape[2:]}
    for step in _STEPS:
        for up in (True, False):
            size = tuple(_round(s, step, up) for s in spec.shape[2:])
            if size not in seen and min(size) > 0:
                seen.add(size)
                yield input_fix(trace, size)
    for side in _USUAL if len(spec.shape) == 4 else ():
        if (side, side) not in seen:
            yield input_fix(trace, (side, side))


def larger_inputs(trace: Trace) -> Iterator[Fix]:
    """The same input at larger and larger sizes."""
    spec = trace.inputs[0] if trace.inputs else None
    if spec is None or len(spec.shape) < 3:
        return
    for side in (32, 64, 96, 128, 192, 224, 256, 320, 384, 512, 572, 640, 768, 1024):
        size = tuple(max(side, s) for s in spec.shape[2:])
        if size != spec.shape[2:]:
            yield input_fix(trace, size)


def input_fix(trace: Trace, size: Shape) -> Fix:
    """The first input at another spatial size."""
    first, *rest = trace.inputs
    changed = replace(first, shape=(*first.shape[:2], *size))
    inputs: tuple[TensorSpec, ...] = (changed, *rest)
    return Fix(f"an input of {print_spec(changed)}", inputs=inputs)


def _round(size: int, step: int, up: bool) -> int:
    return -(-size // step) * step if up else size // step * step
