"""The roles of a network's parts, measured: what makes maps smaller or larger, what joins a skip
connection to the main branch, what meets the input, what gives the output. Names play no part."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stitchcli.records import Call, Shape, Trace

_RATIO = 1.5
_DOWN = ("conv", "max_pool", "avg_pool", "lp_pool", "fractional_max_pool", "pixel_unshuffle",
         "interpolate", "adaptive_avg_pool", "adaptive_max_pool")  # fmt: skip
_UP = ("conv_transpose", "interpolate", "pixel_shuffle", "max_unpool")
_WEIGHTED = ("conv", "linear", "embedding", "bilinear")


def with_role(role: str, trace: Trace) -> frozenset[str]:
    """Paths and labels of what plays ``role``: down, up, fuse, stem or head."""
    labels = {index: label for label, index in trace.functional.items()}
    calls = _ROLES[role](trace)
    return frozenset(labels.get(call.index, call.path) for call in calls)


def _downs(trace: Trace) -> Iterator[Call]:
    """What makes a map smaller, but for the stem and for what pools a map to one value."""
    stems = {call.index for call in _stem(trace)}
    return (call for call in _resizing(trace, _shrinks, _DOWN) if call.index not in stems)


def _ups(trace: Trace) -> Iterator[Call]:
    return _resizing(trace, lambda came, gave: _shrinks(gave, came), _UP)


def _resizing(
    trace: Trace, changes: Callable[[Shape, Shape], bool], ops: tuple[str, ...]
) -> Iterator[Call]:
    """The ops that change the size, and the innermost modules that do so by none of these ops."""
    has_inside: set[int] = set()
    found: list[Call] = []
    for call in reversed(trace.calls):
        is_module = call.is_module and call.op is None and bool(call.path)
        fits = is_module or (call.op or "").startswith(ops)
        if not (fits and call.inputs and call.outputs) or call.index in has_inside:
            continue
        came, gave = call.inputs[0].shape, call.outputs[0].shape
        if not changes(came, gave) or _has_stride_one(call, trace):
            continue
        found.append(call)
        parent = call.parent
        while parent is not None:
            has_inside.add(parent)
            parent = trace.calls[parent].parent
    return reversed(found)


def _shrinks(came: Shape, gave: Shape) -> bool:
    """Every spatial size is divided by 1.5 or more, channels first or last, and a map is left."""
    if len(came) != len(gave) or len(came) < 3:
        return False
    for ours, theirs in ((came[2:], gave[2:]), (came[1:-1], gave[1:-1])):
        if all(a >= _RATIO * b for a, b in zip(ours, theirs, strict=True)):
            return any(size > 1 for size in theirs) or max(ours) <= 2
    return False


def _has_stride_one(call: Call, trace: Trace) -> bool:
    """An unpadded convolution on a small map is no downsampling."""
    layer = trace.layers.get(call.path) if call.is_module else None
    stride = layer.attributes.get("stride") if layer else None
    return isinstance(stride, tuple) and set(stride) == {1} and layer is not None and layer.is_leaf


def _fusions(trace: Trace) -> Iterator[Call]:
    """Where a skip connection meets what was upsampled; where there is no such place, every cat
    and addition of two maps."""
    joins = [call for call in trace.calls if call.op in ("cat", "add") and _joins(call)]
    ups = 0
    for call in _ups(trace):
        ups |= 1 << call.index
    ancestors = _ancestors(trace)
    long = [c for c in joins if _differ(c, ancestors) & ups]
    return iter(long or joins)


def _joins(call: Call) -> bool:
    made = [ref for ref in call.inputs if ref.is_activation]
    if len(made) < 2 or len(made[0].shape) < 3 or call.is_module:
        return False
    return call.op == "cat" or made[0].shape == made[1].shape


def _ancestors(trace: Trace) -> dict[int, int]:
    """The calls that each call's tensors come from, as bits."""
    found: dict[int, int] = {}
    for call in trace.calls:
        bits = 0
        for ref in call.inputs:
            if ref.producer is not None and ref.producer < call.index:
                bits |= found.get(ref.producer, 0) | 1 << ref.producer
        found[call.index] = bits
    return found


def _differ(call: Call, ancestors: dict[int, int]) -> int:
    """The calls that some operands of a call come from and others do not."""
    some, every = 0, -1
    for ref in call.inputs:
        bits = 0 if ref.producer is None else ancestors[ref.producer] | 1 << ref.producer
        some, every = some | bits, every & bits
    return some & ~every


def _stem(trace: Trace) -> Iterator[Call]:
    """The first layer with weights."""
    first = next((call for call in trace.calls if _is_weighted(call)), None)
    return iter([first] if first else [])


def _heads(trace: Trace) -> Iterator[Call]:
    """The last layers with weights before each output."""
    root = next((call for call in trace.calls if not call.path and call.is_module), None)
    queue = [ref.producer for ref in root.outputs] if root else []
    seen: set[int] = set()
    found: set[int] = set()
    while queue:
        index = queue.pop()
        if index is None or index in seen:
            continue
        seen.add(index)
        if _is_weighted(trace.calls[index]):
            found.add(index)
            continue
        producers = [ref.producer for ref in trace.calls[index].inputs if ref.producer is not None]
        # behind an addition stands the whole network: the newest operand is the main branch
        queue += producers if trace.calls[index].op == "cat" else sorted(producers)[-1:]
    return (trace.calls[index] for index in sorted(found))


def _is_weighted(call: Call) -> bool:
    return (call.op or "").startswith(_WEIGHTED)


_ROLES: dict[str, Callable[[Trace], Iterator[Call]]] = {
    "down": _downs,
    "up": _ups,
    "fuse": _fusions,
    "stem": _stem,
    "head": _heads,
}
ROLES = tuple(_ROLES)
