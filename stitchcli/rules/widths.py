"""Edits that change a layer's width, by the arguments that its kind has for it."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd

from stitchcli.records import BlockSpec, Call, Edit, Fix, Insert, Layer, Ref, Set, Shape, Trace
from stitchcli.words.selectors import exactly

_IN = ("in_channels", "in_features", "input_size", "num_features", "num_channels",
       "normalized_shape", "num_parameters", "embed_dim")  # fmt: skip
_OUT = ("out_channels", "out_features", "embedding_dim", "hidden_size", *_IN[3:])
_MOST_UPSTREAM, _MOST_RESCALED = 60, 4


def width_in(layer: Layer) -> str | None:
    """The argument that holds what a layer takes in."""
    return next((name for name in _IN if name in layer.attributes), None)


def width_out(layer: Layer) -> str | None:
    """The argument that holds what a layer gives out."""
    return next((name for name in _OUT if name in layer.attributes), None)


def set_in(layer: Layer, width: int) -> tuple[Edit, ...]:
    """Edits that make a layer take in ``width``; empty where it has no such argument."""
    return _set(layer, width_in(layer), width)


def set_out(layer: Layer, width: int) -> tuple[Edit, ...]:
    """Edits that make a layer give out ``width``; empty where it has no such argument."""
    return _set(layer, width_out(layer), width)


def set_one(layer: Layer, attribute: str, value: object) -> Edit:
    """One changed argument of one layer."""
    return Set(exactly(layer.path), attribute, value)


def _set(layer: Layer, name: str | None, width: int) -> tuple[Edit, ...]:
    if name is None or width < 1:
        return ()
    before = layer.attributes[name]
    value = (*before[:-1], width) if isinstance(before, tuple) else width
    edits = [
        set_one(layer, name, value[0] if isinstance(value, tuple) and len(value) == 1 else value)
    ]
    groups = layer.attributes.get("groups", layer.attributes.get("num_groups", 1))
    if isinstance(groups, int) and groups > 1:
        edits += _regroup(layer, name, width, groups)
    return tuple(edits)


def _regroup(layer: Layer, name: str, width: int, groups: int) -> list[Edit]:
    """Keep the number of groups a divisor of both widths; a depthwise layer stays depthwise."""
    if "num_groups" in layer.attributes:
        common = gcd(groups, width)
        return [set_one(layer, "num_groups", common)] if common != groups else []
    a, b = layer.attributes["in_channels"], layer.attributes["out_channels"]
    if groups == a == b:
        other = "out_channels" if name == "in_channels" else "in_channels"
        return [set_one(layer, other, width), set_one(layer, "groups", width)]
    common = gcd(gcd(groups, width), b if name == "in_channels" else a)
    return [set_one(layer, "groups", common)] if common != groups else []


def adapter(consumer: Layer, shape: Shape, width: int) -> Edit | None:
    """A 1×1 convolution, or a Linear for tokens, ahead of a layer."""
    if consumer.family == "linear":
        return Insert(
            "before", exactly(consumer.path), BlockSpec("Linear", (("out_features", width),))
        )
    if consumer.path and 3 <= len(shape) <= 5:
        return Insert("before", exactly(consumer.path), pointwise(width))
    return None


def pointwise(width: int) -> BlockSpec:
    """A 1×1 convolution that gives out ``width``."""
    return BlockSpec("pointwise", (("out_channels", width),))


def producer_fixes(
    trace: Trace, call: Call | None, followers: tuple[Call, ...], width: int
) -> list[Fix]:
    """Make the layer that decided a width give another one; what lies in between follows."""
    layer = trace.layers.get(call.path) if call is not None and call.is_module else None
    edits = set_out(layer, width) if layer is not None else ()
    if not edits or layer is None:
        return []
    title = f"make {layer.path} give {width}"
    fixes = [Fix(title, edits)]
    following = [e for f in reversed(followers) for e in set_in(trace.layers[f.path], width)]
    if following:
        fixes.append(Fix(f"{title}, and what follows take it", (*edits, *following)))
    return fixes


def rescaled_producers(
    trace: Trace, ref: Ref, expected: int, got: int, *, free: bool = False
) -> Iterator[Fix]:
    """Where views stand between a layer and the place that refuses its output, widths are not the
    same but proportional: scale one of the layers upstream, the nearest first. ``free`` says that
    one axis of the view takes what is left."""
    waiting, seen, found = [ref.producer], set[int](), 0
    while waiting and len(seen) < _MOST_UPSTREAM and found < _MOST_RESCALED:
        index = waiting.pop(0)
        if index is None or index in seen:
            continue
        seen.add(index)
        call = trace.calls[index]
        layer = trace.layers.get(call.path) if call.is_module else None
        name = width_out(layer) if layer is not None else None
        if layer is None or name is None:
            waiting += [each.producer for each in call.inputs]
            continue
        found += 1
        width = layer.attributes[name]
        if isinstance(width, int):
            for needed in _proportional(width, expected, got, free):
                yield from producer_fixes(trace, call, (), needed)


def _proportional(width: int, expected: int, got: int, free: bool) -> list[int]:
    """``width * expected / got`` where that is whole, and the nearest of its multiples where one
    axis is free; else the multiples of ``expected`` around."""
    unit = expected
    if got and width * expected % got == 0:
        unit = width * expected // got
        if not free:
            return [unit]
    below = width // unit * unit if unit else 0
    around = sorted((below + unit, below), key=lambda size: abs(size - width))
    return [size for size in (*around, unit) if size not in (0, width)]
