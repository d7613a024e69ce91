"""Other texts in the place of files, for as long as a patch is tried; nothing is written."""

from __future__ import annotations

import linecache
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO

_texts: dict[str, str] = {}


@contextmanager
def overlaid(texts: Mapping[str, str]) -> Iterator[None]:
    """Imports and tracebacks see ``texts`` (by file) instead of what is on disk."""
    before, cached = dict(_texts), {file: linecache.cache.get(file) for file in texts}
    _texts.update(texts)
    for file, text in texts.items():
        # an entry without a modification time is not looked up on disk again
        linecache.cache[file] = (len(text), None, StringIO(text, newline="").readlines(), file)
    try:
        yield
    finally:
        _texts.clear()
        _texts.update(before)
        for file, entry in cached.items():
            linecache.cache.pop(file, None)
            if entry is not None:
                linecache.cache[file] = entry


def text_over(file: str) -> str | None:
    """The text that stands for a file; None for what is on disk."""
    return _texts.get(file)
