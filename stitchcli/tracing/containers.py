"""Tensors in whatever a function takes or gives, and modules in a network."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

#: What holds no tensor, and is what most arguments are.
_TENSORLESS = frozenset([int, float, str, bool, type(None), torch.dtype, torch.device])
_HOLDERS = frozenset([list, tuple, dict])
#: What every module has, besides what its class puts into it.
_OWN = frozenset(vars(nn.Module()))


def tensors_in(value: Any) -> list[Tensor]:
    """Every tensor in tuples, lists, dicts and dataclasses, in order."""
    found: list[Tensor] = []
    _gather(value, found)
    return found


def _gather(value: Any, found: list[Tensor]) -> None:
    if isinstance(value, Tensor):
        found.append(value)
    elif type(value) in _TENSORLESS:
        return
    elif isinstance(value, list | tuple):
        for item in value:
            if isinstance(item, Tensor):
                found.append(item)
            elif type(item) not in _TENSORLESS:
                _gather(item, found)
    elif isinstance(value, dict):
        for item in value.values():
            _gather(item, found)
    elif hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        for name in value.__dataclass_fields__:
            _gather(getattr(value, name, None), found)


def tensors_of(module: nn.Module) -> Iterator[Tensor]:
    """Parameters, buffers, and tensors that are plain attributes or lie in lists and dicts that
    are, as caches do."""
    for _, each in walk(module):
        for own in (each._parameters, each._buffers):
            yield from (tensor for tensor in own.values() if tensor is not None)
        for name, value in vars(each).items():
            if isinstance(value, Tensor):
                yield value
            elif type(value) in _HOLDERS and value and name not in _OWN:
                yield from tensors_in(value)


def device_of(module: nn.Module, otherwise: str = "cpu") -> str:
    """Where a network's first tensor is; ``otherwise`` for one without tensors."""
    return next((str(tensor.device) for tensor in tensors_of(module)), otherwise)


def storage_of(tensor: Tensor) -> int:
    """Which storage a strided tensor lies on; tensors of one storage share their numbers."""
    return int(tensor.untyped_storage()._cdata)


def shape_of(tensor: Tensor) -> tuple[int, ...]:
    """Sizes as plain integers: 0 for a tensor that has none yet; where the rows of a nested one are
    not alike, of all of them one after the other."""
    if is_lazy(tensor):
        return (0,)
    if not tensor.is_nested:
        return tuple(tensor.shape)
    if tensor.layout is not torch.jagged:
        rows = tensor._nested_tensor_size().tolist()
        return (
            len(rows),
            *(one[0] if len({*one}) == 1 else sum(one) for one in zip(*rows, strict=True)),
        )
    nested: Any = tensor
    ragged = nested._values.shape[nested._ragged_idx - 1]
    return tuple(size if isinstance(size, int) else int(ragged) for size in tensor.shape)


@cache
def dtype_name(dtype: torch.dtype) -> str:
    """``float32``."""
    return str(dtype).removeprefix("torch.")


def walk(root: nn.Module, again: bool = False) -> Iterator[tuple[str, nn.Module]]:
    """Every module with its path, as ``named_modules`` gives them, and as fast at any depth; with
    ``again``, also under the further paths that it has."""
    seen: set[int] = set()
    waiting = [("", root)]
    while waiting:
        path, module = waiting.pop()
        if not again:
            if id(module) in seen:
                continue
            seen.add(id(module))
        yield path, module
        if inner := module._modules:
            start = f"{path}." if path else ""
            below = [(start + name, each) for name, each in inner.items() if each is not None]
            waiting += reversed(below)
