"""Output shapes on the meta device for the ops whose own meta kernels are slow to start.

torch's kernels for these import ``torch._dynamo`` and sympy at their first call, over a second
that a shape audit need not spend.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


def _spread(values: Sequence[int], count: int) -> Sequence[int]:
    return list(values) * count if len(values) == 1 else values


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Tensor:
    """``(B, C, *S)`` or ``(C, *S)`` to the shape that aten.convolution returns."""
    count = weight.ndim - 2
    lists = (stride, padding, dilation, output_padding)
    strides, paddings, dilations, extras = (_spread(values, count) for values in lists)
    sizes = []
    for i, size in enumerate(x.shape[x.ndim - count :]):
        reach = dilations[i] * (weight.shape[2 + i] - 1)
        if transposed:
            sizes.append((size - 1) * strides[i] - 2 * paddings[i] + reach + extras[i] + 1)
        else:
            sizes.append((size + 2 * paddings[i] - reach - 1) // strides[i] + 1)
    channels = weight.shape[1] * groups if transposed else weight.shape[0]
    if min(sizes) < 1:
        raise RuntimeError(f"calculated output size {tuple(sizes)} is too small")
    return x.new_empty((*x.shape[: x.ndim - count - 1], channels, *sizes))


def native_batch_norm(
    x: Tensor, weight: Any, bias: Any, mean: Any, var: Any, training: bool, *rest: Any
) -> tuple[Tensor, Tensor, Tensor]:
    """``(B, C, *S)`` to itself, and the two saved statistics, empty in eval mode."""
    saved = x.shape[1] if training else 0
    return torch.empty_like(x), x.new_empty(saved), x.new_empty(saved)


_ATEN = torch.ops.aten
META_KERNELS: dict[Any, Callable[..., Any]] = {
    _ATEN.convolution.default: convolution,
    _ATEN.native_batch_norm.default: native_batch_norm,
}
