"""Modules that check their input themselves, in Python, before any op runs."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from stitchcli.tracing.contracts.contract import Fault
from stitchcli.tracing.contracts.patterns import unfit


def check_module(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[str, list[Fault], tuple[Any, ...]]:
    """The op's name, the faults of a module's call, and arguments to go on with."""
    if not _checks_itself(type(module)):
        return "", [], args
    match module:
        case nn.RNNBase() | nn.RNNCellBase():
            names, expected = 1, module.input_size
        case nn.Transformer():
            names, expected = 2, module.d_model
        case _:
            return _check_einops(module, args)
    op = type(module).__name__.lower()
    faults = []
    fixed = list(args)
    for index, x in enumerate(args[:names]):
        if isinstance(x, Tensor) and x.ndim and x.shape[-1] != expected:
            faults.append(Fault("channels", (x,), 0, x.ndim - 1, expected, x.shape[-1]))
            fixed[index] = x.new_zeros((*x.shape[:-1], expected))
    return op, faults, tuple(fixed)


def _checks_itself(kind: type[nn.Module]) -> bool:
    return kind.__module__ == "einops.layers.torch" or issubclass(
        kind, (nn.RNNBase, nn.RNNCellBase, nn.Transformer)
    )


def _check_einops(
    module: nn.Module, args: tuple[Any, ...]
) -> tuple[str, list[Fault], tuple[Any, ...]]:
    """Layers of einops look up what they do by the number of axes that come."""
    op, pattern = type(module).__name__.lower(), getattr(module, "pattern", None)
    lengths = getattr(module, "axes_lengths", None)
    if op not in ("rearrange", "reduce") or not args or not isinstance(args[0], Tensor):
        return "", [], args
    found = unfit(str(pattern), lengths or {}, args[0])
    if found is None:
        return "", [], args
    fault, fixed = found
    return op, [fault], (fixed, *args[1:])
