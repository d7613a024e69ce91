"""Multiply-accumulates of the ops that torch really runs, from shapes alone.

Counted are convolutions, matrix products and attention: what the field means by the MACs of a
network. Norms, activations, pooling and element-wise arithmetic count as none *by definition*;
every other op without a formula is reported as uncounted, never silently as zero.

The formulas work on the dispatcher's ops, below ``nn.Module`` and ``torch.nn.functional``, so
that fused and composite functions are counted alike, and the counts do not depend on the device.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from math import prod
from typing import Any

import torch
from torch._C import DispatchKey

from stitchcli.tracing.free_ops import FREE_ELSEWHERE, FREE_OPS

Formula = Callable[[tuple[Any, ...], dict[str, Any], Any], int]


def _convolution(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int:
    """Each weight is used once per output position, or per input position when transposed."""
    x, weight, *options = args
    transposed = len(options) > 4 and options[4]
    spatial = x.shape if transposed else out.shape
    first = spatial[0] if x.ndim == weight.ndim else 1
    return int(first * prod(spatial[-(weight.ndim - 2) :]) * weight.numel())


def _forward_convolution(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int:
    return _convolution(args[:2], kwargs, out)


def _mm(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int:
    """(n, m) @ (m, p): also with a leading batch, and for vectors. Of a sparse matrix only what it
    holds is multiplied."""
    first, second = args[:2]
    if first.layout is torch.strided and second.layout is not torch.strided:
        return int(second._nnz() * (first.numel() // first.shape[-1]))
    held = first.numel() if first.layout is torch.strided else first._nnz()
    return int(held * (second.shape[-1] if second.ndim > 1 else 1))


def _grouped_mm(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int:
    """Rows, columns or both are split into groups, each with a matrix of its own: as many products
    as one of the matrices needs that is not split."""
    rows, columns = args[:2]
    whole = rows[0] if rows.ndim == 3 and columns.ndim == 2 else rows
    return _mm((whole, columns), kwargs, out)


def _addmm(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int:
    return _mm(args[1:3], kwargs, out)


def _deform_conv2d(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int:
    """Each weight is used once per output position; sampling between pixels counts as none, as in
    interpolation and grid_sample (arXiv:1703.06211)."""
    weight = args[1]
    return int(out.shape[0] * prod(out.shape[2:]) * weight.numel())


def _convolution_backward(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int:
    """As many as the convolution itself for the gradient of its input, and for that of its
    weight."""
    gradient, x, weight, _, *options, wanted = args
    forward = _convolution((x, weight, None, *options), {}, gradient)
    return forward * (bool(wanted[0]) + bool(wanted[1]))


def _linear(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int:
    return int(args[0].numel() * (args[1].shape[0] if args[1].ndim > 1 else 1))


def _attention(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int:
    """Both products, queries with keys and scores with values; a causal mask saves nothing here."""
    query, key, value = (tensor.shape for tensor in args[:3])
    return int(prod(query[:-1]) * key[-2] * (query[-1] + value[-1]))


def _efficient_attention(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int:
    """The same for tensors laid out as (B, L, heads, d)."""
    query, key, value = (tensor.shape for tensor in args[:3])
    return int(query[0] * query[2] * query[1] * key[1] * (query[-1] + value[-1]))


def _addr(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int:
    """An outer product added to a matrix."""
    return int(args[1].numel() * args[2].numel())


def _trilinear(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int:
    """nn.Bilinear: x1 W x2 for each output feature; the second, smaller product counts too."""
    first, weight = args[:2]
    rows = max(first.numel() // first.shape[-1], 1) if first.ndim else 1
    if weight.ndim < 3:
        rows = prod(out.shape[:-1])
    features, left, right = weight.shape[-3:]
    return int(rows * features * (left * right + right))


def _gates(weights: list[Any], steps: int) -> int:
    return sum(steps * weight.numel() for weight in weights if weight.ndim == 2)


def _mkldnn_rnn_layer(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int:
    """One direction of one LSTM layer: input and hidden weights at every step, (T, B, features)."""
    steps = out[0].numel() // out[0].shape[-1]
    return _gates([args[1], args[2]], steps)


def _cudnn_rnn(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int:
    steps = out[0].numel() // out[0].shape[-1]
    return _gates(list(args[1]), steps)


FORMULAS: dict[str, Formula] = {
    "convolution": _convolution,
    "_convolution": _convolution,
    "convolution_overrideable": _convolution,
    "cudnn_convolution": _forward_convolution,
    "mkldnn_convolution": _forward_convolution,
    "convolution_backward": _convolution_backward,
    "_conv_depthwise2d": _forward_convolution,
    "conv_depthwise3d": _forward_convolution,
    "mm": _mm,
    "bmm": _mm,
    "mv": _mm,
    "dot": _mm,
    "vdot": _mm,
    "_int_mm": _mm,
    "_scaled_mm": _mm,
    "_grouped_mm": _grouped_mm,
    "_scaled_grouped_mm": _grouped_mm,
    "addmm": _addmm,
    "_sparse_addmm": _addmm,
    "addmv": _addmm,
    "addbmm": _addmm,
    "baddbmm": _addmm,
    "_addmm_activation": _addmm,
    "addr": _addr,
    "linear": _linear,
    "mkldnn_linear": _linear,
    "_trilinear": _trilinear,
    "_scaled_dot_product_flash_attention": _attention,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_efficient_attention": _attention,
    "_scaled_dot_product_cudnn_attention": _attention,
    "_scaled_dot_product_fused_attention_overrideable": _attention,
    "_flash_attention_forward": _efficient_attention,
    "_efficient_attention_forward": _efficient_attention,
    "mkldnn_rnn_layer": _mkldnn_rnn_layer,
    "_cudnn_rnn": _cudnn_rnn,
}

#: Those of other libraries that are part of many networks, by their whole names.
_ELSEWHERE: dict[str, Formula] = {"torchvision::deform_conv2d": _deform_conv2d}

#: Those that take functions: what these do to scores one by one counts as none.
HIGHER_ORDER: dict[str, Formula] = {"flex_attention": _attention}


@cache
def is_composite(op: Any) -> bool:
    """Whether an op without a formula is made of others. Most are taken apart before they are seen,
    but in inference mode they are not."""
    kernel = torch._C._dispatch_has_kernel_for_dispatch_key
    return bool(kernel(op.name(), DispatchKey.CompositeImplicitAutograd))


def formula_of(op: Any) -> Formula | None:
    """The formula of a dispatcher op, or None if it has none; ``free`` for one that costs none."""
    found = _own_formula(op)
    return found if found is not None and op.namespace == "aten" else _registered(op) or found


@cache
def _own_formula(op: Any) -> Formula | None:
    name = op._schema.name.partition("::")[2]
    if op.namespace == "aten" and (formula := FORMULAS.get(name.rstrip("_")) or FORMULAS.get(name)):
        return formula
    return _ELSEWHERE.get(op._schema.name) or (free if _is_free(op, name) else None)


def free(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int:
    """The cost of an op that multiplies and accumulates nothing."""
    return 0


def _is_free(op: Any, name: str) -> bool:
    if op._schema.name in FREE_ELSEWHERE:
        return True
    if op.namespace not in ("aten", "prim", "prims"):
        return False
    if name.startswith("_foreach_"):  # one by one in each of a list of tensors
        return True
    plain = getattr(torch.ops.aten, name.rstrip("_"), None)  # in-place ops carry no tags themselves
    relatives = [getattr(plain, overload) for overload in plain.overloads()] if plain else []
    tags = {str(tag).rpartition(".")[2] for each in (op, *relatives) for tag in each.tags}
    if "pointwise" in tags or name.rstrip("_") in FREE_OPS:
        return True
    if tags & {"reduction", "view_copy", "inplace_view"}:
        return True
    schema = op._schema
    returns_no_tensor = not any("Tensor" in str(value.type) for value in schema.returns)
    is_view = any(a.alias_info and not a.alias_info.is_write for a in schema.arguments)
    is_factory = not any("Tensor" in str(a.type) for a in schema.arguments)
    return returns_no_tensor or is_view or is_factory


def _registered(op: Any) -> Formula | None:
    """A formula that somebody registered with torch for an op of their own."""
    counter = sys.modules.get("torch.utils.flop_counter")
    found = counter.flop_registry.get(op._overloadpacket) if counter else None
    if found is None or op.namespace == "aten":
        return None
    flops: Callable[..., int] = found
    return lambda args, kwargs, out: flops(*args, **kwargs, out_val=out) // 2
