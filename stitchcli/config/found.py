"""Which file holds the settings, and on which of its lines each stands."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from stitchcli.errors import StitchError
from stitchcli.toml_lines import Key, lines_of

OWN, SHARED = "stitch.toml", "pyproject.toml"


@dataclass(frozen=True)
class Source:
    """A file with settings: ``table`` is what stands at ``prefix`` in it, whole floats as
    integers. ``notes`` say what of it is not used."""

    file: Path
    text: str
    table: dict[str, Any]
    prefix: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", _with_integers(self.table))

    @cached_property
    def _lines(self) -> dict[tuple[Key, ...], int]:
        return lines_of(self.text)

    @property
    def shown(self) -> str:
        """The file as people would write it here."""
        here = Path.cwd()
        is_near = self.file.is_relative_to(here) or here.is_relative_to(self.file.parent)
        return os.path.relpath(self.file, here) if is_near else str(self.file)

    def line(self, path: Sequence[Key]) -> int | None:
        """The line of the key at a path below the table; of the nearest table around it, where
        there is no such key."""
        whole = (*self.prefix, *path)
        ends = range(len(whole), 0, -1)
        return next((self._lines[whole[:end]] for end in ends if whole[:end] in self._lines), None)

    def key(self, path: Sequence[Key]) -> str:
        """A path as people write it, a model by its name: ``tool.stitch.model[unet].budget``."""
        words = ".".join(self.prefix)
        value: Any = self.table
        for key in path:
            value = value[key] if _holds(value, key) else {}
            if isinstance(key, int):
                name = value.get("name") if isinstance(value, dict) else None
                words += f"[{name if isinstance(name, str) and name else key}]"
            else:
                words += f".{key}" if words else key
        return words

    def place(self, path: Sequence[Key]) -> str:
        """``stitch.toml:12``."""
        line = self.line(path)
        return f"{self.shown}:{line}" if line else self.shown


def _with_integers(value: Any) -> Any:
    """``2e6`` is a float to TOML, and an integer to JSON Schema and to who writes it.

    What a constructor takes stays as it is.
    """
    if isinstance(value, dict):
        return {key: v if key == "kwargs" else _with_integers(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_with_integers(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _holds(value: Any, key: Key) -> bool:
    if isinstance(key, int):
        return isinstance(value, list) and key < len(value)
    return isinstance(value, dict) and key in value


def find_source(here: Path | None = None) -> Source | None:
    """The settings that hold in a directory, by default the working directory: the nearest
    stitch.toml, or pyproject.toml with a table for us, up to the root of the repository. Raises
    StitchError."""
    start = (here or Path.cwd()).absolute()
    for folder in (start, *start.parents):
        found = source_in(folder)
        if found is not None:
            return found
        if _is_there(folder / ".git"):
            break
    return None


def source_in(folder: Path) -> Source | None:
    """The settings in one folder. Raises StitchError."""
    own, shared = folder / OWN, folder / SHARED
    if not _is_there(own):
        return _shared_source(shared, _read(shared)) if _is_there(shared) else None
    notes: tuple[str, ...] = ()
    with suppress(StitchError):  # it is not read, and its mistakes are not in the way
        if _is_there(shared) and _shared_source(shared, _read(shared)) is not None:
            notes = (f"{OWN} is read, and [tool.stitch] in the {SHARED} beside it is not",)
    return _own_source(own, _text(own, _read(own)), notes)


def source_from_text(file: Path, text: str) -> Source | None:
    """The settings in the text of either file, as it was at another time. Raises StitchError."""
    if file.name == OWN:
        return _own_source(file, text)
    return _shared_source(file, text.encode("utf-8", "surrogateescape"))


def _is_there(path: Path) -> bool:
    """Whether there is such a file or folder, as far as one may look."""
    try:
        return path.exists()
    except PermissionError:
        return False


def _own_source(file: Path, text: str, notes: tuple[str, ...] = ()) -> Source:
    return Source(file, text, _parsed(file, text), notes=notes)


def _shared_source(file: Path, data: bytes) -> Source | None:
    if b"stitch" not in data:  # somebody else's mistakes in the file are none of ours
        return None
    text = _text(file, data)
    tool = _parsed(file, text).get("tool", {})
    if not isinstance(tool, dict) or "stitch" not in tool:
        return None
    if not isinstance(tool["stitch"], dict):
        raise StitchError(f"{file}: tool.stitch is no table", "write [tool.stitch]")
    return Source(file, text, tool["stitch"], ("tool", "stitch"))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise StitchError(f"cannot read {file}: {error.strerror}", "mend the file") from error


def _text(file: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StitchError(f"{file}: {error}", "save the file as UTF-8") from error


def _parsed(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StitchError(f"{file}: {error}", "mend the file") from error
