"""Layers that slide a kernel over their input: convolutions and pooling."""

from __future__ import annotations

from collections.abc import Sequence

from stitchcli.tracing.contracts.contract import Age, Arguments, Fault, channel_axis, each


def convolution(a: Arguments, age: Age) -> list[Fault]:
    x, weight, groups = a["input"], a["weight"], a["groups"] or 1
    spatial = weight.ndim - 2
    axis = channel_axis(x, spatial)
    if axis not in (0, 1):
        return []
    faults = []
    expected, got = weight.shape[1] * groups, x.shape[axis]
    if expected != got:
        faults.append(Fault("channels", (x, weight), 0, axis, expected, got))
        groups = groups if got % groups == 0 else 1
        a["groups"] = groups
        a["weight"] = weight.new_zeros((weight.shape[0], got // groups, *weight.shape[2:]))
    if weight.shape[0] % groups:
        text = f"{groups} groups do not divide {weight.shape[0]} output channels"
        faults.append(Fault("channels", (x, weight), 0, axis, None, weight.shape[0], text))
        a["groups"], a["weight"] = 1, weight.new_zeros((weight.shape[0], got, *weight.shape[2:]))
    padding = each(a["padding"] or 0, spatial)
    dilation = each(a["dilation"] or 1, spatial)
    if not any(isinstance(p, str) for p in padding):
        reach = [d * (k - 1) + 1 - 2 * p for d, k, p in
                 zip(dilation, weight.shape[2:], padding, strict=False)]  # fmt: skip
        faults += _enlarge(a, reach, age)
    return faults


def _enlarge(a: Arguments, least: Sequence[int], age: Age) -> list[Fault]:
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


def conv_transpose(a: Arguments, age: Age) -> list[Fault]:
    x, weight, groups = a["input"], a["weight"], a["groups"] or 1
    axis = channel_axis(x, weight.ndim - 2)
    if axis not in (0, 1) or weight.shape[0] == x.shape[axis]:
        return []
    got, out = x.shape[axis], weight.shape[1] * groups
    groups = groups if got % groups == 0 and out % groups == 0 else 1
    a["groups"] = groups
    a["weight"] = weight.new_zeros((got, out // groups, *weight.shape[2:]))
    return [Fault("channels", (x, weight), 0, axis, weight.shape[0], got)]


def pool(a: Arguments, age: Age, spatial: int) -> list[Fault]:
    x = a["input"]
    if x.ndim <= spatial:
        return []
    kernel, padding = each(a["kernel_size"], spatial), each(a["padding"] or 0, spatial)
    dilation = each(a.get("dilation") or 1, spatial)
    least = [d * (k - 1) + 1 - 2 * p for d, k, p in zip(dilation, kernel, padding, strict=False)]
    return _enlarge(a, least, age)
