"""``stitch diff``: what changed between two networks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from stitchcli.cli.options import (
    After,
    Before,
    Blocks,
    Except,
    Expect,
    Ignore,
    Input,
    Out,
    Remove,
    Replace,
    Select,
    Set,
    Several,
    Train,
    Wrap,
    complete_target,
    parse_edits,
)
from stitchcli.cli.process import import_torch
from stitchcli.cli.reports import (
    Color,
    DiffFormat,
    parse_outs,
    print_drawn,
    refuse_sources,
    write_text,
)
from stitchcli.cli.streams import stdout_to_stderr
from stitchcli.config.settings import read_settings
from stitchcli.errors import StitchError
from stitchcli.library import Library
from stitchcli.whole_files import write_whole

if TYPE_CHECKING:
    from stitchcli.records import Diff


def diff(
    base: Annotated[
        str,
        typer.Argument(
            help="A network, as stitch inspect takes it, or a file of a git revision, as "
            "main:models/unet.py[:Name].",
            metavar="BASE",
            autocompletion=complete_target,
        ),
    ],
    modified: Annotated[
        str | None,
        typer.Argument(
            help="Another. With --merge-base it may be left out: the same file, as it is now.",
            metavar="MODIFIED",
            autocompletion=complete_target,
        ),
    ] = None,
    merge_base: Annotated[
        str | None,
        typer.Option(
            metavar="REVISION",
            help="The base network is the file where the current branch left this revision.",
        ),
    ] = None,
    arg: Annotated[
        Several,
        typer.Option("--arg", metavar="NAME=VALUE", help="Constructor argument of both networks."),
    ] = [],
    base_arg: Annotated[
        Several,
        typer.Option(metavar="NAME=VALUE", help="Constructor argument of the base network alone."),
    ] = [],
    head_arg: Annotated[
        Several,
        typer.Option(
            metavar="NAME=VALUE", help="Constructor argument of the modified network alone."
        ),
    ] = [],
    input: Input = [],
    replace: Replace = [],
    wrap: Wrap = [],
    after: After = [],
    before: Before = [],
    set: Set = [],
    remove: Remove = [],
    except_: Except = [],
    blocks: Blocks = [],
    expect: Expect = None,
    moved: Annotated[
        Several,
        typer.Option(
            metavar="A=B", help="Base's module A is the modified network's B; repeatable."
        ),
    ] = [],
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Check whether the tensors of this .pt or .safetensors file, saved from base, "
            "load into the modified network.",
        ),
    ] = None,
    remap: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT", help="With --checkpoint: write what loads, under the names it now has."
        ),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Write the renames of tensors as JSON, old name to new."),
    ] = None,
    numeric: Annotated[
        bool,
        typer.Option(
            "--numeric",
            help="Also run both with the weights that they share, and compare the outputs.",
        ),
    ] = False,
    select: Select = [],
    ignore: Ignore = [],
    device: Annotated[
        str,
        typer.Option(metavar="DEVICE", help="meta (no weights, no numbers), cpu, cuda or cuda:N."),
    ] = "meta",
    train: Train = False,
    stat: Annotated[
        bool, typer.Option("--stat", help="A line a stage in the place of the changes.")
    ] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 where anything differs.")
    ] = False,
    format: Annotated[
        DiffFormat, typer.Option("--format", "-f", help="Output format.")
    ] = DiffFormat.table,
    out: Out = [],
    color: Annotated[Color, typer.Option(help="Colour; NO_COLOR is honoured.")] = Color.auto,
) -> int:
    """What one network has that the other has not, aligned, and what it costs.

    Edits are carried out on the modified side. The changes' parameters and FLOPs add up to the
    difference of the totals.

    \b
      stitch diff base.py modified.py
      stitch diff unet unet --replace conv=dwconv
      stitch diff main:models/unet.py models/unet.py
      stitch diff --merge-base main models/unet.py --exit-code
    """
    from stitchcli.filters import make_filter
    from stitchcli.records import Target
    from stitchcli.words.shapes import parse_spec
    from stitchcli.words.values import parse_arguments

    files = parse_outs(out, DiffFormat)
    if modified is None and merge_base is None:
        raise StitchError(
            "there is one network, and a diff is of two", "name another, or give --merge-base main"
        )
    head = base if modified is None else modified
    if remap is not None and checkpoint is None:
        raise StitchError("--remap needs a checkpoint", "give --checkpoint FILE")
    edits = parse_edits(replace, wrap, after, before, set, remove, except_)
    inputs = tuple(parse_spec(each) for each in input)
    settings = read_settings()
    filter = make_filter(select, ignore, (settings.select, settings.ignore))
    folders = Library((*settings.blocks, *blocks)).folders
    written = [*files, *(("", path) for path in (mapping, remap) if path)]
    read = [
        base,
        head,
        *replace,
        *wrap,
        *after,
        *before,
        *([str(checkpoint)] if checkpoint else []),
    ]
    refuse_sources(written, read, folders)
    pairs = dict(_pair(each) for each in moved)
    with stdout_to_stderr():
        import_torch()
        from stitchcli.difference import DiffRequest, diff_targets
        from stitchcli.pipeline import Request

        mode: Literal["eval", "train"] = "train" if train else "eval"
        request = Request(edits, inputs, device, mode, expect=expect, blocks=folders, filter=filter)
        if merge_base is not None:
            from stitchcli.sources.revisions import at_merge_base

            base = at_merge_base(base, merge_base)
        found = diff_targets(
            DiffRequest(
                Target(base, parse_arguments([*arg, *base_arg], "--arg")),
                Target(head, parse_arguments([*arg, *head_arg], "--arg")),
                request,
                pairs,
                dict(settings.moved),
                numeric,
                checkpoint,
                remap,
            )
        )
    if mapping is not None:
        text = json.dumps(dict(found.checkpoint.mapping), indent=2, ensure_ascii=False)
        write_whole(mapping, text + "\n")
    _write(found, files)
    _print(found, format, stat, color)
    return int(found.has_errors or (exit_code and found.differs))


def _pair(text: str) -> tuple[str, str]:
    one, equals, other = text.partition("=")
    if not equals or not one or not other:
        raise StitchError(
            f"--moved {text!r} is not A=B", "write for instance --moved layer1=stage1"
        )
    return one, other


def _write(found: Diff, files: Sequence[tuple[str, Path]]) -> None:
    from stitchcli.formats.diff import DIFF_FORMATS

    for kind, path in files:
        write_whole(path, DIFF_FORMATS[kind](found))


def _print(found: Diff, format: DiffFormat, stat: bool, color: Color) -> None:
    from stitchcli.formats.diff import DIFF_FORMATS
    from stitchcli.formats.diff.table import print_diff

    if format is DiffFormat.table:
        print_drawn(lambda console: print_diff(found, console, stat=stat), color)
    else:
        write_text(DIFF_FORMATS[format](found), format)
