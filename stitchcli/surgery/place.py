"""What a trace tells of the place of a module: widths, sizes, hyper-parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stitchcli.binding import WINDOW, Layout, Place
from stitchcli.records import Call, Layer, Ref, Shape, Trace
from stitchcli.surgery.layouts import (
    aspect_of,
    axis_of,
    axis_told,
    channel_axis,
    layout_of,
    ops_before,
    ops_inside,
    sizes_in,
)

_WIDTH_IN = (
    "in_channels",
    "in_features",
    "num_features",
    "num_channels",
    "embed_dim",
    "embedding_dim",
)
_WIDTH_OUT = ("out_channels", "out_features", *_WIDTH_IN[2:])


def places_of(path: str, trace: Trace) -> tuple[Place, ...]:
    """One Place for each different way in which a module is called; one told from its attributes
    where it never ran."""
    layer = trace.layers[path]
    calls = trace.module_calls.get(path, ())
    if not calls:
        return (_guess(layer, trace),)
    places: list[Place] = []
    for call in calls:
        if (place := _seen(layer, call, trace)) not in places:
            places.append(place)
    return tuple(places)


def place_of_call(call: Call, trace: Trace, label: str) -> Place:
    """The Place of a functional call; its values are those that calls made, oldest last, so that
    of two the main branch comes before the skip connection."""
    order = operand_order(call, trace)
    shapes = tuple(call.inputs[index].shape for index in order)
    came, gave = shapes[0], call.outputs[0].shape
    if len(came) < 2 or len(gave) < 2:
        return Place(label, None, None, shapes=shapes, shape_out=gave)
    layout = layout_of(axis_told(ops_before(call, trace), len(came)), len(came))
    aspect = aspect_of(trace)
    size, size_out = sizes_in(came, layout, aspect), sizes_in(gave, layout, aspect)
    step = _step(size, size_out)
    return Place(
        path=label,
        in_channels=came[axis_of(layout)],
        out_channels=gave[axis_of(layout)],
        size=size,
        size_out=size_out,
        window={"kernel_size": step, "stride": step} if step and step > 1 else {},
        family="pool" if "pool" in (call.op or "") else "",
        shapes=shapes,
        shape_out=gave,
        layout=layout,
        layout_out=layout,
        dtype=call.inputs[order[0]].dtype,
        aspect=aspect,
        given=("",) * len(shapes),
    )


def operand_order(call: Call, trace: Trace) -> tuple[int, ...]:
    """Which of a call's tensors a block in its place is given, and in what order: the activations,
    the newest first."""
    ages = {
        index: _age(ref, trace)
        for index, ref in enumerate(call.inputs)
        if ref.is_activation or not ref.name
    }
    return tuple(sorted(ages, key=lambda index: -ages[index]))


def _newest(call: Call, trace: Trace) -> int:
    ages = [_age(ref, trace) for ref in call.inputs]
    return ages.index(max(ages)) if ages else 0


_MOVES = frozenset(
    """pad getitem interpolate contiguous clone detach to float half crop center_crop type_as
    dropout dropout2d""".split()
)


def _age(ref: Ref, trace: Trace) -> int:
    """Index of the call that made what a tensor holds, behind all that only moves it."""
    while ref.producer is not None:
        call = trace.calls[ref.producer]
        if call.is_module or call.op not in _MOVES or not call.inputs:
            return ref.producer
        ref = call.inputs[0]
    return -1


def after(place: Place) -> Place:
    """The place behind a module: what comes in is what the module gives."""
    return _between(place, place.shape_out, place.layout_out, place.out_channels, place.size_out)


def before(place: Place) -> Place:
    """The place ahead of a module."""
    shape = place.shapes[0] if place.shapes else ()
    return _between(place, shape, place.layout, place.in_channels, place.size)


def _between(place: Place, shape: Shape, layout: Layout, width: int | None, size: Shape) -> Place:
    return Place(
        place.path, width, width, size, size_out=size, shapes=(shape,) if shape else (),
        shape_out=shape, layout=layout, layout_out=layout, dtype=place.dtype, aspect=place.aspect,
    )  # fmt: skip


def gives(place: Place, shape: Shape) -> Place:
    """The same place where what stands there now gives another shape."""
    if not shape or shape == place.shape_out:
        return place
    size = sizes_in(shape, place.layout_out, place.aspect)
    width = shape[axis_of(place.layout_out)]
    return replace(place, shape_out=shape, size_out=size, out_channels=width)


def takes(place: Place, shape: Shape) -> Place:
    """The same place where what comes in has another shape."""
    if not shape or (shape,) == place.shapes[:1]:
        return place
    size = sizes_in(shape, place.layout, place.aspect)
    width = shape[axis_of(place.layout)]
    return replace(place, shapes=(shape, *place.shapes[1:]), size=size, in_channels=width)


def _step(came: Shape, gave: Shape) -> int | None:
    """By how much the spatial sizes shrink, where they all shrink alike."""
    steps = {a // b for a, b in zip(came, gave, strict=False) if b}
    return steps.pop() if len(steps) == 1 else None


def _seen(layer: Layer, call: Call, trace: Trace) -> Place:
    came = call.inputs[0].shape if call.inputs else ()
    gave = call.outputs[0].shape if call.outputs else ()
    inside = ops_inside(call, trace)
    axis_in = channel_axis(layer, came, inside)
    alike = len(came) == len(gave) == 4
    axis_out = axis_in if alike else channel_axis(layer, gave, inside[::-1])
    layout, layout_out = layout_of(axis_in, len(came)), layout_of(axis_out, len(gave))
    aspect = aspect_of(trace)
    size = sizes_in(came, layout, aspect)
    size_out = sizes_in(gave, layout_out, aspect)
    return Place(
        path=layer.path,
        in_channels=came[axis_in] if came else None,
        out_channels=gave[axis_out] if gave else None,
        size=size,
        size_out=size_out,
        window=_window(layer, size, size_out),
        family=layer.family,
        shapes=tuple(ref.shape for ref in call.inputs),
        shape_out=gave,
        layout=layout,
        layout_out=layout_out,
        dtype=call.inputs[0].dtype if call.inputs else "float32",
        aspect=aspect,
        given=call.given,
        main=_newest(call, trace),
    )


def _guess(layer: Layer, trace: Trace) -> Place:
    """A module that never ran: its own attributes, else those of its first and last layers."""
    inner = [
        each
        for path, each in trace.layers.items()
        if path == layer.path or path.startswith(f"{layer.path}.")
    ]
    came = next(
        (each.attributes[n] for each in inner for n in _WIDTH_IN if n in each.attributes), None
    )
    gave = next(
        (
            each.attributes[n]
            for each in reversed(inner)
            for n in _WIDTH_OUT
            if n in each.attributes
        ),
        None,
    )
    return Place(layer.path, came, gave, window=_window(layer, (), ()), family=layer.family)


def _window(layer: Layer, came: Shape, gave: Shape) -> dict[str, Any]:
    """Kernel, stride and the like; with the padding that was measured, since some convolutions
    pad their input themselves and say 0."""
    if layer.family not in ("conv", "pool"):
        return {}
    window = {name: layer.attributes[name] for name in WINDOW if name in layer.attributes}
    if layer.family == "conv" and came and not isinstance(window.get("padding"), str):
        window["padding"] = _padding(window, came, gave)
    return window


def _padding(window: dict[str, Any], came: Shape, gave: Shape) -> tuple[int, ...]:
    padding: list[int] = []
    for size, out, k, s, p, d in zip(
        came,
        gave,
        *(window[n] for n in ("kernel_size", "stride", "padding", "dilation")),
        strict=True,
    ):
        reach = d * (k - 1) + 1
        fits = (size + 2 * p - reach) // s + 1 == out
        padding.append(p if fits else max(-(-((out - 1) * s + reach - size) // 2), 0))
    return tuple(padding)
