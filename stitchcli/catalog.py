"""Finds the class of a block: by a name, in torch.nn, in a user's file or in a package."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from stitchcli.entries import BlockEntry
from stitchcli.errors import EditError, StitchError, TargetError
from stitchcli.library import Library
from stitchcli.sources.revisions import at_revision
from stitchcli.sources.user_code import UserCode
from stitchcli.words.near import did_you_mean


class Catalog:
    """Classes by the name that an edit gives; remembers the user's files it had to import, and how
    blocks fitted where they were tried (see surgery/build.py).

    ``folders`` hold blocks of the user's own, which go before bundled ones and those of torch.nn.
    """

    def __init__(self, folders: Sequence[str] = ()) -> None:
        self.library = Library(tuple(folders))
        self.user_codes: list[UserCode] = []
        self.fits: dict[Any, Any] = {}
        self._classes: dict[str, Any] = {}
        self._modules: dict[Path, ModuleType] = {}

    def find(self, name: str) -> Any:
        """The block's class. Raises EditError with the nearest names."""
        if name not in self._classes:
            self._classes[name] = self._find(name)
        return self._classes[name]

    def _find(self, name: str) -> Any:
        entry = self.library.find(name) if ":" not in name else None
        if entry is not None:
            return self._of_entry(entry)
        if found := _torch_layer(name.removeprefix("nn.").removeprefix("torch.nn.")):
            return found
        place, _, class_name = name.rpartition(":") if ":" in name else (name, "", "")
        if place.endswith(".py"):
            return self._from_file(place, class_name)
        if class_name:
            return self._from_package(place, class_name, name)
        names = self.library.names()
        known = [*names, *(n for n in _torch_layers() if n[0].lower() == name[:1].lower())]
        listed = "stitch blocks list shows the blocks; or give a torch.nn class, or file.py:Class"
        raise EditError(f"unknown block {name!r}", did_you_mean(name, known) or listed)

    def _of_entry(self, entry: BlockEntry) -> Any:
        if entry.bundled:
            module = importlib.import_module(f"stitchcli.blocks.{entry.name}")
            return getattr(module, entry.class_name)
        return self._from_file(str(entry.file), entry.class_name)

    def _from_file(self, place: str, class_name: str) -> Any:
        from stitchcli.sources.load import import_file

        revision = at_revision(place)
        key = revision.file if revision else Path(place).resolve()
        if key not in self._modules:
            file = revision.file if revision else Path(place)
            self._modules[key], user_code = import_file(file, revision)
            self.user_codes.append(user_code)
        return _class_in(self._modules[key], class_name, place)

    def _from_package(self, place: str, class_name: str, name: str) -> Any:
        from stitchcli.sources.zoos import import_package

        user_code = UserCode((Path.cwd(),))
        self.user_codes.append(user_code)
        try:
            with user_code.active():
                return _class_in(import_package(place), class_name, place)
        except TargetError as error:
            raise EditError(f"block {name!r}: {error.message}", error.help) from error


def _class_in(module: Any, class_name: str, place: str) -> Any:
    from stitchcli.sources.choose import choose, pick

    try:
        return pick(module, class_name, place) if class_name else choose(module, place)[1]
    except StitchError as error:
        raise EditError(f"block {place}: {error.message}", error.help) from error


def is_map_block(source: Any) -> bool:
    """Whether a block is known to take maps (B, C, *spatial): a bundled one, or a layer of torch.nn
    that slides over them."""
    place = getattr(source, "__module__", "")
    return place.startswith("stitchcli.blocks.") or place in (
        "torch.nn.modules.conv",
        "torch.nn.modules.pooling",
        "torch.nn.modules.batchnorm",
    )


def _torch_layers() -> list[str]:
    from torch import nn

    return [name for name in nn.modules.__all__ if name != "Module"]


def _torch_layer(name: str) -> Any:
    from torch import nn

    return getattr(nn, name) if name in nn.modules.__all__ and name != "Module" else None
