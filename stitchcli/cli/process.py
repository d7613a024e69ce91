"""The process that a command runs in: begun and left without work that nobody needs."""

from __future__ import annotations

import atexit
import gc
import os
import stat
import sys
import threading
from contextlib import suppress
from typing import NoReturn


def program() -> NoReturn:
    """The whole of the process. Nobody looks for garbage before ``import_torch``: modules make
    objects by the million and drop hardly any, and looking takes a tenth of the time."""
    gc.disable()
    for name in ("stdout", "stderr"):  # none, where the caller has closed it
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115
    from stitchcli.cli.main import run

    leave(run())


def import_torch() -> None:
    """Import torch; from here on garbage is looked for, in what is made from here on."""
    if "torch" in sys.modules:
        return
    gc.disable()
    try:
        import torch  # noqa: F401
    finally:
        gc.freeze()
        gc.enable()


def leave(code: int) -> NoReturn:
    """End the process with an exit code, once threads are done and what was to happen at exit has
    happened. Python would also take every module apart, for which torch needs 0.3 s."""
    # who watches the process wants to see its end, and files are closed by it
    if sys.gettrace() or sys.getprofile() or _is_writing_files():
        sys.exit(code)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


def _is_writing_files() -> bool:
    """Whether code of the network's has left a file open that it writes to."""
    if sys.platform == "win32":
        return True  # there is no way to tell
    import fcntl

    for name in os.listdir("/dev/fd"):  # noqa: PTH208
        with suppress(OSError, ValueError):
            descriptor = int(name)
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
            if descriptor > 2 and is_file and fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE:
                return True
    return False
