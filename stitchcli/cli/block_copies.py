"""Copying blocks into a project: all of them or none, never over what is another's."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from stitchcli.cli.block_words import file_flag, import_line
from stitchcli.entries import BlockEntry
from stitchcli.errors import StitchError
from stitchcli.whole_files import write_all


def copy_blocks(entries: Sequence[BlockEntry], folder: Path, *, dry_run: bool, force: bool) -> str:
    """Copy the files of blocks into a folder, and say so. Raises StitchError."""
    _check_folder(folder)
    files = {folder / entry.file.name: _read(entry.file) for entry in entries}
    states = {path: _state(path, data) for path, data in files.items()}
    differing = [str(path) for path, state in states.items() if state == "differs"]
    if differing and not force:
        raise StitchError(
            f"there already, and different: {', '.join(differing)}",
            "--force writes over what is there, --to DIR takes another folder",
        )
    wanted = {path: data for path, data in files.items() if states[path] != "same"}
    if not dry_run and wanted:
        _write(wanted, folder)
    return _report(entries, folder, states, dry_run)


def _check_folder(folder: Path) -> None:
    for each in (folder, *folder.parents):
        if each.exists() and not each.is_dir():
            raise StitchError(f"{each} is a file, not a folder", "give another folder with --to")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise StitchError(f"cannot read {file}: {error.strerror}", "look at the file") from error


def _state(path: Path, data: bytes) -> str:
    """How a file stands to what is to be written: new, same or differs."""
    if path.is_dir():
        raise StitchError(f"{path} is a folder", "take it away, or give another with --to")
    if not path.exists():
        return "new"
    return "same" if _read(path) == data else "differs"


def _write(files: dict[Path, bytes], folder: Path) -> None:
    """Write the files; where that fails, folders that were made for them go again."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StitchError(
                f"cannot make the folder {folder}: {error.strerror}", "give another with --to"
            ) from error
        write_all(files, "give another folder with --to")
    except BaseException:
        for each in missing:
            with suppress(OSError):
                each.rmdir()
        raise


def _report(
    entries: Sequence[BlockEntry], folder: Path, states: dict[Path, str], dry_run: bool
) -> str:
    """What was done to each file, then how to use the blocks."""
    would = "would write" if dry_run else "wrote"
    words = {"new": would, "differs": f"{would} over", "same": "already there:"}
    lines = [f"{words[state]} {path}" for path, state in states.items()]
    copies = [(entry, folder / entry.file.name) for entry in dict.fromkeys(entries)]
    imports = list(filter(None, (import_line(entry, file) for entry, file in copies)))
    flags = [f"stitch inspect NETWORK {file_flag(entry, file)}" for entry, file in copies]
    return "\n".join([*lines, "", *imports, *([""] if imports else []), *flags]) + "\n"
