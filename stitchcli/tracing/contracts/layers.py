"""Linear layers, norms, activations with weights, attention layers: the width that they were built
for."""

from __future__ import annotations

from torch import Tensor

from stitchcli.tracing.contracts.contract import Age, Arguments, Fault, each


def linear(a: Arguments, age: Age) -> list[Fault]:
    x, weight = a["input"], a["weight"]
    if x.ndim == 0 or x.shape[-1] == weight.shape[-1]:
        return []
    a["weight"] = weight.new_zeros((*weight.shape[:-1], x.shape[-1]))
    return [Fault("channels", (x, weight), 0, x.ndim - 1, weight.shape[-1], x.shape[-1])]


def norm_over_channels(a: Arguments, age: Age) -> list[Fault]:
    x = a["input"]
    vectors = {name: a[name] for name in ("running_mean", "running_var", "weight", "bias")}
    known = next((v for v in vectors.values() if v is not None), None)
    if known is None or x.ndim < 2 or known.numel() == x.shape[1]:
        return []
    for name, vector in vectors.items():
        if vector is not None:
            a[name] = vector.new_zeros(x.shape[1])
    return [Fault("channels", (x, known), 0, 1, known.numel(), x.shape[1])]


def group_norm(a: Arguments, age: Age) -> list[Fault]:
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


def layer_norm(a: Arguments, age: Age) -> list[Fault]:
    x, shape = a["input"], tuple(each(a["normalized_shape"], 1))
    tail = tuple(x.shape[-len(shape) :])
    if tail == shape or len(tail) < len(shape):
        return []
    last = max(i for i in range(len(shape)) if tail[i] != shape[i])
    a["normalized_shape"] = tail
    for name in ("weight", "bias"):
        if name in a and a[name] is not None:
            a[name] = a[name].new_zeros(tail)
    dim = x.ndim - len(shape) + last
    return [Fault("channels", (x,), 0, dim, shape[last], tail[last])]


def prelu(a: Arguments, age: Age) -> list[Fault]:
    x, weight = a["input"], a["weight"]
    width = x.shape[1] if x.ndim > 1 else 1
    if weight.numel() in (1, width):
        return []
    a["weight"] = weight.new_zeros(width)
    return [Fault("channels", (x, weight), 0, 1, weight.numel(), width)]


def attention(a: Arguments, age: Age) -> list[Fault]:
    query, expected = a["query"], a["embed_dim_to_check"]
    if query.shape[-1] == expected:
        return []
    resized: dict[int, Tensor] = {}
    for name in ("query", "key", "value"):
        x = a[name]
        if x.shape[-1] == query.shape[-1]:
            a[name] = resized.setdefault(id(x), x.new_zeros((*x.shape[:-1], expected)))
    return [Fault("channels", (query,), 0, query.ndim - 1, expected, query.shape[-1])]
