"""What must agree between the operands of an op, and the smallest repair where it does not.

Each contract looks at shapes alone, before the op runs, so that a fault is the same fact on every
device (torch words it differently on each, and on meta some faults pass in silence). It returns
what it found and arguments with which the forward goes on: a weight of the width that came, a
tensor resized to its partner.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from stitchcli.tracing.contracts import layers, sliding, tensors
from stitchcli.tracing.contracts.contract import Age, Arguments, Contract, Fault

_CONV = "input weight bias stride padding dilation groups"
_CONV_TRANSPOSE = "input weight bias stride padding output_padding groups dilation"
_NORM = "input running_mean running_var weight bias training momentum eps"
_POOL = "input kernel_size stride padding dilation ceil_mode return_indices"
_AVG_POOL = "input kernel_size stride padding ceil_mode count_include_pad divisor_override"

_NAMED: dict[str, tuple[str, Contract]] = {
    **{f"conv{n}d": (_CONV, sliding.convolution) for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": (_CONV_TRANSPOSE, sliding.conv_transpose) for n in (1, 2, 3)},
    **{f"max_pool{n}d": (_POOL, partial(sliding.pool, spatial=n)) for n in (1, 2, 3)},
    **{f"avg_pool{n}d": (_AVG_POOL, partial(sliding.pool, spatial=n)) for n in (1, 2, 3)},
    **dict.fromkeys(("add", "sub", "mul", "div"), ("input other", tensors.broadcast)),
    **dict.fromkeys(("matmul", "bmm", "mm"), ("input other", tensors.matmul)),
    **dict.fromkeys(("view", "reshape"), ("input", tensors.reshape)),
    **dict.fromkeys(("split", "split_with_sizes"), ("input split_size dim", tensors.split)),
    "linear": ("input weight bias", layers.linear),
    "batch_norm": (_NORM, layers.norm_over_channels),
    "instance_norm": (_NORM, layers.norm_over_channels),
    "group_norm": ("input num_groups weight bias eps", layers.group_norm),
    "layer_norm": ("input normalized_shape weight bias eps", layers.layer_norm),
    "rms_norm": ("input normalized_shape weight eps", layers.layer_norm),
    "prelu": ("input weight", layers.prelu),
    "pixel_shuffle": ("input upscale_factor", tensors.pixel_shuffle),
    "cat": ("tensors dim", tensors.cat),
    "scaled_dot_product_attention": ("query key value attn_mask", tensors.dot_product_attention),
    "multi_head_attention_forward": ("query key value embed_dim_to_check", layers.attention),
}

_CONTRACTS = {
    op: ({name: place for place, name in enumerate(names.split())}, contract)
    for op, (names, contract) in _NAMED.items()
}


def check(
    op: str, args: tuple[Any, ...], kwargs: dict[str, Any], age: Age
) -> tuple[list[Fault], tuple[Any, ...], dict[str, Any]]:
    """The faults of a call, and arguments to go on with. ``age`` tells when a tensor was made."""
    entry = _CONTRACTS.get(op)
    if entry is None:
        return [], args, kwargs
    places, contract = entry
    arguments = Arguments(places, args, kwargs)
    try:
        faults = contract(arguments, age)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError):
        return [], args, kwargs  # an unusual call: torch itself says what it thinks of it
    return (faults, tuple(arguments.args), arguments.kwargs) if faults else ([], args, kwargs)
