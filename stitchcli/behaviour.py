"""Two networks on the same input, with the weights they share copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from stitchcli.records import Behaviour, TensorSpec
from stitchcli.tracing.containers import tensors_in
from stitchcli.tracing.preserve import preserved
from stitchcli.tracing.trace import dummy_inputs


def behaviour(
    base: nn.Module,
    head: nn.Module,
    names: Mapping[str, str],
    inputs: Sequence[TensorSpec],
    device: str,
) -> Behaviour:
    """Run both in eval mode after copying base's tensors into ``head`` (``names``: key in base →
    key there), which is changed by it. Both draw the same random numbers."""
    mine, theirs = base.state_dict(), head.state_dict()
    copied = 0
    with torch.no_grad():
        for key, other in names.items():
            if key in mine and other in theirs:
                theirs[other].copy_(mine[key])
                copied += 1
    state = torch.random.get_rng_state()
    args, kwargs = dummy_inputs(inputs, device)
    results: list[list[Tensor]] = []
    for module in (base, head):
        torch.random.set_rng_state(state)
        with preserved(module), torch.no_grad():
            module.eval()
            results.append(list(tensors_in(module(*args, **kwargs))))
    return _verdict(results[0], results[1], copied)


def _verdict(base: list[Tensor], head: list[Tensor], copied: int) -> Behaviour:
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
