"""Operations on tensors without weights: joining, arithmetic, products, views."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from stitchcli.tracing.contracts.contract import Age, Arguments, Fault


def cat(a: Arguments, age: Age) -> list[Fault]:
    tensors = [t for t in a["tensors"] if not (t.ndim == 1 and t.numel() == 0)]
    if len(tensors) < 2 or len({t.ndim for t in tensors}) > 1 or not tensors[0].ndim:
        return []
    dim = a["dim"] or 0
    if not isinstance(dim, int):
        return []
    dim %= tensors[0].ndim
    # the newest operand is what the rest of the forward was written for
    leader = max(tensors, key=age)
    fixed, faults = [], []
    for index, tensor in enumerate(tensors):
        axes = [i for i in range(tensor.ndim) if i != dim and tensor.shape[i] != leader.shape[i]]
        if axes:
            sizes = (leader.shape[axes[0]], tensor.shape[axes[0]])
            faults.append(Fault("cat", tuple(tensors), index, axes[0], *sizes))
            shape = list(leader.shape)
            shape[dim] = tensor.shape[dim]
            tensor = tensor.new_zeros(shape)
        fixed.append(tensor)
    if faults:
        a["tensors"] = fixed
    return faults


def broadcast(a: Arguments, age: Age) -> list[Fault]:
    left, right = a["input"], a["other"]
    if not isinstance(left, Tensor) or not isinstance(right, Tensor):
        return []
    axes = [
        back
        for back in range(1, min(left.ndim, right.ndim) + 1)
        if left.shape[-back] != right.shape[-back]
        and 1 not in (left.shape[-back], right.shape[-back])
    ]
    if not axes:
        return []
    if _leads(right, left, age):
        keep, change, name, operand = right, left, "input", 0
    else:
        keep, change, name, operand = left, right, "other", 1
    shape = list(change.shape)
    for back in axes:
        shape[-back] = keep.shape[-back]
    a[name] = change.new_zeros(shape)
    back = max(axes)
    dim = change.ndim - back
    sizes = (keep.shape[-back], change.shape[-back])
    return [Fault("broadcast", (left, right), operand, dim, *sizes)]


def _leads(one: Tensor, other: Tensor, age: Age) -> bool:
    """Whether the rest of the forward was written for ``one``: a map leads its gate, else what is
    newer leads."""
    if one.ndim != other.ndim:
        return one.ndim > other.ndim
    ones = one.shape[2:].count(1), other.shape[2:].count(1)
    return ones[0] < ones[1] if ones[0] != ones[1] else age(one) > age(other)


def matmul(a: Arguments, age: Age) -> list[Fault]:
    left, right = a["input"], a["other"]
    if not left.ndim or not right.ndim:
        return []
    inner = right.shape[-2] if right.ndim > 1 else right.shape[0]
    if left.shape[-1] == inner:
        return []
    shape = list(right.shape)
    shape[-2 if right.ndim > 1 else 0] = left.shape[-1]
    a["other"] = right.new_zeros(shape)
    return [Fault("features", (left, right), 0, left.ndim - 1, inner, left.shape[-1])]


def reshape(a: Arguments, age: Age) -> list[Fault]:
    x, shape = a.args[0], a.args[1:] or tuple(a.kwargs.get("shape", a.kwargs.get("size", ())))
    if len(shape) == 1 and not isinstance(shape[0], int | torch.dtype):
        shape = tuple(shape[0])
    if not shape or not all(isinstance(size, int) for size in shape):
        return []
    known = prod(size for size in shape if size != -1)
    free = -1 in shape
    if (free and known and x.numel() % known == 0) or (not free and known == x.numel()):
        return []
    rest = _nearest_product(x, x.numel() / max(known, 1))
    filled = [rest if size == -1 else size for size in shape]
    a.args[0] = x.new_zeros(filled)
    text = "×".join(str(size) for size in shape)
    return [Fault("features", (x,), 0, None, known, x.numel(), text)]


def _nearest_product(x: Tensor, wanted: float) -> int:
    """The product of neighbouring sizes nearest to ``wanted``: a view that does not divide was
    written for one of these, such as height times width."""
    sizes = list(x.shape)
    ends = [(i, j) for i in range(len(sizes)) for j in range(i + 1, len(sizes) + 1)]
    return min((prod(sizes[i:j]) for i, j in ends), key=lambda size: abs(size - wanted), default=1)


def pixel_shuffle(a: Arguments, age: Age) -> list[Fault]:
    """Channels come in groups of the factor squared."""
    x, group = a["input"], a["upscale_factor"] ** 2
    width = x.shape[-3]
    if width % group == 0:
        return []
    expected = -(-width // group) * group
    a["input"] = x.new_zeros((*x.shape[:-3], expected, *x.shape[-2:]))
    return [Fault("channels", (x,), 0, x.ndim - 3, expected, width)]


def split(a: Arguments, age: Age) -> list[Fault]:
    x, sizes, dim = a["input"], a["split_size"], a["dim"] or 0
    if isinstance(sizes, int) or sum(sizes) == x.shape[dim]:
        return []
    shape = list(x.shape)
    shape[dim] = sum(sizes)
    a["input"] = x.new_zeros(shape)
    return [Fault("channels", (x,), 0, dim % x.ndim, sum(sizes), x.shape[dim])]


def dot_product_attention(a: Arguments, age: Age) -> list[Fault]:
    """Queries and keys share their depth, keys and values their length; all share their heads."""
    rank = a["query"].ndim
    heads = () if a.kwargs.get("enable_gqa") else range(-rank, -2)
    rules = [("query", "key", -1, "depth"), ("key", "value", -2, "length")]
    rules += [("query", name, axis, "heads") for name in ("key", "value") for axis in heads]
    faults = []
    for one, other, axis, text in rules:
        fixed, odd = a[one], a[other]
        sizes = fixed.shape[axis], odd.shape[axis]
        if sizes[0] == sizes[1] or (text == "heads" and 1 in sizes):
            continue
        shape = list(odd.shape)
        shape[axis] = sizes[0]
        a[other] = odd.new_zeros(shape)
        faults.append(Fault("features", (odd, fixed), 0, odd.ndim + axis, *sizes, text))
    if faults and a["attn_mask"] is not None:
        a["attn_mask"] = None  # it was made for other sizes
    return faults[:1]
