"""Two networks on the same input, with the weights they share copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from stitchcli.records import Behaviour, TensorSpec
from stitchcli.tracing.containers import tensors_in
from stitchcli.tracing.preserve import preserved
from stitchcli.tracing.trace import dummy_inputs


def share(base: nn.Module, head: nn.Module, names: Mapping[str, str]) -> int:
    """Copy base's tensors into ``head`` (``names``: key in base → key there), and say how many."""
    mine, theirs = base.state_dict(), head.state_dict()
    known = {key: other for key, other in names.items() if key in mine and other in theirs}
    with torch.no_grad():
        for key, other in known.items():
            theirs[other].copy_(mine[key])
    return len(known)


def outputs_of(module: nn.Module, inputs: Sequence[TensorSpec], device: str) -> list[Tensor]:
    """What a network gives in eval mode. The numbers it is given, and those that it draws, are
    the same in each call."""
    with preserved(module), torch.no_grad():
        torch.manual_seed(0)
        args, kwargs = dummy_inputs(inputs, device)
        module.eval()
        return tensors_in(module(*args, **kwargs))


def compare_outputs(base: list[Tensor], head: list[Tensor], copied: int) -> Behaviour:
    """Equal, close, or different, and by how much."""
    shapes = [[tuple(tensor.shape) for tensor in side] for side in (base, head)]
    if shapes[0] != shapes[1]:
        return Behaviour("differ", None, copied, "the outputs have other shapes")
    if all(torch.equal(one, other) for one, other in zip(base, head, strict=True)):
        return Behaviour("equal", 0.0, copied)
    largest = max(_largest(one, other) for one, other in zip(base, head, strict=True))
    if all(_is_close(one, other) for one, other in zip(base, head, strict=True)):
        return Behaviour("close", largest, copied)
    return Behaviour("differ", largest, copied)


def _largest(one: Tensor, other: Tensor) -> float:
    if not one.numel():
        return 0.0
    wide = torch.complex128 if one.is_complex() or other.is_complex() else torch.float64
    return float((one.to(wide) - other.to(wide)).abs().max())


def _is_close(one: Tensor, other: Tensor) -> bool:
    """By torch's own tolerances for the dtype."""
    try:
        torch.testing.assert_close(other, one, equal_nan=True)
    except AssertionError:
        return False
    return True
