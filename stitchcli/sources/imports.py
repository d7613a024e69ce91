"""What a constructor imports is not built on meta, though the network is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import Any

import torch


@contextmanager
def imports_on_cpu() -> Iterator[None]:
    """Tensors that a module makes while it is imported have numbers: they stay when the network is
    gone, and the next one may read them."""
    loader: Any = SourceFileLoader
    original = loader.exec_module

    def run(own: SourceFileLoader, module: ModuleType) -> None:
        with torch.device("cpu"):
            original(own, module)

    loader.exec_module = run
    try:
        yield
    finally:
        if loader.exec_module is run:
            loader.exec_module = original
