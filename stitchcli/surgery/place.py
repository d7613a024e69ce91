"""What a trace tells of the place of a module: widths, sizes, hyper-parameters."""

from __future__ import annotations

from typing import Any

from stitchcli.binding import Place
from stitchcli.records import Call, Layer, Shape, Trace

_HYPER = ("kernel_size", "stride", "padding", "dilation", "groups", "bias", "padding_mode")
_WIDTH_IN = (
    "in_channels",
    "in_features",
    "num_features",
    "num_channels",
    "embed_dim",
    "embedding_dim",
)
_WIDTH_OUT = ("out_channels", "out_features", *_WIDTH_IN[2:])
_TOKENS = ("Linear", "LayerNorm", "RMSNorm", "MultiheadAttention", "Embedding")


def places_of(path: str, trace: Trace) -> tuple[Place, ...]:
    """One Place for each different way in which a module is called; one told from its attributes
    where it never ran."""
    layer = trace.layers[path]
    calls = [call for call in trace.calls if call.is_module and call.path == path]
    if not calls:
        return (_guess(layer, trace),)
    places: list[Place] = []
    for call in calls:
        if (place := _seen(layer, call)) not in places:
            places.append(place)
    return tuple(places)


def after(place: Place) -> Place:
    """The place behind a module: what comes in is what the module gives."""
    return Place(place.path, place.out_channels, place.out_channels, place.size)


def before(place: Place) -> Place:
    """The place ahead of a module."""
    return Place(place.path, place.in_channels, place.in_channels, place.size)


def _seen(layer: Layer, call: Call) -> Place:
    came = call.inputs[0].shape if call.inputs else ()
    gave = call.outputs[0].shape if call.outputs else ()
    axis_in, axis_out = channel_axis(layer, came), channel_axis(layer, gave)
    return Place(
        path=layer.path,
        in_channels=came[axis_in] if came else None,
        out_channels=gave[axis_out] if gave else None,
        size=came[axis_in + 1 :] if axis_in >= 0 else (),
        window=_window(layer, came[axis_in + 1 :], gave[axis_out + 1 :]),
        family=layer.family,
    )


def channel_axis(layer: Layer, shape: Shape) -> int:
    """Where the channels stand: last for tokens (B, L, C), else behind the batch."""
    spatial = layer.attributes.get("kernel_size") if layer.family == "conv" else None
    if isinstance(spatial, tuple):
        return len(shape) - len(spatial) - 1
    if layer.kind in _TOKENS or layer.family in ("linear", "attn"):
        return len(shape) - 1
    conv_like = layer.family in ("conv", "pool") or "1d" in layer.kind
    return len(shape) - 1 if len(shape) < 2 or (len(shape) == 3 and not conv_like) else 1


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
    window = {name: layer.attributes[name] for name in _HYPER if name in layer.attributes}
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
