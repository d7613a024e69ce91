"""The same input at other heights and widths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from stitchcli.records import Fix, Shape, TensorSpec, Trace
from stitchcli.words.multiples import sizes_near
from stitchcli.words.shapes import print_spec


def other_inputs(trace: Trace) -> Iterator[Fix]:
    """The same input at other sizes, the nearest first."""
    spec = trace.inputs[0] if trace.inputs else None
    if spec is None or len(spec.shape) < 3:
        return
    yield from (input_fix(trace, size) for size in sizes_near(spec.shape[2:]))


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
