"""``stitch inspect``: audit one network, before and after edits."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from stitchcli.cli.options import (
    After,
    Before,
    Blocks,
    Columns,
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
from stitchcli.cli.patches import check_flags, patches_of, print_diff, write_patches
from stitchcli.cli.process import import_torch
from stitchcli.cli.reports import (
    Color,
    Format,
    parse_outs,
    print_report,
    refuse_sources,
    write_files,
)
from stitchcli.cli.streams import stdout_to_stderr
from stitchcli.config.settings import read_settings
from stitchcli.library import Library
from stitchcli.networks import BUILTINS


def inspect(
    target: Annotated[
        str,
        typer.Argument(
            help=f"{', '.join(BUILTINS)}; or file.py[:Name], package.module:Name, timm:NAME, "
            "torchvision:NAME, ultralytics:FILE.yaml.",
            metavar="TARGET",
            autocompletion=complete_target,
        ),
    ],
    arg: Annotated[
        Several,
        typer.Option("--arg", metavar="NAME=VALUE", help="Constructor argument of the network."),
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
    select: Select = [],
    ignore: Ignore = [],
    device: Annotated[
        str,
        typer.Option(metavar="DEVICE", help="cpu, cuda, cuda:N, or meta (no weights, no numbers)."),
    ] = "cpu",
    train: Train = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Also check the edited network with numbers on the device."),
    ] = False,
    cross_check: Annotated[
        bool,
        typer.Option(
            "--cross-check", help="Count with torchinfo and fvcore too, and say why they differ."
        ),
    ] = False,
    time: Annotated[
        bool,
        typer.Option("--time", help="Measure seconds on the device: median and spread by stage."),
    ] = False,
    columns: Columns = [],
    backward: Annotated[
        bool,
        typer.Option("--backward", help="Also look for parameters that are given no gradient."),
    ] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Apply the safe fixes, and report on what comes of it.")
    ] = False,
    unsafe_fixes: Annotated[
        bool,
        typer.Option(
            "--unsafe-fixes", help="With --fix: also those that change weights or numbers."
        ),
    ] = False,
    diff: Annotated[
        bool,
        typer.Option("--diff", help="With --fix: show the patch of your files; write nothing."),
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="With --fix: write the patch to your files.")
    ] = False,
    depth: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="How deep calls within calls are shown as rows."),
    ] = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="Output format.")] = Format.table,
    out: Out = [],
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Only totals and diagnostics.")
    ] = False,
    color: Annotated[Color, typer.Option(help="Colour; NO_COLOR is honoured.")] = Color.auto,
) -> int:
    """Shapes, parameters and FLOPs of a network, stage by stage, before and after edits.

    Every mismatch is found in one run, each with a fix that was tried. SEL names modules by path
    (up1.conv), class (Conv2d), family (conv norm act pool linear attn) or glob (down*), optionally
    below others (layer1/conv), filtered ('conv[k=3,in>=64]') or by index (conv@0). BLOCK is one
    that "stitch blocks list" shows, a torch.nn class, or file.py:Class, with arguments as in
    se:reduction=8.

    \b
      stitch inspect unet --replace conv=dwconv
      stitch inspect unet --replace conv=dwconv --after 'down*=msca'
      stitch inspect model.py:Net --input 1x3x224x224 --device meta
    """
    from stitchcli.filters import make_filter
    from stitchcli.formats.words import files_line, fixed_lines, summary
    from stitchcli.records import Target
    from stitchcli.sources.overlay import overlaid
    from stitchcli.words.columns import parse_columns
    from stitchcli.words.shapes import parse_spec
    from stitchcli.words.values import parse_arguments

    check_flags(fix, {"--unsafe-fixes": unsafe_fixes, "--diff": diff, "--write": write})
    files = parse_outs(out, Format)
    edits = parse_edits(replace, wrap, after, before, set, remove, except_)
    inputs = tuple(parse_spec(each) for each in input)
    place = Target(target, parse_arguments(arg, "--arg"))
    settings = read_settings()
    filter = make_filter(select, ignore, (settings.select, settings.ignore))
    folders = Library((*settings.blocks, *blocks)).folders
    refuse_sources(files, [target, *replace, *wrap, *after, *before], folders)
    with stdout_to_stderr():
        import_torch()
        from stitchcli.pipeline import Request, inspect_target

        mode: Literal["eval", "train"] = "train" if train else "eval"
        request = Request(
            edits, inputs, device, mode, depth, expect, verify, folders, filter,
            ("unsafe" if unsafe_fixes else "safe") if fix else "none", diff or write, backward,
            columns=parse_columns(columns, time=time), cross_check=cross_check,
        )  # fmt: skip
        report = inspect_target(place, request)
    patches = patches_of(report)
    if fix and not report.fixed and any(each.fixes for each in report.diagnostics):
        print("nothing was fixed; look at the fixes, or add --unsafe-fixes", file=sys.stderr)
    if write:
        write_patches(patches)
    with overlaid({} if write else report.texts):  # the report is of the network as patched
        write_files(report, files)
        if diff and format is Format.table:
            print_diff(patches)
            print(*fixed_lines(report), sep="\n", file=sys.stderr)
        else:
            print_report(report, format, quiet, color)
    if diff or write:
        lines = [files_line(report, write)] if patches or report.diagnostics else []
        print(*lines, summary(report), sep="\n", file=sys.stderr)
    return int(report.has_errors or (bool(patches) and not write))
