"""Carry out edits on a module, in place and in a fixed order.

Every selector speaks of the network as it was before any edit. Then replacements come first, then
changed arguments, then insertions, then removals, whatever the order of the flags; inserted
blocks are not searched for further matches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from stitchcli.binding import Place, bind
from stitchcli.catalog import Catalog
from stitchcli.errors import EditError
from stitchcli.records import (
    Applied,
    BlockSpec,
    Built,
    Edit,
    Insert,
    Keep,
    Remove,
    Replace,
    Set,
    Trace,
)
from stitchcli.surgery.insert import insert
from stitchcli.surgery.place import after, before, places_of
from stitchcli.surgery.rebuild import carry_attributes, device_and_dtype, keep_weights, rebuild
from stitchcli.surgery.settle import Paths, is_inside, settle


class Removed(nn.Module):
    """Stands where a module was removed: gives its first input on."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The first argument, unchanged."""
        return args[0] if args else next(iter(kwargs.values()))


def apply(
    module: nn.Module,
    edits: Sequence[Edit],
    base: Trace,
    catalog: Catalog,
    arguments: Mapping[str, Mapping[str, Any]],
) -> tuple[Applied, ...]:
    """Edit ``module``, of which ``base`` is a trace, and say what was done. Raises EditError."""
    return Surgeon(module, base, catalog, arguments).run(edits)


class Surgeon:
    """One application of edits to one module."""

    def __init__(
        self,
        module: nn.Module,
        base: Trace,
        catalog: Catalog,
        arguments: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.module = module
        self.base = base
        self.catalog = catalog
        self.arguments = dict(arguments)
        self.modules = dict(module.named_modules(remove_duplicate=False))
        self.paths: dict[int, list[str]] = {}
        for path, each in self.modules.items():
            self.paths.setdefault(id(each), []).append(path)
        self.replaced: dict[str, nn.Module] = {}

    def run(self, edits: Sequence[Edit]) -> tuple[Applied, ...]:
        """Select for all edits, then carry them out kind by kind."""
        matched, notes = settle(edits, self.base)
        done: dict[int, Applied] = {}
        for kind in (Keep, Replace, Set, Insert, Remove):
            if kind is Set:
                self._set_all(
                    [(e, m) for e, m in zip(edits, matched, strict=True) if isinstance(e, Set)]
                )
            for index, edit in enumerate(edits):
                if isinstance(edit, kind):
                    built = [b for path in matched[index] for b in self._carry_out(edit, path)]
                    said = (*notes[index], *self._untied(edit, matched[index]))
                    done[index] = Applied(edit, matched[index], tuple(built), said)
        return tuple(done[index] for index in range(len(edits)))

    def _untied(self, edit: Edit, paths: Paths) -> tuple[str, ...]:
        """A weight with several names, one of which is now another weight's."""
        if not isinstance(edit, Replace | Set):
            return ()
        tied = [w for w in self.base.weights if w.aliases and not w.is_buffer]
        apart = []
        for weight in tied:
            names = (weight.path, *weight.aliases)
            held = {id(_parameter(self.module, name)) for name in names}
            if len(held) > 1 and any(n.rpartition(".")[0] in paths for n in names):
                apart.append(f"{' and '.join(names)} are no longer one weight")
        return tuple(apart)

    def _carry_out(self, edit: Edit, path: str) -> Iterable[Built]:
        match edit:
            case Replace():
                yield self._replace(path, edit.block)
            case Insert():
                yield self._insert(path, edit)
            case Remove():
                self._put(path, Removed())

    def _replace(self, path: str, block: BlockSpec) -> Built:
        self._refuse_unreachable(path)
        old = self.modules[path]
        new, arguments = self._build(block, path, places_of(path, self.base), old)
        carry_attributes(old, new, arguments)
        if type(new) is type(old):
            keep_weights(old, new)
        self._put(path, new)
        self.arguments[path] = arguments
        return Built(path, block.name, arguments)

    def _set_all(self, found: Sequence[tuple[Set, Paths]]) -> None:
        """All new arguments of a module at once: groups and widths depend on each other."""
        changes: dict[str, dict[str, Any]] = {}
        for edit, paths in found:
            for path in paths:
                changes.setdefault(path, {})[edit.attribute] = edit.value
        for path, values in changes.items():
            built_with = self.arguments.get(path, {})
            self._put(path, rebuild(self.modules[path], values, built_with))
            if built_with:
                self.arguments[path] = {**built_with, **values}

    def _insert(self, path: str, edit: Insert) -> Built:
        if self.base.calls and path not in self.base.called:
            raise EditError(
                f"{path!r} is never called itself, so a block {edit.side} it would never run",
                f"select the modules inside it ({path}.*), or the one around it",
            )
        around = after if edit.side == "after" else before
        places = [around(place) for place in places_of(path, self.base)]
        target = self.modules[path]
        block, arguments = self._build(edit.block, path, places, target)
        name = edit.block.name.rpartition(":")[2].rpartition(".")[2].lower()
        child = insert(target, edit.side, block, name)
        return Built(f"{path}.{child}" if path else child, edit.block.name, arguments)

    def _build(
        self, block: BlockSpec, path: str, places: Sequence[Place], old: nn.Module
    ) -> tuple[nn.Module, dict[str, Any]]:
        source = self.catalog.find(block.name)
        found = [bind(source, block.name, dict(block.arguments), place) for place in places]
        if any(arguments != found[0] for arguments in found[1:]):
            widths = ", ".join(str(place.in_channels) for place in places)
            raise EditError(
                f"{path!r} runs {len(places)} times at widths {widths}: no one block "
                f"{block.name!r} fits all",
                f"leave it out with --except {path}",
            )
        device, dtype = device_and_dtype(old if _has_weights(old) else self.module)
        try:
            with device:
                new = source(**found[0])
        except Exception as error:
            raise EditError(
                f"block {block.name!r} cannot be built at {path!r} with "
                f"{', '.join(f'{k}={v!r}' for k, v in found[0].items())}: {error}",
                f"give other arguments ({block.name}:name=value) or leave it out: --except {path}",
            ) from error
        if not isinstance(new, nn.Module):
            raise EditError(f"block {block.name!r} gave no nn.Module", "name a class or a factory")
        return (new.to(dtype) if dtype else new), found[0]

    def _put(self, path: str, new: nn.Module) -> None:
        """Put a module at its path, and at every other path that shares the same module."""
        if not path:
            raise EditError(
                "the whole network cannot be replaced or removed", "select a part of it"
            )
        old = self.modules[path]
        aliases = self.paths.pop(id(old), [path])
        for alias in aliases:
            parent, _, name = alias.rpartition(".")
            self.modules[parent].add_module(name, new)
            self.modules[alias] = new
        self.paths[id(new)] = aliases
        for each in self.module.modules():
            _swap_in_attributes(each, old, new)

    def _refuse_unreachable(self, path: str) -> None:
        """A module that never runs but lends its weight cannot be replaced by calling another."""
        inside = [w for w in self.base.weights if w.path.startswith(f"{path}.")]
        lent = {
            user for w in inside for user in w.users if user != path and not is_inside(user, path)
        }
        if lent and path not in self.base.called:
            raise EditError(
                f"{path!r} is never called: {min(lent) or 'the root'!r} uses its weight directly",
                f"replace the module around it, or leave it out with --except {path}",
            )


def _swap_in_attributes(module: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """Plain lists and the like of modules are no children, but a forward may go over them."""
    for name, value in vars(module).items():
        if name.startswith("_"):
            continue
        if isinstance(value, list) and any(each is old for each in value):
            value[:] = [new if each is old else each for each in value]
        elif type(value) is tuple and any(each is old for each in value):
            setattr(module, name, tuple(new if each is old else each for each in value))
        elif isinstance(value, dict) and any(each is old for each in value.values()):
            value.update({key: new for key, each in value.items() if each is old})


def _parameter(module: nn.Module, name: str) -> torch.Tensor | None:
    path, _, last = name.rpartition(".")
    try:
        return module.get_submodule(path)._parameters.get(last)
    except AttributeError:
        return None


def _has_weights(module: nn.Module) -> bool:
    return any(isinstance(p, torch.Tensor) for p in module.parameters())
