"""``--fix``: the patch of the user's files, shown or written."""

from __future__ import annotations

import difflib
import linecache
import sys
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from stitchcli.errors import StitchError
from stitchcli.syntax import lines_of, source_of
from stitchcli.whole_files import write_all

if TYPE_CHECKING:
    from stitchcli.records import Report


def check_flags(fix: bool, flags: Mapping[str, bool]) -> None:
    """Raise StitchError for a flag that says how to fix, without --fix, and for two that exclude
    each other."""
    if flags["--diff"] and flags["--write"]:
        raise StitchError(
            "--diff writes nothing, and --write does",
            "give --diff first, then --write in its place",
        )
    for flag, given in flags.items():
        if given and not fix:
            raise StitchError(f"{flag} does nothing without --fix", f"give --fix {flag}")


@dataclass(frozen=True)
class FilePatch:
    """One file as it is, as bytes, and its text as it is to be."""

    file: Path
    before: bytes
    after: str

    @property
    def lines(self) -> list[str]:
        """The file's lines now, with their ends."""
        return lines_of(self.before.decode(self._encoding))

    @property
    def _encoding(self) -> str:
        return tokenize.detect_encoding(BytesIO(self.before).readline)[0]

    def new_lines(self) -> list[str]:
        """The lines as they are to be: those that stay are as they were, new ones end like them."""
        old, new = self.lines, lines_of(self.after)
        if not old[-1].endswith(("\n", "\r")):
            new[-1] = new[-1].removesuffix("\n")  # which is read even where there is none
        end = "\r\n" if sum(line.endswith("\r\n") for line in old) * 2 > len(old) else "\n"
        plain = [line.replace("\r\n", "\n") for line in old]
        found: list[str] = []
        matcher = difflib.SequenceMatcher(None, plain, new, autojunk=False)
        for tag, a, b, c, d in matcher.get_opcodes():
            kept = old[a:b] if tag == "equal" else [x.replace("\n", end) for x in new[c:d]]
            found += kept
        return found

    def data(self) -> bytes:
        """The file's bytes as they are to be."""
        return "".join(self.new_lines()).encode(self._encoding)

    def diff(self) -> str:
        """A unified diff as ``git apply`` takes it."""
        name = _shown(self.file)
        lines = difflib.unified_diff(self.lines, self.new_lines(), f"a/{name}", f"b/{name}")
        ended = (x if x.endswith("\n") else f"{x}\n\\ No newline at end of file\n" for x in lines)
        return "".join(ended)


def patches_of(report: Report) -> list[FilePatch]:
    """What is to be done to the user's files. Raises StitchError where one cannot be read."""
    found = []
    for name, text in report.texts.items():
        file = Path(name)
        if source_of(name) != report.sources[name]:
            raise StitchError(f"{file} was changed meanwhile; nothing is written", "run it again")
        try:
            found.append(FilePatch(file, file.read_bytes(), text))
        except OSError as error:
            raise StitchError(f"cannot read {file}: {error.strerror}", "mend the file") from error
    return found


def write_patches(patches: list[FilePatch]) -> None:
    """Write every file whole, or none. Raises StitchError."""
    write_all({p.file: p.data() for p in patches}, "nothing was changed; --diff shows the patch")
    linecache.checkcache()


def print_diff(patches: list[FilePatch]) -> None:
    """The patch on stdout."""
    sys.stdout.write("".join(patch.diff() for patch in patches))


def _shown(file: Path) -> str:
    try:
        return file.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return file.as_posix().lstrip("/")
