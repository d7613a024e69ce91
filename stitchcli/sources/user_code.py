"""Importing a user's files in a world of their own.

Two folders may each hold a ``blocks.py``: each set of modules is visible only while code from its
own folder runs. Nothing is written beside the user's files, no bytecode either.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from stitchcli.sources.divisions import noting_divisions
from stitchcli.sources.overlay import text_over
from stitchcli.tracing.mending import is_mending
from stitchcli.tracing.sites import is_user_code

_OURS = __name__.partition(".")[0]


class AnyEncodingLoader(SourceFileLoader):
    """Reads source as it declares itself, else as UTF-8, else as GB18030; a text that lies over the
    file is read in its place."""

    def path_stats(self, path: Any) -> Mapping[str, Any]:
        """Raises OSError for a file with another text over it, so that no bytecode is read."""
        if text_over(str(path)) is not None or is_mending():
            raise OSError
        return super().path_stats(path)

    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> CodeType:  # type: ignore[override]
        over = text_over(str(path))
        data = data if over is None else over
        if isinstance(data, bytes) and b"coding" not in b"".join(data.splitlines()[:2]):
            try:
                data.decode("utf-8")
            except UnicodeDecodeError:
                data = data.decode("gb18030")
        if is_mending():
            data = noting_divisions(ast.parse(data))
        code: CodeType = compile(data, path, "exec", dont_inherit=True, optimize=_optimize)
        return code


class _Finder:
    """Finds top-level modules in the user's folders; the standard library is never shadowed."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [str(folder) for folder in folders]
        self.found: set[str] = set()

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        top = name.partition(".")[0]
        if path is not None:
            return self._inner(name, path) if top in self.found else None
        if name in sys.stdlib_module_names or name == _OURS:
            return None
        spec = PathFinder.find_spec(name, self._folders)
        if spec is None or (spec.origin is None and not spec.submodule_search_locations):
            return None
        if spec.loader is None:
            return None  # a bare folder would hide an installed package of that name
        self.found.add(name)
        return _with_our_loader(spec)

    def _inner(self, name: str, path: object) -> ModuleSpec | None:
        """A module of a package that is the user's."""
        spec = PathFinder.find_spec(name, list(path))  # type: ignore[call-overload]
        return _with_our_loader(spec) if spec is not None else None

    def local_names(self) -> set[str]:
        """Top-level names that the folders hold."""
        files = [each for folder in self._folders for each in Path(folder).iterdir()]
        packages = (each for each in files if (each / "__init__.py").exists())
        return {each.stem for each in (*packages, *files) if each.suffix in ("", ".py")}


class UserCode:
    """The modules of one user's folders, present in ``sys.modules`` only while ``active``."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._finder = _Finder(folders)
        self._modules: dict[str, ModuleType] = {}
        self._depth = 0

    @contextmanager
    def active(self) -> Iterator[None]:
        """Imports find the user's folders first; may be entered again while it is active."""
        if self._depth:
            yield
            return
        hidden = self._hide_namesakes()
        sys.modules.update(self._modules)
        sys.meta_path.insert(0, self._finder)
        wrote, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            sys.dont_write_bytecode = wrote
            sys.meta_path.remove(self._finder)
            self._take_back()
            sys.modules.update(hidden)

    def _hide_namesakes(self) -> dict[str, ModuleType]:
        """Modules of other folders whose names stand in these folders too; what is installed stays
        in sight, for whoever uses it already."""
        names = {name.partition(".")[0] for name in self._modules} | self._finder.local_names()
        return {
            name: sys.modules.pop(name)
            for name in list(sys.modules)
            if name.partition(".")[0] in names - {_OURS}
            and (name in self._modules or not _is_installed(sys.modules[name]))
        }

    def load_file(self, file: Path) -> ModuleType:
        """Import one file, by its dotted name where it lies in a package."""
        parents = _packages_of(file)
        name = ".".join([*(folder.name for folder in parents), file.stem])
        if parents:
            __import__(".".join(folder.name for folder in parents))
        elif name in sys.modules or name in sys.stdlib_module_names:
            name = f"user_{name}"  # a file called rich.py must not stand in for the package
        loader = AnyEncodingLoader(name, str(file))
        spec = spec_from_file_location(name, file, loader=loader)
        assert spec is not None
        module = module_from_spec(spec)
        self._modules[name] = module
        sys.modules[name] = module
        try:
            loader.exec_module(module)
        except BaseException:
            del self._modules[name]
            sys.modules.pop(name, None)
            raise
        return module

    def publish(self) -> None:
        """Leave the modules in ``sys.modules`` where their names are free, so that networks made
        of their classes can be pickled."""
        for name, module in self._modules.items():
            sys.modules.setdefault(name, module)

    def _take_back(self) -> None:
        for name in list(sys.modules):
            if name in self._modules or name.partition(".")[0] in self._finder.found:
                self._modules[name] = sys.modules.pop(name)


def _with_our_loader(spec: ModuleSpec) -> ModuleSpec:
    if isinstance(spec.loader, SourceFileLoader):
        spec.loader = AnyEncodingLoader(spec.loader.name, spec.loader.path)
    return spec


def _is_installed(module: ModuleType) -> bool:
    """True for a module of the standard library or of an installed package."""
    file = getattr(module, "__file__", None)
    name = module.__name__.partition(".")[0]
    return name in sys.stdlib_module_names or bool(file and not is_user_code(file))


def folders_of(file: Path, here: Path) -> tuple[Path, ...]:
    """Where a file's imports are looked up: beside it, from the root of its package, from here."""
    packages = _packages_of(file)
    folders = [file.parent, *(packages[:1] and [packages[0].parent])]
    folders += [folder for folder in file.parents if folder == here]
    return tuple(dict.fromkeys(folders))


def _packages_of(file: Path) -> list[Path]:
    """The packages around a file, outermost first."""
    found: list[Path] = []
    for folder in file.parents:
        if not (folder / "__init__.py").exists() or not folder.name.isidentifier():
            break
        found.insert(0, folder)
    return found
