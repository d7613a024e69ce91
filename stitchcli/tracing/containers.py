"""Tensors in whatever a function takes or gives, and modules in a network."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

#: What holds no tensor, and is what most arguments are.
_PLAIN = frozenset([int, float, str, bool, type(None), torch.dtype, torch.device])


def tensors_in(value: Any) -> list[Tensor]:
    """Every tensor in tuples, lists, dicts and dataclasses, in order."""
    found: list[Tensor] = []
    _gather(value, found)
    return found


def _gather(value: Any, found: list[Tensor]) -> None:
    if isinstance(value, Tensor):
        found.append(value)
    elif type(value) in _PLAIN:
        return
    elif isinstance(value, list | tuple):
        for item in value:
            if isinstance(item, Tensor):
                found.append(item)
            elif type(item) not in _PLAIN:
                _gather(item, found)
    elif isinstance(value, dict):
        for item in value.values():
            _gather(item, found)
    elif hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        for name in value.__dataclass_fields__:
            _gather(getattr(value, name, None), found)


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
