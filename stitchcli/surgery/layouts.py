"""Where the channels of a tensor stand, told from the ops that work on it."""

from __future__ import annotations

from stitchcli.binding import Layout
from stitchcli.records import Call, Layer, Shape, Trace
from stitchcli.surgery.adapted import grid_of

_FIRST = frozenset(
    """conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d batch_norm
    instance_norm group_norm max_pool1d max_pool2d max_pool3d avg_pool2d""".split()
)
_LAST = frozenset(
    "linear layer_norm rms_norm embedding multi_head_attention_forward lstm gru rnn".split()
)


def axis_of(layout: Layout) -> int:
    """Where the channels stand."""
    return 1 if layout == "channels_first" else -1


def layout_of(axis: int, rank: int) -> Layout:
    """The layout of a tensor with its channels at ``axis``."""
    if axis == 1 or rank < 3:
        return "channels_first"
    return "tokens" if rank == 3 else "channels_last"


def aspect_of(trace: Trace) -> tuple[int, int]:
    """Height to width of the network's input."""
    shape = trace.inputs[0].shape if trace.inputs else ()
    return (shape[2], shape[3]) if len(shape) == 4 else (1, 1)


def sizes_in(shape: Shape, layout: Layout, aspect: tuple[int, int]) -> Shape:
    """The spatial sizes; of tokens, those of the grid that they are."""
    if layout == "channels_first":
        return shape[2:]
    return grid_of(shape[1], aspect) if layout == "tokens" else shape[1:-1]


def channel_axis(layer: Layer, shape: Shape, ops: list[str]) -> int:
    """Where the channels stand: behind the batch, or last in tokens (B, L, C) and in maps
    (B, H, W, C). Which of the two, the ops that work on it tell."""
    kernel = layer.attributes.get("kernel_size") if layer.family == "conv" else None
    if isinstance(kernel, tuple):
        return len(shape) - len(kernel) - 1
    if layer.family in ("linear", "attn") or layer.kind in ("LayerNorm", "RMSNorm", "Embedding"):
        return len(shape) - 1
    if len(shape) == 3 and "1d" in layer.kind:
        return 1
    return axis_told(ops, len(shape))


def axis_told(ops: list[str], rank: int) -> int:
    """The axis of the channels in a tensor of ``rank`` axes that ``ops`` work on."""
    if rank < 3:
        return min(1, rank - 1)
    told = next((op for op in ops if op in _FIRST or op in _LAST), "")
    if rank == 3:
        return 1 if told in _FIRST else 2
    return rank - 1 if told in _LAST else 1


def ops_before(call: Call, trace: Trace) -> list[str]:
    """A functional call's op and those that made its first tensor, the nearest first."""
    return [call.op or "", *_feeding(call, trace)]


def ops_inside(call: Call, trace: Trace) -> list[str]:
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
    told = any(op in _LAST or op in _FIRST for op in ops)
    return ops if told else [*ops, *_feeding(call, trace)]


def _feeding(call: Call, trace: Trace) -> list[str]:
    """The ops that made a call's first tensor, the nearest first."""
    ops: list[str] = []
    source = call.inputs[0].producer if call.inputs else None
    for _ in range(16):
        if source is None:
            break
        feeder = trace.calls[source]
        ops += [feeder.op] if feeder.op else []
        source = feeder.inputs[0].producer if feeder.inputs else None
    return ops
