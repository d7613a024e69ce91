"""Random weights for an audit, made in a fraction of the time.

A network is as good as any other to an audit as long as its weights are of the right size and
spread. A large tensor that its constructor fills with random numbers is therefore filled with
65,537 of them, over and over: what is done to it number by number (as truncated normals are made)
is done to those, and the tensor is written once, when an op reads it or the network is
built. The period is a prime, so that no two rows of a matrix are alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from stitchcli.tracing.containers import tensors_in

_PERIOD = 65_537
_RANDOM = frozenset(["uniform_", "normal_"])
#: What changes each number by itself, given numbers alone besides the tensor.
_ONE_BY_ONE = frozenset(
    """
    abs_ add_ clamp_ clamp_max_ clamp_min_ div_ erf_ erfinv_ exp_ log_ mul_ neg_ pow_ reciprocal_
    rsqrt_ sigmoid_ sign_ sin_ sqrt_ square_ sub_ tanh_
    """.split()
)
_OVERWRITES = frozenset(["fill_", "zero_"])
#: What gives another tensor on the same numbers without looking at them.
_LOOKS_AWAY = frozenset(["detach", "alias", "view", "_unsafe_view", "t", "transpose", "permute"])


@contextmanager
def quick_weights() -> Iterator[None]:
    """Fill what is built inside the block in this way; everything is written when it ends."""
    mode = _Postponed()
    try:
        with mode:
            yield
    finally:
        mode.write_all()


class _Postponed(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Holds what large tensors are to be filled with, by their storages."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._waiting: dict[int, tuple[Tensor, Tensor]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # or torch imports all of torch._dynamo, to keep it away from this mode

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name.removeprefix("aten::")
        if name in _RANDOM and _is_large(args[0]):
            sample = args[0].new_empty(_PERIOD)
            func(sample, *args[1:], **kwargs)
            self._waiting[_storage(args[0])] = args[0], sample
            return args[0]
        if self._waiting and name not in _LOOKS_AWAY:
            tensors = tensors_in((args, kwargs))
            if name in _ONE_BY_ONE and len(tensors) == 1 and _is_large(tensors[0]):
                waiting = self._waiting.get(_storage(tensors[0]))
                if waiting is not None:
                    func(waiting[1], *args[1:], **kwargs)
                    return args[0]
            if name in _OVERWRITES and _is_large(tensors[0]):
                self._waiting.pop(_storage(tensors[0]), None)
            for tensor in tensors:
                self._write(tensor)
        return func(*args, **kwargs)

    def write_all(self) -> None:
        """Fill what is still waiting."""
        for tensor, _ in list(self._waiting.values()):
            self._write(tensor)

    def _write(self, tensor: Tensor) -> None:
        if tensor.layout is not torch.strided:
            return
        found = self._waiting.pop(_storage(tensor), None)
        if found is not None:
            whole, sample = found
            with torch.no_grad():
                for part in whole.detach().view(-1).split(_PERIOD):  # type: ignore[no-untyped-call]
                    part.copy_(sample[: part.numel()])


def _is_large(tensor: Tensor) -> bool:
    """A tensor of more numbers than repeat that is all there is on its storage."""
    if tensor.numel() <= 2 * _PERIOD or tensor.is_meta or not tensor.is_contiguous():
        return False
    return tensor.numel() * tensor.element_size() == tensor.untyped_storage().nbytes()


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
