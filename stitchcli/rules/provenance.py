"""Where a number came from: walking a trace upstream."""

from __future__ import annotations

from dataclasses import dataclass

from stitchcli.records import Call, Ref, Trace

# Ops whose result has the width (channels) of one of their operands.
_KEEPS_WIDTH = frozenset(
    """
    relu relu6 gelu silu mish elu selu celu leaky_relu hardswish hardsigmoid hardtanh sigmoid
    tanh softplus softsign prelu rrelu logsigmoid softmax log_softmax dropout dropout1d
    dropout2d dropout3d alpha_dropout feature_dropout batch_norm instance_norm group_norm
    layer_norm rms_norm local_response_norm normalize max_pool1d max_pool2d max_pool3d
    avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
    adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d lp_pool2d interpolate
    grid_sample contiguous clone detach to float half double type_as add sub mul div pow pad
    clamp clip neg exp sqrt rsqrt abs square mean masked_fill roll flip where lerp addcmul
    addcdiv expand expand_as permute transpose flatten view reshape unsqueeze squeeze getitem
    """.split()
)
_RESHAPES = frozenset(["flatten", "view", "reshape", "unflatten"])
_SETS_WIDTH = frozenset(
    """
    conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d linear embedding
    bilinear multi_head_attention_forward
    """.split()
)


@dataclass(frozen=True)
class Origin:
    """What decided a width: ``call`` is None where it was the network's input or a weight.
    ``followers`` are the layers in between whose own width has to follow; ``reshaped`` is True
    where a flatten or view lies in between."""

    ref: Ref
    call: Call | None
    followers: tuple[Call, ...] = ()
    reshaped: bool = False


def origin(trace: Trace, ref: Ref, width: int) -> Origin:
    """Walk upstream from a tensor, past all that keeps ``width``, to the call that decided it."""
    followers: list[Call] = []
    reshaped = False
    while ref.producer is not None:
        call = trace.calls[ref.producer]
        if call.op in _RESHAPES:
            reshaped = True
        upstream = _continue(trace, call, width)
        if upstream is None:
            return Origin(ref, call, tuple(followers), reshaped)
        if call.is_module and any(w.path.startswith(f"{call.path}.") for w in trace.weights):
            followers.append(call)
        ref = upstream
    return Origin(ref, None, tuple(followers), reshaped)


def takers(trace: Trace, call: Call, width: int) -> list[Call]:
    """The layers that take ``width`` channels from a call: those that hand the width on, and behind
    them those that do not."""
    found: list[Call] = []
    reached = {call.index}
    for each in trace.calls[call.index + 1 :]:
        given = [ref for ref in each.inputs if ref.producer in reached and width in ref.shape]
        if not given or each.op is None:
            continue
        if each.is_module and any(w.path.startswith(f"{each.path}.") for w in trace.weights):
            found.append(each)
        if each.op in _KEEPS_WIDTH or _is_depthwise(trace, each):
            reached.add(each.index)
    return found


def _continue(trace: Trace, call: Call, width: int) -> Ref | None:
    """The operand whose width a call only hands on."""
    tensors = [ref for ref in call.inputs if not _is_weight(ref)]
    if call.op in _SETS_WIDTH and not _is_depthwise(trace, call):
        return None
    if call.op not in _KEEPS_WIDTH and not _is_depthwise(trace, call):
        return None
    same = [ref for ref in tensors if width in ref.shape and ref.producer != call.index]
    # of two operands, the newest is the main branch
    return max(same, key=lambda ref: -1 if ref.producer is None else ref.producer, default=None)


def _is_depthwise(trace: Trace, call: Call) -> bool:
    layer = trace.layers.get(call.path)
    if layer is None or not call.is_module:
        return False
    groups, width = layer.attributes.get("groups", 1), layer.attributes.get("in_channels")
    return bool(groups != 1 and groups == width == layer.attributes.get("out_channels"))


def _is_weight(ref: Ref) -> bool:
    return ref.producer is None and bool(ref.name) and not is_input(ref)


def is_input(ref: Ref) -> bool:
    """True for what was given to the network."""
    return ref.producer is None and ref.name.partition(" ")[0] == "input"


def describe(trace: Trace, ref: Ref, axis: int) -> str:
    """``256 = 128 from up + 128 from enc2``: a width as what decided it, a cat as its parts."""
    width = ref.shape[axis]
    found = origin(trace, ref, width)
    if found.call is None:
        return f"{width} from {found.ref.name or 'the input'}"
    if found.call.op == "cat" and len(found.call.inputs) > 1:
        parts = [part for part in found.call.inputs if len(part.shape) > axis]
        words = (
            f"{p.shape[axis]} from {name_of(trace, origin(trace, p, p.shape[axis]))}" for p in parts
        )
        return f"{width} = {' + '.join(words)}"
    return f"{width} from {name_of(trace, found)}"


def name_of(trace: Trace, found: Origin) -> str:
    """What a reader would call the thing that decided a width."""
    if found.call is None:
        return found.ref.name or "the input"
    call = found.call
    if call.is_module:
        return call.path or trace.layers[""].kind
    return f"{call.op} in {call.path}" if call.path else str(call.op)


def module_of(trace: Trace, ref: Ref) -> str | None:
    """The innermost module whose output a tensor is, so that a block can be put after it."""
    if ref.producer is None:
        return None
    call = trace.calls[ref.producer]
    if call.is_module:
        return call.path
    # the functional call's result may be what its module returns
    parent = trace.calls[call.parent] if call.parent is not None else None
    if parent is not None and any(out.producer == call.index for out in parent.outputs):
        return parent.path or None
    return None
