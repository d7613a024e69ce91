"""What a constructor imports is not built on meta, though the network is."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def imports_on_cpu() -> Iterator[None]:
    """Tensors that a module makes while it is imported have numbers: they stay when the network is
    gone, and the next one may read them."""
    original = builtins.__import__
    is_importing = False

    def load(*args: Any, **kwargs: Any) -> Any:
        nonlocal is_importing
        if is_importing:
            return original(*args, **kwargs)
        is_importing = True
        try:
            with torch.device("cpu"):
                return original(*args, **kwargs)
        finally:
            is_importing = False

    builtins.__import__ = load
    try:
        yield
    finally:
        builtins.__import__ = original
