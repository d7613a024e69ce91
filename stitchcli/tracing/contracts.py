"""What must agree between the operands of an op, and the smallest repair where it does not.

Each contract looks at shapes alone, before the op runs, so that a fault is the same fact on every
device (torch words it differently on each, and on meta some faults pass in silence). It returns
what it found and arguments with which the forward goes on: a weight of the width that came, a
tensor resized to its partner.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor

Kind = Literal["channels", "cat", "broadcast", "features", "shrunk"]


@dataclass(frozen=True)
class Fault:
    """A broken contract: ``operands[operand]`` does not fit on axis ``dim``."""

    kind: Kind
    operands: tuple[Tensor, ...]
    operand: int
    dim: int | None
    expected: int | None
    got: int | None
    text: str = ""


class Arguments:
    """The arguments of one call, read and replaced by name."""

    def __init__(self, names: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._names = names.split()
        self.args = list(args)
        self.kwargs = dict(kwargs)

    def __getitem__(self, name: str) -> Any:
        index = self._names.index(name)
        return self.args[index] if index < len(self.args) else self.kwargs.get(name)

    def __setitem__(self, name: str, value: Any) -> None:
        index = self._names.index(name)
        if index < len(self.args):
            self.args[index] = value
        else:
            self.kwargs[name] = value


Contract = Callable[[Arguments, Callable[[Tensor], int]], list[Fault]]

_CONV = "input weight bias stride padding dilation groups"
_CONV_TRANSPOSE = "input weight bias stride padding output_padding groups dilation"
_NORM = "input running_mean running_var weight bias training momentum eps"
_POOL = "input kernel_size stride padding dilation ceil_mode return_indices"
_AVG_POOL = "input kernel_size stride padding ceil_mode count_include_pad divisor_override"


def _channel_axis(tensor: Tensor, spatial: int) -> int:
    return tensor.ndim - spatial - 1


def _each(value: Any, count: int) -> tuple[Any, ...]:
    """One value per spatial axis."""
    if isinstance(value, int | str) or value is None:
        return (value,) * count
    values = tuple(value)
    return values * count if len(values) == 1 else values


def _convolution(a: Arguments, age: Callable[[Tensor], int]) -> list[Fault]:
    x, weight, groups = a["input"], a["weight"], a["groups"] or 1
    spatial = weight.ndim - 2
    axis = _channel_axis(x, spatial)
    if axis not in (0, 1):
        return []
    faults = []
    expected, got = weight.shape[1] * groups, x.shape[axis]
    if expected != got:
        faults.append(Fault("channels", (x, weight), 0, axis, expected, got))
        groups = groups if got % groups == 0 else 1
        a["groups"] = groups
        a["weight"] = weight.new_zeros((weight.shape[0], got // groups, *weight.shape[2:]))
    padding = _each(a["padding"] or 0, spatial)
    dilation = _each(a["dilation"] or 1, spatial)
    if not any(isinstance(p, str) for p in padding):
        reach = [d * (k - 1) + 1 - 2 * p for d, k, p in
                 zip(dilation, weight.shape[2:], padding, strict=False)]  # fmt: skip
        faults += _enlarge(a, reach, age)
    return faults


def _enlarge(a: Arguments, least: Sequence[int], age: Callable[[Tensor], int]) -> list[Fault]:
    """A kernel wider than the padded input: the input is taken as just large enough."""
    x = a["input"]
    first = x.ndim - len(least)
    short = [i for i, size in enumerate(least) if x.shape[first + i] < size]
    if not short:
        return []
    shape = list(x.shape)
    for i in short:
        shape[first + i] = least[i]
    a["input"] = x.new_zeros(shape)
    i = short[0]
    return [Fault("shrunk", (x,), 0, first + i, least[i], x.shape[first + i])]


def _conv_transpose(a: Arguments, age: Callable[[Tensor], int]) -> list[Fault]:
    x, weight, groups = a["input"], a["weight"], a["groups"] or 1
    axis = _channel_axis(x, weight.ndim - 2)
    if axis not in (0, 1) or weight.shape[0] == x.shape[axis]:
        return []
    got, out = x.shape[axis], weight.shape[1] * groups
    groups = groups if got % groups == 0 and out % groups == 0 else 1
    a["groups"] = groups
    a["weight"] = weight.new_zeros((got, out // groups, *weight.shape[2:]))
    return [Fault("channels", (x, weight), 0, axis, weight.shape[0], got)]


def _linear(a: Arguments, age: Callable[[Tensor], int]) -> list[Fault]:
    x, weight = a["input"], a["weight"]
    if x.ndim == 0 or x.shape[-1] == weight.shape[-1]:
        return []
    a["weight"] = weight.new_zeros((*weight.shape[:-1], x.shape[-1]))
    return [Fault("channels", (x, weight), 0, x.ndim - 1, weight.shape[-1], x.shape[-1])]


def _norm_over_channels(a: Arguments, age: Callable[[Tensor], int]) -> list[Fault]:
    x = a["input"]
    vectors = {name: a[name] for name in ("running_mean", "running_var", "weight", "bias")}
    known = next((v for v in vectors.values() if v is not None), None)
    if known is None or x.ndim < 2 or known.numel() == x.shape[1]:
        return []
    for name, vector in vectors.items():
        if vector is not None:
            a[name] = vector.new_zeros(x.shape[1])
    return [Fault("channels", (x, known), 0, 1, known.numel(), x.shape[1])]


def _group_norm(a: Arguments, age: Callable[[Tensor], int]) -> list[Fault]:
    x, weight, groups = a["input"], a["weight"], a["num_groups"]
    expected = x.shape[1] if weight is None else weight.numel()
    if x.ndim < 2 or (expected == x.shape[1] and x.shape[1] % groups == 0):
        return []
    a["weight"] = a["bias"] = None
    a["num_groups"] = groups if x.shape[1] % groups == 0 else 1
    operands = (x,) if weight is None else (x, weight)
    if expected == x.shape[1]:
        text = f"{groups} groups do not divide {x.shape[1]} channels"
        return [Fault("channels", operands, 0, 1, None, x.shape[1], text)]
    return [Fault("channels", operands, 0, 1, expected, x.shape[1])]


def _layer_norm(a: Arguments, age: Callable[[Tensor], int]) -> list[Fault]:
    x, shape = a["input"], tuple(_each(a["normalized_shape"], 1))
    tail = tuple(x.shape[-len(shape) :])
    if tail == shape or len(tail) < len(shape):
        return []
    last = max(i for i in range(len(shape)) if tail[i] != shape[i])
    a["normalized_shape"] = tail
    for name in ("weight", "bias"):
        if name in a._names and a[name] is not None:
            a[name] = a[name].new_zeros(tail)
    dim = x.ndim - len(shape) + last
    return [Fault("channels", (x,), 0, dim, shape[last], tail[last])]


def _prelu(a: Arguments, age: Callable[[Tensor], int]) -> list[Fault]:
    x, weight = a["input"], a["weight"]
    width = x.shape[1] if x.ndim > 1 else 1
    if weight.numel() in (1, width):
        return []
    a["weight"] = weight.new_zeros(width)
    return [Fault("channels", (x, weight), 0, 1, weight.numel(), width)]


def _attention(a: Arguments, age: Callable[[Tensor], int]) -> list[Fault]:
    query, expected = a["query"], a["embed_dim_to_check"]
    if query.shape[-1] == expected:
        return []
    resized: dict[int, Tensor] = {}
    for name in ("query", "key", "value"):
        x = a[name]
        if x.shape[-1] == query.shape[-1]:
            a[name] = resized.setdefault(id(x), x.new_zeros((*x.shape[:-1], expected)))
    return [Fault("channels", (query,), 0, query.ndim - 1, expected, query.shape[-1])]


def _pool(a: Arguments, age: Callable[[Tensor], int]) -> list[Fault]:
    spatial = int(a.kwargs.pop("_spatial"))
    x = a["input"]
    if x.ndim <= spatial:
        return []
    kernel, padding = _each(a["kernel_size"], spatial), _each(a["padding"] or 0, spatial)
    dilation = _each((a["dilation"] if "dilation" in a._names else 1) or 1, spatial)
    least = [d * (k - 1) + 1 - 2 * p for d, k, p in zip(dilation, kernel, padding, strict=False)]
    return _enlarge(a, least, age)


def _cat(a: Arguments, age: Callable[[Tensor], int]) -> list[Fault]:
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


def _broadcast(a: Arguments, age: Callable[[Tensor], int]) -> list[Fault]:
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
    if age(right) > age(left) and right.ndim >= left.ndim:
        keep, change, name, operand = right, left, "input", 0
    else:
        keep, change, name, operand = left, right, "other", 1
    a[name] = change.new_zeros(keep.shape)
    back = max(axes)
    dim = change.ndim - back
    sizes = (keep.shape[-back], change.shape[-back])
    return [Fault("broadcast", (left, right), operand, dim, *sizes)]


def _matmul(a: Arguments, age: Callable[[Tensor], int]) -> list[Fault]:
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


def _reshape(a: Arguments, age: Callable[[Tensor], int]) -> list[Fault]:
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


def _split(a: Arguments, age: Callable[[Tensor], int]) -> list[Fault]:
    x, sizes, dim = a["input"], a["split_size"], a["dim"] or 0
    if isinstance(sizes, int) or sum(sizes) == x.shape[dim]:
        return []
    shape = list(x.shape)
    shape[dim] = sum(sizes)
    a["input"] = x.new_zeros(shape)
    return [Fault("channels", (x,), 0, dim % x.ndim, sum(sizes), x.shape[dim])]


def _dot_product_attention(a: Arguments, age: Callable[[Tensor], int]) -> list[Fault]:
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
    return faults[:1]


_CONTRACTS: dict[str, tuple[str, Contract]] = {
    **{f"conv{n}d": (_CONV, _convolution) for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": (_CONV_TRANSPOSE, _conv_transpose) for n in (1, 2, 3)},
    **{f"max_pool{n}d": (_POOL, _pool) for n in (1, 2, 3)},
    **{f"avg_pool{n}d": (_AVG_POOL, _pool) for n in (1, 2, 3)},
    **dict.fromkeys(("add", "sub", "mul", "div"), ("input other", _broadcast)),
    **dict.fromkeys(("matmul", "bmm", "mm"), ("input other", _matmul)),
    **dict.fromkeys(("view", "reshape"), ("input", _reshape)),
    **dict.fromkeys(("split", "split_with_sizes"), ("input split_size dim", _split)),
    "linear": ("input weight bias", _linear),
    "batch_norm": (_NORM, _norm_over_channels),
    "instance_norm": (_NORM, _norm_over_channels),
    "group_norm": ("input num_groups weight bias eps", _group_norm),
    "layer_norm": ("input normalized_shape weight bias eps", _layer_norm),
    "rms_norm": ("input normalized_shape weight eps", _layer_norm),
    "prelu": ("input weight", _prelu),
    "cat": ("tensors dim", _cat),
    "scaled_dot_product_attention": ("query key value attn_mask", _dot_product_attention),
    "multi_head_attention_forward": ("query key value embed_dim_to_check", _attention),
}


def check(
    op: str, args: tuple[Any, ...], kwargs: dict[str, Any], age: Callable[[Tensor], int]
) -> tuple[list[Fault], tuple[Any, ...], dict[str, Any]]:
    """The faults of a call, and arguments to go on with. ``age`` tells when a tensor was made."""
    entry = _CONTRACTS.get(op)
    if entry is None:
        return [], args, kwargs
    names, contract = entry
    arguments = Arguments(names, args, kwargs)
    if contract is _pool:
        arguments.kwargs["_spatial"] = int(op[-2])
    try:
        faults = contract(arguments, age)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return [], args, kwargs  # an unusual call: torch itself says what it thinks of it
    return (faults, tuple(arguments.args), arguments.kwargs) if faults else ([], args, kwargs)
