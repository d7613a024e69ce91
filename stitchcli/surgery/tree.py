"""The modules of a network by path, and putting one in the place of another wherever it is held."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from stitchcli.errors import EditError


class Tree:
    """A network while it is edited; a path keeps its meaning when what stands there changes."""

    def __init__(self, root: nn.Module) -> None:
        self.root = root
        self.modules: dict[str, nn.Module] = dict(root.named_modules(remove_duplicate=False))
        self._paths: dict[int, list[str]] = {}
        for path, each in self.modules.items():
            self._paths.setdefault(id(each), []).append(path)
        #: Modules that hold others in plain lists, tuples or dicts, by the id of what they hold.
        self._holders: dict[int, list[nn.Module]] = {}
        for each in root.modules():
            for held in _held_plainly(each):
                self._holders.setdefault(id(held), []).append(each)

    def __getitem__(self, path: str) -> nn.Module:
        return self.modules[path]

    def put(self, path: str, new: nn.Module) -> None:
        """Put a module at its path, and at every other path that shares the same module. Raises
        EditError for the root."""
        if not path:
            raise EditError(
                "the whole network cannot be replaced or removed", "select a part of it"
            )
        old = self.modules[path]
        aliases = self._paths.pop(id(old), [path])
        for alias in aliases:
            parent, _, name = alias.rpartition(".")
            self.modules[parent].add_module(name, new)
            self.modules[alias] = new
        self._paths[id(new)] = aliases
        for holder in self._holders.get(id(old), ()):
            _swap_in_attributes(holder, old, new)

    def parameter(self, name: str) -> Tensor | None:
        """A parameter by its name in the state dict, if it is still there."""
        path, _, last = name.rpartition(".")
        try:
            return self.root.get_submodule(path)._parameters.get(last)
        except AttributeError:
            return None


def _held_plainly(module: nn.Module) -> Iterator[nn.Module]:
    """Modules in a module's own lists, tuples and dicts: they are no children, but a forward may
    go over them."""
    for name, value in vars(module).items():
        if name.startswith("_"):
            continue
        values: Any = value.values() if isinstance(value, dict) else value
        if isinstance(value, list | tuple | dict):
            yield from (each for each in values if isinstance(each, nn.Module))


def _swap_in_attributes(module: nn.Module, old: nn.Module, new: nn.Module) -> None:
    for name, value in vars(module).items():
        if name.startswith("_"):
            continue
        if isinstance(value, list) and any(each is old for each in value):
            value[:] = [new if each is old else each for each in value]
        elif type(value) is tuple and any(each is old for each in value):
            setattr(module, name, tuple(new if each is old else each for each in value))
        elif isinstance(value, dict) and any(each is old for each in value.values()):
            value.update({key: new for key, each in value.items() if each is old})
