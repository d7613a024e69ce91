"""On which line of a TOML file each key stands; tomllib does not say."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

Key = str | int
Path = tuple[Key, ...]


def lines_of(text: str) -> dict[Path, int]:
    """The line, from 1, of the statement that gives each key its value, such as
    ``("tool", "stitch", "model", 1, "target")``, and of the first that names each table."""
    found: dict[Path, int] = {}
    sizes: dict[Path, int] = {}  # of arrays of tables
    table: Path = ()
    for number, statement, content in _statements(text):
        if statement.startswith("["):
            table = _header(content, sizes)
            paths: Iterator[Path] = iter([table])
        else:
            paths = (table + path for path in _paths(content))
        for path in paths:
            for end in range(1, len(path) + 1):
                found.setdefault(path[:end], number)
    return found


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Each statement with its first line and what it says by itself. It ends where what has been
    read since the one before is TOML."""
    pending: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):  # TOML has no other line breaks
        pending.append(line)
        if not pending[0].strip() or pending[0].strip().startswith("#"):
            pending.clear()
            continue
        statement = "\n".join(pending)
        try:
            content = tomllib.loads(f"{statement}\n")
        except tomllib.TOMLDecodeError:
            continue  # it goes on
        yield number - len(pending) + 1, statement.strip(), content
        pending.clear()


def _header(content: dict[str, Any], sizes: dict[Path, int]) -> Path:
    """The path of the table that a header opens: of an array, its next or its last element."""
    path: Path = ()
    inner: Any = content
    while inner:
        if isinstance(inner, list):
            sizes[path] = sizes.get(path, 0) + 1
            return (*path, sizes[path] - 1)
        if path in sizes:
            path = (*path, sizes[path] - 1)
        ((name, inner),) = inner.items()
        path = (*path, name)
    return path


def _paths(content: Any) -> Iterator[Path]:
    """Every key in a value, and every index."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in items:
        yield (key,)
        if isinstance(value, dict | list):
            yield from ((key, *path) for path in _paths(value))
