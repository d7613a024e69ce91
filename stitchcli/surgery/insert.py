"""Put blocks around a module without changing a single key of its state dict.

The module's class becomes a subclass of itself whose forward runs the new blocks too, which are
its children. Parents still find the attributes that they read, and ``isinstance`` still holds.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal

import torch
from torch import nn

from stitchcli.errors import EditError

Side = Literal["before", "after"]


class Stitched(nn.Module):
    """Mixed into a module's own class: runs the blocks named in ``stitch_before`` on its first
    input, and those in ``stitch_after`` on its first output."""

    _stitch_kind = ""
    stitch_before: Sequence[str] = ()
    stitch_after: Sequence[str] = ()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The module's own forward between the blocks around it."""
        for name in self.stitch_before:
            args, kwargs = _on_first_input(self._modules[name], args, kwargs)
        result = super().forward(*args, **kwargs)
        for name in self.stitch_after:
            result = _on_first(self._modules[name], result)
        return result

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _rebuild, (type(self).__bases__[1],), self.__dict__


class StitchedSequential(Stitched):
    """The same for nn.Sequential, which would run every child: it runs those it had."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The blocks before, the children in order, the blocks after."""
        (x,) = args
        for name in self.stitch_before:
            x = _on_first(self._modules[name], x)
        for child in self:
            x = child(x)
        for name in self.stitch_after:
            x = _on_first(self._modules[name], x)
        return x

    def _own(self) -> list[nn.Module]:
        inserted = {*self.stitch_before, *self.stitch_after}
        return [m for name, m in self._modules.items() if m is not None and name not in inserted]

    def __iter__(self) -> Iterator[nn.Module]:
        """The children it had: a parent that goes over them does not meet the blocks."""
        return iter(self._own())

    def __len__(self) -> int:
        """How many children it had."""
        return len(self._own())


_CLASSES: dict[type[nn.Module], type[nn.Module]] = {}


def stitched_class(base: type[nn.Module]) -> type[nn.Module]:
    """The subclass of ``base`` that runs blocks around it; one for each base."""
    if base not in _CLASSES:
        is_sequential = base.forward is nn.Sequential.forward
        mixin = StitchedSequential if is_sequential else Stitched
        body = {"_stitch_kind": base.__name__}
        _CLASSES[base] = type(f"Stitched{base.__name__}", (mixin, base), body)
    return _CLASSES[base]


def insert(module: nn.Module, side: Side, block: nn.Module, name: str) -> str:
    """Put ``block`` before or after ``module`` and give the child's name, made from ``name``.

    Blocks on one side run in the order in which they were put there. Raises EditError where the
    module's forward goes over its children, which would run the block once too often.
    """
    if not isinstance(module, Stitched):
        _refuse_iteration(module)
        module.__class__ = stitched_class(type(module))
    assert isinstance(module, Stitched)
    free = f"{side}_{name}"
    count = 1
    while hasattr(module, free):
        count += 1
        free = f"{side}_{name}_{count}"
    module.add_module(free, block)
    if side == "before":
        module.stitch_before = [*module.stitch_before, free]
    else:
        module.stitch_after = [*module.stitch_after, free]
    return free


def _refuse_iteration(module: nn.Module) -> None:
    kind, forward = type(module), type(module).forward
    code = getattr(inspect.unwrap(forward), "__code__", None)
    words = set(code.co_names) if code else set()
    looped = words & {"children", "named_children", "_modules", "modules"}
    own_loop = isinstance(module, nn.Sequential) and forward is not nn.Sequential.forward
    if looped or own_loop:
        why = "its forward goes over its children"
    elif forward in (nn.ModuleList.forward, nn.ModuleDict.forward):
        why = "it is never called itself"
    elif "forward" in vars(module):
        why = "its forward was replaced on the instance"
    elif isinstance(module, torch.jit.ScriptModule):
        why = "it is a scripted module"
    else:
        return
    raise EditError(
        f"nothing can be put around this {kind.__name__}: {why}",
        "select the modules inside it, or the one around it",
    )


def _on_first_input(block: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if args:
        return (_on_first(block, args[0]), *args[1:]), kwargs
    return args, _on_first(block, kwargs)


def _on_first(block: Any, value: Any) -> Any:
    """Run a block on a tensor, or on the first tensor of a tuple, a list, a dict or a dataclass."""
    if is_dataclass(value) and not isinstance(value, type | dict):
        names = (each.name for each in fields(value))
        first = next((n for n in names if isinstance(getattr(value, n), torch.Tensor)), None)
        return replace(value, **{first: block(getattr(value, first))}) if first else value
    if isinstance(value, dict):
        changed = copy.copy(value)
        name = next((k for k, v in value.items() if isinstance(v, torch.Tensor)), None)
        if name is not None:
            changed[name] = block(value[name])
        return changed
    if isinstance(value, tuple | list) and value:
        rest = (_on_first(block, value[0]), *value[1:])
        return type(value)(rest) if type(value) in (tuple, list) else type(value)(*rest)
    return block(value)


def _rebuild(base: type[nn.Module]) -> nn.Module:
    cls = stitched_class(base)
    module: nn.Module = cls.__new__(cls)
    return module
