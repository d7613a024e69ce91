"""Finds blocks: bundled ones by name, torch.nn layers, classes in a user's file or a package.

What the bundled blocks are (``entries``) is read from their source, without importing torch.
"""

from __future__ import annotations

import ast
import importlib
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stitchcli.errors import EditError, StitchError, TargetError
from stitchcli.sources.user_code import UserCode
from stitchcli.words.near import did_you_mean

_LINE = re.compile(r"^(Paper|Family|Shape|Parameters|Init):\s*(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class BlockEntry:
    """A bundled block, as the head of its file describes it."""

    name: str
    file: Path
    class_name: str
    summary: str
    paper: str
    family: str
    shape: str
    parameters: str
    is_identity: bool


@cache
def entries() -> dict[str, BlockEntry]:
    """Every bundled block by its name, which is its file's name."""
    files = sorted(folder().glob("[a-z]*.py"))
    return {file.stem: _read_entry(file) for file in files}


def folder() -> Path:
    """Where the bundled blocks lie."""
    spec = find_spec("stitchcli.blocks")
    if spec is not None and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(__file__).parents[1] / "blocks"


def _read_entry(file: Path) -> BlockEntry:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    text = ast.get_docstring(tree) or ""
    facts = dict(_LINE.findall(text))
    exported: list[str] = next(
        (
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        ),
        [],
    )
    return BlockEntry(
        name=file.stem,
        file=file,
        class_name=exported[0],
        summary=text.partition("\n\n")[0].replace("\n", " "),
        paper=facts.get("Paper", ""),
        family=facts.get("Family", ""),
        shape=facts.get("Shape", ""),
        parameters=facts.get("Parameters", ""),
        is_identity=facts.get("Init") == "identity",
    )


@dataclass
class Catalog:
    """Classes by the name that an edit gives; remembers the user's files it had to import, and how
    blocks fitted where they were tried (see surgery/build.py)."""

    user_codes: list[UserCode] = field(default_factory=list)
    fits: dict[Any, Any] = field(default_factory=dict)
    _classes: dict[str, Any] = field(default_factory=dict)

    def find(self, name: str) -> Any:
        """The block's class. Raises EditError with the nearest names."""
        if name not in self._classes:
            self._classes[name] = self._find(name)
        return self._classes[name]

    def _find(self, name: str) -> Any:
        word = name.lower().replace("_", "").replace("-", "")
        if word in entries() and ":" not in name:
            entry = entries()[word]
            return getattr(importlib.import_module(f"stitchcli.blocks.{word}"), entry.class_name)
        if found := _torch_layer(name.removeprefix("nn.").removeprefix("torch.nn.")):
            return found
        place, _, class_name = name.rpartition(":") if ":" in name else (name, "", "")
        if place.endswith(".py"):
            return self._from_file(place, class_name)
        if class_name:
            return self._from_package(place, class_name, name)
        known = [*entries(), *(n for n in _torch_layers() if n[0].lower() == name[:1].lower())]
        listed = f"blocks are {', '.join(entries())}; or a torch.nn class, or file.py:Class"
        raise EditError(f"unknown block {name!r}", did_you_mean(name, known) or listed)

    def _from_file(self, place: str, class_name: str) -> Any:
        from stitchcli.sources.load import import_file

        file, user_code = import_file(Path(place))
        self.user_codes.append(user_code)
        return _class_in(file, class_name, place)

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
