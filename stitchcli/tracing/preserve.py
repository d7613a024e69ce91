"""Leave a network as it was found, also after a crash.

Kept are: each module's attributes and containers (training mode, hooks, caches that a forward
fills), the values of parameters and buffers that an op is about to write to, and the states of
the random number generators.
"""

from __future__ import annotations

import random
import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy as is_uninitialized

# These write to their running statistics although their schemas do not say so.
_WRITES_STATISTICS = frozenset(
    [
        "native_batch_norm",
        "_native_batch_norm_legit",
        "_batch_norm_with_update",
        "cudnn_batch_norm",
        "miopen_batch_norm",
        "batch_norm_update_stats",
    ]
)


class Originals:
    """Copies of weights taken just before the first op that writes to them."""

    def __init__(self, module: nn.Module) -> None:
        self._owners: dict[int, Tensor] = {}
        self._copies: dict[int, tuple[Tensor, Tensor]] = {}
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.device.type != "meta" and not is_uninitialized(tensor):
                self._owners[tensor.untyped_storage().data_ptr()] = tensor

    def before(self, op: Any, args: tuple[Any, ...]) -> None:
        """Called ahead of every dispatcher op."""
        if not self._owners or not (
            op._schema.is_mutable or op._overloadpacket.__name__ in _WRITES_STATISTICS
        ):
            return
        for tensor in args:
            if isinstance(tensor, Tensor) and tensor.device.type != "meta":
                pointer = tensor.untyped_storage().data_ptr()
                owner = self._owners.get(pointer)
                if owner is not None and pointer not in self._copies:
                    self._copies[pointer] = (owner, owner.detach().clone())

    def restore(self) -> None:
        """Write the copies back."""
        with torch.no_grad():
            for owner, copy in self._copies.values():
                owner.copy_(copy)


@contextmanager
def preserved(module: nn.Module) -> Iterator[Originals]:
    """Everything about ``module`` and the generators is as before when the block ends."""
    originals = Originals(module)
    attributes = [(each, _contents(each.__dict__)) for each in module.modules()]
    with ExitStack() as stack:
        stack.enter_context(_generators(module))
        stack.callback(originals.restore)
        for each, contents in attributes:
            stack.callback(_refill, each.__dict__, contents)
        yield originals


def _contents(attributes: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[Any, Any]]]:
    """A module's attributes, and a shallow copy of each plain container among them."""
    containers = [
        (value, value.copy())
        for value in attributes.values()
        if type(value) in (dict, OrderedDict, list, set)
    ]
    return dict(attributes), containers


def _refill(
    attributes: dict[str, Any], saved: tuple[dict[str, Any], list[tuple[Any, Any]]]
) -> None:
    before, containers = saved
    attributes.clear()
    attributes.update(before)
    for value, copy in containers:
        value.clear()
        if isinstance(value, list):
            value.extend(copy)
        else:
            value.update(copy)


@contextmanager
def _generators(module: nn.Module) -> Iterator[None]:
    numpy = sys.modules.get("numpy")
    python_state = random.getstate()
    numpy_state = numpy.random.get_state() if numpy else None
    devices = sorted({p.device.index or 0 for p in module.parameters() if p.is_cuda})
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            random.setstate(python_state)
            if numpy:
                numpy.random.set_state(numpy_state)
