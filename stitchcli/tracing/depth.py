"""Modules within modules within modules, deeper than Python goes by default."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

#: Frames. A level of modules takes three when it runs, one more when it is watched, and eight when
#: it is copied; a stack of 8 MiB holds more than twice as many. That of Windows has 2 MiB.
_ENOUGH = 2_000 if sys.platform == "win32" else 8_000


@contextmanager
def room_for_depth() -> Iterator[None]:
    """Let calls go deep enough inside the block for networks of some 900 levels."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _ENOUGH))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
