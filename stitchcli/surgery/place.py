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
_FIRST = frozenset("conv1d conv_transpose1d batch_norm instance_norm group_norm max_pool1d".split())
_LAST = frozenset(
    "linear layer_norm rms_norm embedding multi_head_attention_forward lstm gru rnn".split()
)


def places_of(path: str, trace: Trace) -> tuple[Place, ...]:
    """One Place for each different way in which a module is called; one told from its attributes
    where it never ran."""
    layer = trace.layers[path]
    calls = [call for call in trace.calls if call.is_module and call.path == path]
    if not calls:
        return (_guess(layer, trace),)
    places: list[Place] = []
    for call in calls:
        if (place := _seen(layer, call, trace)) not in places:
            places.append(place)
    return tuple(places)


def after(place: Place) -> Place:
    """The place behind a module: what comes in is what the module gives."""
    width, size = place.out_channels, place.size_out
    return Place(place.path, width, width, size, size_out=size)


def before(place: Place) -> Place:
    """The place ahead of a module."""
    width, size = place.in_channels, place.size
    return Place(place.path, width, width, size, size_out=size)


def _seen(layer: Layer, call: Call, trace: Trace) -> Place:
    came = call.inputs[0].shape if call.inputs else ()
    gave = call.outputs[0].shape if call.outputs else ()
    inside = _ops_inside(call, trace)
    axis_in, axis_out = channel_axis(layer, came, inside), channel_axis(layer, gave, inside[::-1])
    size_in, size_out = came[axis_in + 1 :], gave[axis_out + 1 :]
    return Place(
        path=layer.path,
        in_channels=came[axis_in] if came else None,
        out_channels=gave[axis_out] if gave else None,
        size=size_in,
        size_out=size_out,
        window=_window(layer, size_in, size_out),
        family=layer.family,
    )


def _ops_inside(call: Call, trace: Trace) -> list[str]:
    """The ops of a module call in order; those of what feeds it where it has none of its own."""
    inside = {call.index}
    ops = [call.op] if call.op else []
    for each in trace.calls[call.index + 1 :]:
        if each.parent not in inside:
            if each.parent is None or each.parent < call.index:
                break
            continue
        inside.add(each.index)
        ops += [each.op] if each.op else []
    if any(op in _LAST or op in _FIRST for op in ops) or not call.inputs:
        return ops
    source, steps = call.inputs[0].producer, 0
    while source is not None and steps < 16:
        feeder = trace.calls[source]
        ops += [feeder.op] if feeder.op else []
        source = feeder.inputs[0].producer if feeder.inputs else None
        steps += 1
    return ops


def channel_axis(layer: Layer, shape: Shape, ops: list[str]) -> int:
    """Where the channels stand: behind the batch, or last in tokens (B, L, C). Which of the two a
    tensor of three axes is, the ops that work on it tell."""
    kernel = layer.attributes.get("kernel_size") if layer.family == "conv" else None
    if isinstance(kernel, tuple):
        return len(shape) - len(kernel) - 1
    if layer.family in ("linear", "attn") or layer.kind in ("LayerNorm", "RMSNorm", "Embedding"):
        return len(shape) - 1
    if len(shape) != 3:
        return min(1, len(shape) - 1)
    told = next((op for op in ops if op in _FIRST or op in _LAST), "")
    return 1 if told in _FIRST or "1d" in layer.kind else 2


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
