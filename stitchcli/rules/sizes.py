"""Edits and inputs that change the height and width of a feature map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from stitchcli.records import BlockSpec, Call, Fix, Insert, Layer, Ref, Shape, TensorSpec, Trace
from stitchcli.rules.provenance import module_of
from stitchcli.rules.widths import set_one
from stitchcli.words.selectors import exactly
from stitchcli.words.shapes import print_spec
from stitchcli.words.values import collapse

_STEPS = (2, 4, 8, 16, 32, 64)
#: What networks of one size are often made for.
_USUAL = (224, 256, 384, 512, 32)


def match_sizes(trace: Trace, ref: Ref, wanted: Shape) -> Iterator[Fix]:
    """Ways to give a tensor the spatial size ``wanted`` (B, C, *wanted)."""
    got = ref.shape[2:]
    if len(ref.shape) < 3 or len(got) != len(wanted):
        return
    yield from _mend_layers(trace, ref, wanted)
    path = module_of(trace, ref)
    if path:
        size = wanted[0] if len(wanted) == 1 else wanted
        block = BlockSpec("resize", (("size", size),))
        yield Fix(f"resize what {path} gives", (Insert("after", exactly(path), block),))


def _mend_layers(trace: Trace, ref: Ref, wanted: Shape) -> Iterator[Fix]:
    """Look upstream for the layer whose kernel, padding or stride made the size what it is."""
    for _ in range(64):
        if ref.producer is None:
            return
        call = trace.calls[ref.producer]
        layer = trace.layers.get(call.path) if call.is_module else None
        if layer is not None and "kernel_size" in layer.attributes:
            yield from _mend_layer(call, layer, wanted)
        inputs = [
            r for r in call.inputs if len(r.shape) == len(wanted) + 2 and r.producer is not None
        ]
        if not inputs or call.op == "cat":
            return
        ref = max(inputs, key=lambda r: r.producer or 0)


def _mend_layer(call: Call, layer: Layer, wanted: Shape) -> Iterator[Fix]:
    came, gave = call.inputs[0].shape[2:], call.outputs[0].shape[2:]
    count = len(gave)
    kernel, stride = _each(layer, "kernel_size", count), _each(layer, "stride", count)
    if layer.attributes.get("transposed"):
        missing = tuple(w - g for w, g in zip(wanted, gave, strict=False))
        if any(missing) and all(0 <= m < s for m, s in zip(missing, stride, strict=False)):
            yield Fix(
                f"let {layer.path} give the missing row",
                (set_one(layer, "output_padding", collapse(missing)),),
            )
        return
    dilation = _each(layer, "dilation", count)
    same = tuple(d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=False))
    if all(s == 1 for s in stride) and came != gave:
        yield Fix(
            f"pad {layer.path} so that it keeps the size",
            (set_one(layer, "padding", collapse(same)),),
        )
        if any(k % 2 == 0 for k in kernel):
            odd = tuple(k - 1 if k % 2 == 0 and k > 1 else k for k in kernel)
            yield Fix(
                f"an odd kernel in {layer.path}",
                (set_one(layer, "kernel_size", collapse(odd)),),
            )
    ratio = {g / w for g, w in zip(gave, wanted, strict=False) if w}
    factor = next(iter(ratio), 1)
    if len(ratio) == 1 and factor != 1:
        new = tuple(max(round(s * factor), 1) for s in stride)
        if new != stride:
            yield Fix(
                f"another stride in {layer.path}",
                (set_one(layer, "stride", collapse(new)),),
            )
    if all(s > 1 for s in stride):
        yield Fix(
            f"pad {layer.path} as its kernel needs",
            (set_one(layer, "padding", collapse(same)),),
        )


def _each(layer: Layer, name: str, count: int) -> tuple[int, ...]:
    value = layer.attributes.get(name, 1)
    if value is None:
        value = layer.attributes.get("kernel_size", 1)
    if isinstance(value, tuple):
        return tuple(v for v in value if isinstance(v, int))
    return (value,) * count if isinstance(value, int) else (1,) * count


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
