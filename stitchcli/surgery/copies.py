"""Copies of a network to try things on."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy as is_uninitialized

from stitchcli.errors import EditError
from stitchcli.tracing.containers import tensors_of, walk
from stitchcli.tracing.depth import room_for_depth


def meta_copy(module: nn.Module) -> nn.Module:
    """The same network without numbers, on the meta device; the original is not touched. Raises
    EditError."""
    if is_scripted(module):
        raise EditError(
            "a scripted module keeps its numbers when it is copied", "give --device cpu"
        ) from NotImplementedError("torch.jit")
    return _copy(module, _without_numbers)


def is_scripted(module: nn.Module) -> bool:
    """Whether a part of a network is TorchScript, which cannot be copied without its numbers."""
    return any(isinstance(each, torch.jit.ScriptModule) for _, each in walk(module))


def full_copy(module: nn.Module) -> nn.Module:
    """The same network with weights of its own."""
    return _copy(module, lambda tensor: None)


def has_numbers(module: nn.Module) -> bool:
    """Whether any tensor of a network is on another device than meta."""
    return any(not tensor.is_meta for tensor in tensors_of(module))


def _copy(module: nn.Module, convert: Any) -> nn.Module:
    memo: dict[int, Any] = {}
    for tensor in tensors_of(module):
        if id(tensor) not in memo:
            made = convert(tensor)
            if is_uninitialized(tensor) and not isinstance(tensor, nn.Parameter):
                made = copy.copy(tensor)
            elif made is None and not tensor.is_leaf:  # torch refuses to copy these
                made = tensor.detach().clone()
            if made is not None:
                memo[id(tensor)] = made
    try:
        with room_for_depth():
            return copy.deepcopy(module, memo)
    except Exception as error:
        raise EditError(
            f"the network cannot be copied: {type(error).__name__}: {error}",
            "give it as a file or a factory, so that it can be built anew",
        ) from error


def _without_numbers(tensor: Tensor) -> Tensor | None:
    if is_uninitialized(tensor):
        kind: Any = type(tensor)
        return kind(tensor.requires_grad, device="meta", dtype=tensor.dtype)  # type: ignore[no-any-return]
    if tensor.layout is torch.strided:
        shape, strides = tuple(tensor.shape), tensor.stride()
        empty = torch.empty_strided(shape, strides, dtype=tensor.dtype, device="meta")
    else:
        empty = torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(empty, requires_grad=tensor.requires_grad)
    return empty
