"""Code that asks for CUDA by name, run where it is wanted instead."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from stitchcli.records import Site
from stitchcli.tracing import light_kernels
from stitchcli.tracing.dispatch import DispatchMode
from stitchcli.tracing.sites import nearest_spot, site_of


class StayOn(TorchFunctionMode):
    """Every ``.cuda()``, ``.to("cuda")`` and ``device="cuda"`` means ``device`` instead; ``sites``
    tells where they stand."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self._device = device
        self.sites: dict[Site, None] = {}

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if asks_for_cuda(func, args, kwargs):
            func, args, kwargs = redirected(func, args, kwargs, self._device)
            if site := site_of(nearest_spot(sys._getframe(1))):
                self.sites[site] = None
        return func(*args, **kwargs)


def asks_for_cuda(func: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> bool:
    """Whether a call names a CUDA device."""
    if func is Tensor.cuda:
        return True
    return _is_cuda(kwargs.get("device")) or (
        func is Tensor.to and any(_is_cuda(arg) for arg in args[1:])
    )


def redirected(
    func: Callable[..., Any], args: Any, kwargs: dict[str, Any], device: str
) -> tuple[Callable[..., Any], Any, dict[str, Any]]:
    """The same call on another device."""
    if func is Tensor.cuda:
        return Tensor.to, (args[0], device), {}
    if _is_cuda(kwargs.get("device")):
        kwargs = {**kwargs, "device": device}
    if func is Tensor.to:
        args = tuple(device if _is_cuda(arg) else arg for arg in args)
    return func, args, kwargs


def _is_cuda(value: Any) -> bool:
    if isinstance(value, torch.device):
        return value.type == "cuda"
    return isinstance(value, str) and value.split(":")[0] == "cuda"


class LightKernels(DispatchMode):
    """Runs meta kernels without the heavy modules that they import at their first call."""

    supports_higher_order_operators = True

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return light_kernels.run(func, args, kwargs or {})
