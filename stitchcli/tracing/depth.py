"""Modules within modules within modules, deeper than Python goes by default."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: Frames. A level of modules takes three when it runs, one more when it is watched, and eight when
#: it is copied.
_ENOUGH = 8_000
#: Bytes of stack for a frame, twice of what one takes.
_FRAME = 1024
_STACK_OF_WINDOWS = 2 * 2**20
_alone = threading.RLock()


@contextmanager
def room_for_depth() -> Iterator[None]:
    """Let calls go deep enough inside the block for networks of some 900 levels, where the stack
    is of 8 MiB. One thread at a time: the limit is the process's, and so is what watches
    modules."""
    with _alone:
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, min(_ENOUGH, _stack() // _FRAME)))
        try:
            yield
        finally:
            sys.setrecursionlimit(before)


def _stack() -> int:
    """Bytes of this thread's stack."""
    if threading.current_thread() is not threading.main_thread() and threading.stack_size():
        return threading.stack_size()
    if sys.platform == "win32":
        return _STACK_OF_WINDOWS
    import resource

    size, _ = resource.getrlimit(resource.RLIMIT_STACK)
    return size if size != resource.RLIM_INFINITY else _ENOUGH * _FRAME
