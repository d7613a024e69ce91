"""Put blocks before, after and around a module without changing a single key of its state dict.

The module's class becomes a subclass of itself whose forward runs the new blocks too, which are
its children.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from stitchcli.errors import EditError
from stitchcli.surgery.parts import Run, run
from stitchcli.surgery.swap import Swapped, kind_before, swap_class
from stitchcli.tracing.containers import tensors_in

Side = Literal["before", "around", "after"]


class Stitched(Swapped):
    """Mixed into a module's own class: runs the blocks named in ``stitch_before`` on its first
    input, those in ``stitch_around`` in its stead, each of which may call it, and those in
    ``stitch_after`` on its first output."""

    stitch_before: Sequence[str] = ()
    stitch_around: Sequence[str] = ()
    stitch_after: Sequence[str] = ()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The module's own forward with the blocks about it."""
        for name in self.stitch_before:
            args, kwargs = _on_first_input(self._modules[name], args, kwargs)
        forward: Run = self._own_forward
        for name in self.stitch_around:
            forward = _Around(self._modules[name], forward)
        result = forward(*args, **kwargs)
        for name in self.stitch_after:
            result = on_first(self._modules[name], result)
        return result

    def _own_forward(self, *args: Any, **kwargs: Any) -> Any:
        return super().forward(*args, **kwargs)


class StitchedSequential(Stitched):
    """The same for nn.Sequential, which would run every child: it runs those it had."""

    def _own_forward(self, *args: Any, **kwargs: Any) -> Any:
        (x,) = args
        for child in self:
            x = child(x)
        return x

    def _own(self) -> list[nn.Module]:
        inserted = {*self.stitch_before, *self.stitch_around, *self.stitch_after}
        return [m for name, m in self._modules.items() if m is not None and name not in inserted]

    def __iter__(self) -> Iterator[nn.Module]:
        """The children it had: a parent that goes over them does not meet the blocks."""
        return iter(self._own())

    def __len__(self) -> int:
        """How many children it had."""
        return len(self._own())


class _Around:
    """A forward with a block around it, called with the same arguments."""

    def __init__(self, block: Any, forward: Run) -> None:
        self.block = block
        self.forward = forward
        self.whole: Any = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        def itself(x: Any) -> Any:
            new_args, new_kwargs = _on_first_input(lambda _: x, args, kwargs)
            self.whole = self.forward(*new_args, **new_kwargs)
            return next(iter(tensors_in(self.whole)), None)

        x = next(iter(tensors_in(args[0] if args else kwargs)), None)
        result = run(self.block, (x,), itself)
        return on_first(lambda _: result, self.whole)


def stitched_class(base: type[nn.Module]) -> type[nn.Module]:
    """The subclass of ``base`` that runs blocks about it."""
    is_sequential = base.forward is nn.Sequential.forward
    mixin = StitchedSequential if is_sequential else Stitched
    return type(f"Stitched{base.__name__}", (mixin, base), {"_stitch_kind": kind_before(base)})


def insert(module: nn.Module, side: Side, block: nn.Module, name: str) -> str:
    """Put ``block`` before, after or around ``module`` and give the child's name, made from
    ``name``.

    Blocks on one side run in the order in which they were put there; of those around it, the last
    is the outermost. Raises EditError where the module's forward goes over its children, which
    would run the block once too often.
    """
    if not isinstance(module, Stitched):
        refuse_iteration(module)
        swap_class(module, stitched_class)
    assert isinstance(module, Stitched)
    child = free_name(module, f"{side}_{name}")
    module.add_module(child, block.train(module.training))
    setattr(module, f"stitch_{side}", [*getattr(module, f"stitch_{side}"), child])
    return child


def free_name(module: nn.Module, wanted: str, taken: Collection[str] = ()) -> str:
    """``wanted``, with a number where the module has such an attribute already."""
    name, count = wanted, 1
    while hasattr(module, name) or name in taken:
        count += 1
        name = f"{wanted}_{count}"
    return name


def refuse_iteration(module: nn.Module) -> None:
    """Raise EditError where a forward goes over its children, and would meet a new one."""
    kind, forward = type(module), type(module).forward
    code = getattr(inspect.unwrap(forward), "__code__", None)
    words = set(code.co_names) if code else set()
    looped = words & {"children", "named_children", "_modules", "modules"}
    containers = nn.Sequential | nn.ModuleList | nn.ModuleDict
    own_loop = isinstance(module, containers) and "forward" in _own_names(kind)
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


def _own_names(kind: type) -> set[str]:
    """What a class and its bases define, up to those of torch.nn."""
    ours = (each for each in kind.__mro__ if not each.__module__.startswith("torch.nn.modules"))
    return {name for each in ours for name in vars(each)}


def _on_first_input(block: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if args:
        return (on_first(block, args[0]), *args[1:]), kwargs
    return args, on_first(block, kwargs)


def on_first(block: Any, value: Any) -> Any:
    """Run a block on a tensor, or on the first tensor of a tuple, a list, a dict or a dataclass."""
    if is_dataclass(value) and not isinstance(value, type | dict):
        names = (each.name for each in fields(value))
        first = next((n for n in names if isinstance(getattr(value, n), Tensor)), None)
        return replace(value, **{first: block(getattr(value, first))}) if first else value
    if isinstance(value, dict):
        changed = copy.copy(value)
        name = next((k for k, v in value.items() if isinstance(v, Tensor)), None)
        if name is not None:
            changed[name] = block(value[name])
        return changed
    if isinstance(value, tuple | list) and value:
        rest = (on_first(block, value[0]), *value[1:])
        return type(value)(rest) if type(value) in (tuple, list) else type(value)(*rest)
    return block(value)
