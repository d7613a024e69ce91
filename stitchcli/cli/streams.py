"""Who writes where: our report to stdout, whatever a user's model prints to stderr."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TextIO

from stitchcli.errors import StitchError


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Send everything printed inside to stderr, also by C code and child processes."""
    with redirect_stdout(sys.stderr), _descriptor_to_stderr():
        yield


@contextmanager
def _descriptor_to_stderr() -> Iterator[None]:
    try:
        saved = os.dup(1)
    except OSError:
        yield
        return
    try:
        with suppress(OSError):
            os.dup2(2, 1)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises StitchError."""
    write_all({path: text.encode("utf-8")}, "give another path with --out")


def write_all(files: Mapping[Path, bytes], help: str) -> None:
    """Write every file whole, or none of them. Raises StitchError."""
    # a link stays one
    files = {path.resolve() if path.is_symlink() else path: d for path, d in files.items()}
    staged: dict[Path, str] = {}
    former: dict[Path, bytes | None] = {}
    at = Path()
    try:
        for at, data in files.items():
            staged[at] = _write_beside(at, data)
        for at, temporary in staged.items():
            before = at.read_bytes() if len(files) > 1 and at.exists() else None
            os.replace(temporary, at)  # noqa: PTH105
            former[at] = before
    except BaseException as error:
        for temporary in staged.values():
            with suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108
        for path, data_before in former.items():
            _put_back(path, data_before)
        if isinstance(error, OSError):
            raise StitchError(f"cannot write {at}: {error.strerror or error}", help) from error
        raise


def _write_beside(path: Path, data: bytes) -> str:
    """A new file with the data and the mode of ``path``, in the same folder."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        mode = path.stat().st_mode if path.exists() else 0o666 & ~_umask()
        os.chmod(temporary, mode & 0o777)  # noqa: PTH101
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise
    return temporary


def _put_back(path: Path, data: bytes | None) -> None:
    with suppress(OSError):
        if data is None:
            path.unlink()
        else:
            path.write_bytes(data)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_PLAIN = str.maketrans(
    {"×": "x", "→": "->", "−": "-", "≈": "~", "·": "|", "–": "-", "…": "...", "│": "|", "─": "-"}
)


def ascii_only(text: str) -> str:
    """The same text for a stream that has only ASCII."""
    return text.translate(_PLAIN).encode("ascii", "replace").decode("ascii")


def escape_json(text: str) -> str:
    """The same JSON document in ASCII."""
    return "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in text)


def can_encode(text: str, stream: TextIO | None = None) -> bool:
    """Whether the encoding of a stream (stdout) has every character of ``text``."""
    try:
        text.encode((stream or sys.stdout).encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
