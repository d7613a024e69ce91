"""The process that a command runs in: begun and left without work that nobody needs."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from contextlib import suppress
from typing import NoReturn


def program() -> NoReturn:
    """The whole of the process. Nobody looks for garbage before ``import_torch``: modules make
    objects by the million and drop hardly any, and looking takes a tenth of the time."""
    gc.disable()
    from stitchcli.cli.main import run

    leave(run())


def import_torch() -> None:
    """Import torch; from here on garbage is looked for, in what is made from here on."""
    gc.disable()
    try:
        import torch  # noqa: F401
    finally:
        gc.freeze()
        gc.enable()


def leave(code: int) -> NoReturn:
    """End the process with an exit code, once threads are done and what was to happen at exit has
    happened. Python would also take every module apart, for which torch needs 0.3 s."""
    if sys.gettrace() or sys.getprofile():  # who watches the process wants to see its end
        sys.exit(code)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)
