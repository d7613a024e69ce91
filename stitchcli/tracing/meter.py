"""How many bytes live at once in a forward pass, and how many its ops read and write.

Alive are the storages of all tensors but the weights: the inputs, and whatever an op gives, until
the last tensor on it is gone. Moved are each op's operands and results once, as if every op read
its operands from memory and wrote its results there; views move nothing. Both are known from
shapes, without numbers. What a device runs as one op (attention, recurrent layers) is several on
meta, so that both differ there. Workspaces that a kernel takes for itself are not seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any
from weakref import ref

import torch
from torch import Tensor, nn
from torch._ops import HigherOrderOperator

from stitchcli.tracing.containers import storage_of, tensors_in, walk

#: These read of their first operand no more than they give.
_PICKS = frozenset(["embedding", "gather", "index", "index_select", "take"])
#: Views whose schemas do not say so.
_VIEWS = frozenset(["_unsafe_view", "_reshape_alias"])
#: These give a tensor and write nothing to it.
_EMPTY = frozenset(["empty", "empty_like", "empty_strided", "empty_permuted", "new_empty",
                    "new_empty_strided"])  # fmt: skip


class Meter:
    """Watches one forward pass; ``alive`` is in bytes, at the moment."""

    def __init__(self, module: nn.Module, inputs: Iterable[Tensor]) -> None:
        self.alive = 0
        self._weights = {
            storage_of(tensor)
            for _, each in walk(module)
            for tensor in (*each._parameters.values(), *each._buffers.values())
            if tensor is not None and _has_storage(tensor)
        }
        #: Tensors by id, each with the storage that it lies on; and how many lie on a storage.
        self._tensors: dict[int, tuple[ref[Tensor], int]] = {}
        self._users: dict[int, int] = {}
        self._sizes: dict[int, int] = {}
        for tensor in inputs:
            self._born(tensor)

    def after(self, op: Any, args: Any, kwargs: Any, result: Any) -> int:
        """Note what an op gave; the bytes that it moved."""
        made = tensors_in(result)
        for tensor in made:
            self._born(tensor)
        name = getattr(op, "_overloadpacket", op).__name__
        if _is_view(op):
            return 0
        read = tensors_in((args, kwargs))
        written = 0 if name in _EMPTY else sum(_bytes(tensor) for tensor in made)
        if name in _PICKS and read:
            return 2 * written + sum(_bytes(tensor) for tensor in read[1:])
        return written + sum(_bytes(tensor) for tensor in read)

    def _born(self, tensor: Tensor) -> None:
        known = self._tensors.get(id(tensor))
        if (known is not None and known[0]() is tensor) or not _has_storage(tensor):
            return
        storage = storage_of(tensor)
        if storage in self._weights:
            return
        if storage not in self._users:
            self._sizes[storage] = tensor.untyped_storage().nbytes()
            self.alive += self._sizes[storage]
        self._users[storage] = self._users.get(storage, 0) + 1
        key = id(tensor)
        self._tensors[key] = ref(tensor, lambda _: self._gone(key)), storage

    def _gone(self, key: int) -> None:
        _, storage = self._tensors.pop(key)
        self._users[storage] -= 1
        if not self._users[storage]:
            del self._users[storage]
            self.alive -= self._sizes.pop(storage)


@cache
def _is_view(op: Any) -> bool:
    if isinstance(op, HigherOrderOperator):
        return False
    if op._overloadpacket.__name__ in _VIEWS:
        return True
    aliases = [argument.alias_info for argument in op._schema.arguments if argument.alias_info]
    return bool(aliases) and not any(alias.is_write for alias in aliases)


def _bytes(tensor: Tensor) -> int:
    """What there is to read of a tensor: an expanded one is no larger than what it is made from."""
    whole = tensor.numel() * tensor.element_size()
    return min(whole, tensor.untyped_storage().nbytes()) if _has_storage(tensor) else whole


def _has_storage(tensor: Tensor) -> bool:
    return tensor.layout is torch.strided and not nn.parameter.is_lazy(tensor)
