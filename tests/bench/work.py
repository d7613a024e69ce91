"""One tool's work on one network, as a script of its own: work.py TOOL NETWORK DEVICE.

``floor`` is what every tool has to do: import torch, build the network, run one forward.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import nets
import torch
from torch import Tensor, nn
from zoo_stub import declare_torchvision


def forward(network: nn.Module, x: Tensor) -> None:
    """One forward pass, and nothing else."""
    with torch.no_grad():
        network(x)


def by_torchinfo(network: nn.Module, x: Tensor) -> Any:
    """Parameters and multiply-accumulates by torchinfo."""
    import torchinfo

    return torchinfo.summary(network, input_data=(x,), verbose=0).total_mult_adds


def by_fvcore(network: nn.Module, x: Tensor) -> Any:
    """The same by fvcore."""
    from fvcore.nn import FlopCountAnalysis, parameter_count

    analysis = FlopCountAnalysis(network, (x,))
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return parameter_count(network)[""], analysis.total()


def by_ptflops(network: nn.Module, x: Tensor) -> Any:
    """The same by ptflops."""
    declare_torchvision()  # which it imports
    from ptflops import get_model_complexity_info

    return get_model_complexity_info(
        network, tuple(x.shape[1:]), as_strings=False, print_per_layer_stat=False, verbose=False
    )


def by_calflops(network: nn.Module, x: Tensor) -> Any:
    """The same by calflops."""
    declare_torchvision()  # which it imports
    from calflops import calculate_flops

    return calculate_flops(network, args=[x], print_results=False, print_detailed=False)


def by_thop(network: nn.Module, x: Tensor) -> Any:
    """The same by thop."""
    from thop import profile

    return profile(network, inputs=(x,), verbose=False)


PEERS: dict[str, Callable[[nn.Module, Tensor], Any]] = {
    "torchinfo": by_torchinfo,
    "fvcore": by_fvcore,
    "ptflops": by_ptflops,
    "calflops": by_calflops,
    "thop": by_thop,
}


def prepared(name: str, device: str) -> tuple[nn.Module, Tensor]:
    """The network in eval mode and its input, on a device."""
    shape = nets.INPUTS[name]
    with torch.device("meta") if device == "meta" else nullcontext():
        network = getattr(nets, name)().eval()
        if len(shape) == 2:
            return network, torch.ones(shape, dtype=torch.int64)
        return network, torch.randn(shape)


if __name__ == "__main__":
    tool, name, device = sys.argv[1:]
    given = prepared(name, device)
    PEERS.get(tool, forward)(*given)
    if tool == "floor, left at once":
        os._exit(0)
