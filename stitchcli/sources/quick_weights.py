"""Random weights for an audit, made in a fraction of the time.

A network is as good as any other to an audit as long as its weights are of the right size and
spread. A large tensor that its constructor fills with random numbers is therefore filled with
65,537 of them, over and over: what is done to it number by number (as truncated normals are made)
is done to those, and the tensor is written once, when something reads it or the network is
built. The period is a prime, so that no two rows of a matrix are alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import _disable_current_modes

from stitchcli.tracing.containers import storage_of, tensors_in
from stitchcli.tracing.dispatch import DispatchMode

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
#: What gets at the memory of a tensor past torch's dispatcher.
_REACHES_BENEATH = frozenset(
    """
    __array__ __deepcopy__ __dlpack__ __reduce__ __reduce_ex__ __setstate__ _typed_storage apply_
    const_data_ptr data_ptr map_ map2_ numpy set_ share_memory_ storage tolist typed_storage
    untyped_storage
    """.split()
)


@contextmanager
def quick_weights() -> Iterator[None]:
    """Fill what is built inside the block in this way; everything is written when it ends."""
    mode = _Postponed()
    jit: Any = torch.jit
    original = jit.trace

    def trace(*args: Any, **kwargs: Any) -> Any:
        """It mistakes parameters for constants under any mode."""
        mode.write_all()
        with _disable_current_modes():
            return original(*args, **kwargs)

    jit.trace = trace
    try:
        with mode, _BeforeItIsReached(mode):
            yield
    finally:
        jit.trace = original
        mode.write_all()


class _Postponed(DispatchMode):
    """Holds what large tensors are to be filled with, by their storages."""

    def __init__(self) -> None:
        super().__init__()
        #: The whole of a storage, which it keeps alive, and the numbers that repeat.
        self._waiting: dict[int, tuple[Tensor, Tensor]] = {}
        #: Storages whose memory somebody may hold on to.
        self._in_the_open: dict[int, Tensor] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with torch._C.DisableTorchFunction():
            return self._run(func, args, kwargs or {})

    def _run(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        name = func._schema.name.removeprefix("aten::")
        if name in _RANDOM and self._may_wait(args[0]):
            sample = args[0].new_empty(_PERIOD)
            func(sample, *args[1:], **kwargs)
            self._waiting[storage_of(args[0])] = args[0].detach(), sample
            return args[0]
        if self._waiting and name not in _LOOKS_AWAY:
            tensors = tensors_in((args, kwargs))
            if name in _ONE_BY_ONE and len(tensors) == 1 and _is_large(tensors[0]):
                _, sample = self._waiting.get(storage_of(tensors[0]), (None, None))
                if sample is not None and sample.dtype is tensors[0].dtype:
                    func(sample, *args[1:], **kwargs)
                    return args[0]
            if name in _OVERWRITES and _is_large(tensors[0]):
                self._waiting.pop(storage_of(tensors[0]), None)
            for tensor in tensors:
                self.write(tensor)
        return func(*args, **kwargs)

    def _may_wait(self, tensor: Tensor) -> bool:
        return _is_large(tensor) and storage_of(tensor) not in self._in_the_open

    def write(self, tensor: Tensor) -> None:
        """Fill a tensor now, if it is waiting."""
        if tensor.layout is not torch.strided:
            return
        found = self._waiting.pop(storage_of(tensor), None)
        if found is not None:
            whole, sample = found
            with torch.inference_mode(whole.is_inference()), torch.no_grad():
                for part in whole.view(-1).split(_PERIOD):  # type: ignore[no-untyped-call]
                    part.copy_(sample[: part.numel()])

    def write_openly(self, tensor: Tensor) -> None:
        """Fill a tensor now, and from here on whenever it is to be filled."""
        self.write(tensor)
        if _is_large(tensor):
            self._in_the_open[storage_of(tensor)] = tensor.detach()

    def write_all(self) -> None:
        """Fill what is still waiting."""
        for whole, _ in list(self._waiting.values()):
            self.write(whole)


class _BeforeItIsReached(TorchFunctionMode):
    """Writes tensors before something reaches for their memory."""

    def __init__(self, postponed: _Postponed) -> None:
        super().__init__()
        self._postponed = postponed

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if getattr(func, "__name__", "") in _REACHES_BENEATH:
            for tensor in tensors_in((args, kwargs)):
                self._postponed.write_openly(tensor)
        return func(*args, **(kwargs or {}))


def _is_large(tensor: Tensor) -> bool:
    """A tensor of more numbers than repeat that is all there is on its storage."""
    if tensor.numel() <= 2 * _PERIOD or tensor.is_meta or not tensor.is_contiguous():
        return False
    return tensor.numel() * tensor.element_size() == tensor.untyped_storage().nbytes()
