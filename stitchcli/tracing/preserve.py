"""Leave a network as it was found, also after a crash.

Kept are: each module's attributes and containers (training mode, hooks, caches that a forward
fills), the values of parameters and buffers that an op is about to write to, and the states of
the random number generators.
"""

from __future__ import annotations

import random
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch._ops import HigherOrderOperator
from torch.nn.parameter import is_lazy

from stitchcli.tracing.containers import storage_of, tensors_in, tensors_of, walk
from stitchcli.tracing.dispatch import DispatchMode

# These write to their running statistics although their schemas do not say so: always, or where
# their flag says that they train.
_WRITES = frozenset(["_batch_norm_with_update", "batch_norm_update_stats"])
_WRITES_IN_TRAINING = frozenset(["native_batch_norm", "cudnn_batch_norm", "miopen_batch_norm"])

_CONTAINERS = frozenset([dict, OrderedDict, list, set])
_MOST_CONTAINERS = 1000


class Originals:
    """Copies of a network's tensors, taken just before the first op that writes to them."""

    def __init__(self, module: nn.Module) -> None:
        self._owners: dict[int, list[Tensor]] = {}
        self._copies: list[tuple[Tensor, Tensor]] = []
        for tensor in tensors_of(module):
            if not tensor.is_meta and not is_lazy(tensor):
                self._owners.setdefault(_place(tensor), []).append(tensor)

    def before(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Called ahead of every dispatcher op."""
        written = _writes(op)
        if written == "never" or not self._owners:
            return
        if written == "in training" and not any(arg is True for arg in args):
            return
        for tensor in tensors_in((args, kwargs)):
            if not tensor.is_meta:
                self.keep(tensor)

    def keep(self, tensor: Tensor) -> None:
        """Copy a tensor now, whoever writes to it."""
        for owner in self._owners.pop(_place(tensor), ()):
            self._copies.append((owner, owner.detach().clone()))

    def keep_written(self, forward: Callable[[], object]) -> None:
        """Run a forward and copy what it writes to, ahead of forwards whose ops nobody watches.
        Tensors that are no parameters are copied in any case."""
        with _KeepWritten(self):
            forward()
        for owners in list(self._owners.values()):
            if not any(isinstance(owner, nn.Parameter) for owner in owners):
                self.keep(owners[0])

    def restore(self) -> None:
        """Write the copies back."""
        with torch.no_grad():
            for owner, copy in self._copies:
                owner.copy_(copy)


@cache
def _writes(op: Any) -> Literal["always", "in training", "never"]:
    name = op._overloadpacket.__name__
    if op._schema.is_mutable or name in _WRITES:
        return "always"
    return "in training" if name in _WRITES_IN_TRAINING else "never"


def _place(tensor: Tensor) -> int:
    return storage_of(tensor) if tensor.layout is torch.strided else id(tensor)


class _KeepWritten(DispatchMode):
    """Copies what ops write to, and watches nothing else."""

    supports_higher_order_operators = True

    def __init__(self, originals: Originals) -> None:
        super().__init__()
        self._originals = originals

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not isinstance(func, HigherOrderOperator):
            self._originals.before(func, args, kwargs or {})
        return func(*args, **(kwargs or {}))


@contextmanager
def preserved(module: nn.Module) -> Iterator[Originals]:
    """Everything about ``module`` and the generators is as before when the block ends."""
    originals = Originals(module)
    attributes = [(each, _contents(each.__dict__)) for _, each in walk(module)]
    with random_states(module):
        try:
            yield originals
        finally:
            for each, contents in attributes:
                _refill(each.__dict__, contents)
            originals.restore()


def _contents(attributes: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[Any, Any]]]:
    """A module's attributes, and a shallow copy of each plain container in them, however deep."""
    containers: list[tuple[Any, Any]] = []
    waiting = [value for value in attributes.values() if type(value) in _CONTAINERS]
    while waiting and len(containers) < _MOST_CONTAINERS:
        value = waiting.pop()
        containers.append((value, value.copy() if value else ()))
        if not value:
            continue
        inner = value.values() if isinstance(value, dict) else value
        waiting += [each for each in inner if type(each) in _CONTAINERS]
    return dict(attributes), containers


def _refill(
    attributes: dict[str, Any], saved: tuple[dict[str, Any], list[tuple[Any, Any]]]
) -> None:
    before, containers = saved
    attributes.clear()
    attributes.update(before)
    for value, copy in containers:
        if not value and not copy:
            continue
        value.clear()
        if isinstance(value, list):
            value.extend(copy)
        else:
            value.update(copy)


@contextmanager
def random_states(module: nn.Module | None = None) -> Iterator[None]:
    """The random number generators are as before when the block ends."""
    numpy = sys.modules.get("numpy")
    python_state = random.getstate()
    numpy_state = numpy.random.get_state() if numpy else None
    weights = module.parameters() if module is not None else ()
    devices = sorted({p.device.index or 0 for p in weights if p.is_cuda})
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            random.setstate(python_state)
            if numpy:
                numpy.random.set_state(numpy_state)
