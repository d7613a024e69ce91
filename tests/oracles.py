"""Counts by others."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def torch_macs(module: nn.Module, *args: Tensor, **kwargs: Tensor) -> int:
    """What torch counts itself, with attention and recurrent layers taken apart and the
    fast path off."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    counter = FlopCounterMode(display=False)
    try:
        plain = torch.backends.mkldnn.flags(enabled=False)  # type: ignore[no-untyped-call]
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), plain, counter:
            module.eval()(*args, **kwargs)
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
    return int(counter.get_total_flops()) // 2
