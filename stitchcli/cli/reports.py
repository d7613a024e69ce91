"""Where a report goes: stdout in a format, and files beside it."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from stitchcli.cli.streams import ascii_only, can_encode, escape_json
from stitchcli.errors import StitchError
from stitchcli.whole_files import write_whole
from stitchcli.words.near import did_you_mean

if TYPE_CHECKING:
    from rich.console import Console

    from stitchcli.records import Report


class Format(StrEnum):
    """Output formats."""

    table = "table"
    json = "json"
    markdown = "markdown"
    concise = "concise"
    github = "github"
    sarif = "sarif"


class Color(StrEnum):
    """When to use colour."""

    auto = "auto"
    always = "always"
    never = "never"


class DiffFormat(StrEnum):
    """Output formats of ``stitch diff``."""

    table = "table"
    json = "json"
    markdown = "markdown"
    html = "html"


class CheckFormat(StrEnum):
    """Output formats of ``stitch check``."""

    table = "table"
    json = "json"
    markdown = "markdown"
    concise = "concise"
    github = "github"
    sarif = "sarif"
    junit = "junit"


def parse_out(text: str, known: type[StrEnum]) -> tuple[StrEnum, Path]:
    """``json:report.json`` as its parts. Raises StitchError."""
    name, colon, path = text.partition(":")
    if not colon or not path or name not in list(known):
        formats = ", ".join(known)
        meant = did_you_mean(name, [each.value for each in known]) if colon else ""
        raise StitchError(
            f"--out {text!r} is not FORMAT:PATH",
            meant or f"write for instance --out json:report.json; formats are {formats}",
        )
    file = Path(path)
    if path == "-":
        raise StitchError("--out writes files", f"--format {name} prints on stdout")
    if file.is_dir() or not file.absolute().parent.is_dir():
        what = "is a folder" if file.is_dir() else "lies in a folder that is not there"
        raise StitchError(f"--out path {path} {what}", "give the path of a file")
    return known(name), file


def parse_outs(texts: Sequence[str], known: type[StrEnum]) -> list[tuple[StrEnum, Path]]:
    """Every ``--out``. Raises StitchError, also where two are the same file."""
    files = [parse_out(each, known) for each in texts]
    paths = [path.resolve() for _, path in files]
    for index, path in enumerate(paths):
        if path in paths[:index]:
            raise StitchError(f"--out has {files[index][1]} twice", "give each its own path")
    return files


def refuse_sources(
    files: Sequence[tuple[str, Path]], words: list[str], folders: tuple[str, ...]
) -> None:
    """Never write over a file that the network or a block is read from."""
    read = {Path(name).resolve() for word in words for name in re.findall(r"[^=:]+\.\w+", word)}
    read |= {file.resolve() for folder in folders for file in Path(folder).glob("*.py")}
    for _, path in files:
        if path.resolve() in read:
            raise StitchError(f"{path} is read, and would be written over", "give another path")


def write_files(report: Report, files: Sequence[tuple[str, Path]]) -> None:
    """The report in every file of ``--out``. Raises StitchError."""
    from stitchcli.formats import FORMATS

    for kind, path in files:
        write_whole(path, FORMATS[kind](report))


def print_report(report: Report, format: Format, quiet: bool, color: Color) -> None:
    """The report on stdout."""
    from stitchcli.formats import FORMATS
    from stitchcli.formats.table import print_table

    if format is Format.table:
        print_drawn(lambda console: print_table(report, console, quiet=quiet), color)
    else:
        write_text(FORMATS[format](report), format)


def print_drawn(draw: Callable[[Console], None], color: Color) -> None:
    """What is drawn on a console as wide as the terminal, on stdout."""
    from rich.console import Console

    from stitchcli.formats.drawing import strip_lines

    terminal = sys.stdout.isatty()
    columns = shutil.get_terminal_size((120, 24)).columns
    text = StringIO()
    console = Console(
        file=text,
        width=columns if terminal else max(columns, 120),
        force_terminal={"always": True, "never": False}.get(color, terminal),
        no_color={"always": False, "never": True}.get(color),
        color_system="standard" if color is Color.always else "auto",
        highlight=False,
    )
    draw(console)
    write_text(strip_lines(text.getvalue()), Format.table)


def write_text(text: str, format: str) -> None:
    """Write to stdout, in ASCII where its encoding has no more."""
    if not can_encode(text):
        text = escape_json(text) if format in ("json", "sarif") else ascii_only(text)
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123  # or Python tries again at exit
        raise StitchError(f"cannot write the report: {error.strerror}", "look at stdout") from error
