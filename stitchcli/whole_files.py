"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from errno import EACCES
from pathlib import Path
from typing import BinaryIO

from stitchcli.errors import StitchError


def write_whole(path: Path, text: str, help: str = "give another path with --out") -> None:
    """Write a file whole or not at all. Raises StitchError."""
    write_all({path: text.encode("utf-8")}, help)


def write_all(files: Mapping[Path, bytes], help: str) -> None:
    """Write every file whole, or none of them. Raises StitchError."""
    special = {path: data for path, data in files.items() if path.exists() and not path.is_file()}
    for path, data in special.items():
        _write_into(path, data, help)
    files = {path: data for path, data in files.items() if path not in special}
    # a link stays one
    files = {path.resolve() if path.is_symlink() else path: d for path, d in files.items()}
    beside: dict[Path, str] = {}
    former: dict[Path, bytes | None] = {}
    at = Path()
    try:
        for at, data in files.items():
            beside[at] = _beside(at, lambda file, data=data: file.write(data))  # type: ignore[misc]
        for at, temporary in beside.items():
            before = at.read_bytes() if len(files) > 1 and at.exists() else None
            os.replace(temporary, at)  # noqa: PTH105
            former[at] = before
    except BaseException as error:
        for temporary in beside.values():
            with suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108
        for path, data_before in former.items():
            _put_back(path, data_before)
        if isinstance(error, OSError):
            raise StitchError(f"cannot write {at}: {error.strerror or error}", help) from error
        raise


def _write_into(path: Path, data: bytes, help: str) -> None:
    """A device or a pipe cannot be replaced by a file."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise StitchError(f"cannot write {path}: {error.strerror or error}", help) from error


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """A file beside ``path`` to write to, which takes its place at the end, or is gone."""
    temporary = Path(_beside(path, lambda file: None))
    mode = temporary.stat().st_mode
    try:
        yield temporary
        temporary.chmod(mode)  # whoever wrote it may have made a file of their own
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _beside(path: Path, fill: Callable[[BinaryIO], object]) -> str:
    """A new file with the mode of ``path``, in the same folder. Raises OSError, also where
    ``path`` may not be written to: the rename that is to come would not ask."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(EACCES, os.strerror(EACCES), str(path))
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
