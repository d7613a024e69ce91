"""``stitch blocks``: list blocks, show one, copy some into a project."""

from __future__ import annotations

import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from stitchcli.cli import block_views as views
from stitchcli.cli.block_copies import copy_blocks
from stitchcli.cli.options import Several
from stitchcli.cli.reports import write_text
from stitchcli.config.settings import read_settings
from stitchcli.errors import StitchError
from stitchcli.library import Library
from stitchcli.words.near import did_you_mean


class Format(StrEnum):
    """Output formats of lists and pages."""

    table = "table"
    json = "json"
    markdown = "markdown"


app = typer.Typer(
    help="List the blocks, show one, or copy some into your project.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
Blocks = Annotated[
    Several,
    typer.Option("--blocks", metavar="DIR", help="A folder of your own blocks; repeatable."),
]


@app.command("list")
def list_blocks(
    family: Annotated[
        str | None, typer.Option(metavar="FAMILY", help="Only conv, attention, fusion, ...")
    ] = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="Output format.")] = Format.table,
    blocks: Blocks = [],
) -> None:
    """Every block: parameters at 64 channels, shapes, paper."""
    library = _library(blocks)
    entries = library.listed()
    known = [name for name, _ in views.by_family(entries)]
    if family is not None and family not in known:
        raise StitchError(
            f"there is no family {family!r}",
            did_you_mean(family, known) or f"families are {', '.join(known)}",
        )
    shown = [each for each in entries if family in (None, each.family or "other")]
    if format is Format.json:
        write_text(views.blocks_json(shown, library.notes()), format)
        return
    is_table = format is Format.table
    text = views.list_text(shown, _columns()) if is_table else views.list_markdown(shown)
    notes = "".join(f"note: {note}\n" for note in library.notes())
    write_text(f"{text}\n{notes}" if notes else text, format)


@app.command("show")
def show_block(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A block, as in se.")],
    format: Annotated[Format, typer.Option("--format", "-f", help="Output format.")] = Format.table,
    blocks: Blocks = [],
) -> None:
    """One block: what it is, flags to try it, its source."""
    entry = _library(blocks).get(name)
    if format is Format.json:
        write_text(views.blocks_json([entry], (), source=True), format)
    else:
        write_text(views.page(entry, _columns()), format)


@app.command("add")
def add_blocks(
    names: Annotated[Several, typer.Argument(metavar="NAME...", help="Blocks, as in se dwconv.")],
    to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to; ./blocks if it is there, else here."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would do.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over files that differ.")] = False,
    blocks: Blocks = [],
) -> None:
    """Copy blocks into your project: all of them or none."""
    library = _library(blocks)
    entries = [library.get(name) for name in names]
    if to is None:
        to = Path("blocks") if Path("blocks").is_dir() else Path()
    write_text(copy_blocks(entries, to, dry_run=dry_run, force=force), Format.table)


def _library(folders: list[str]) -> Library:
    return Library((*read_settings().blocks, *folders))


def _columns() -> int:
    columns = shutil.get_terminal_size((120, 24)).columns
    return columns if sys.stdout.isatty() else max(columns, 120)
