"""``stitch inspect``: audit one network, before and after edits."""

from __future__ import annotations

import os
import re
import shutil
import sys
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from stitchcli.cli.patches import check_flags, patches_of, print_diff, write_patches
from stitchcli.cli.streams import ascii_only, can_encode, escape_json, stdout_to_stderr, write_whole
from stitchcli.config import read_settings
from stitchcli.errors import StitchError
from stitchcli.filters import make_filter
from stitchcli.library import Library
from stitchcli.networks import BUILTINS
from stitchcli.words.near import did_you_mean

if TYPE_CHECKING:
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


def complete_target(incomplete: str) -> list[str]:
    """Built-in names; files are the shell's to complete."""
    return [name for name in BUILTINS if name.startswith(incomplete)]


Several = list[str]


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
    input: Annotated[
        Several,
        typer.Option(
            "--input",
            "-i",
            metavar="SHAPE",
            help="Dummy input, as 1x3x256x256, 1x77:int64 or name=1x77; repeatable. "
            "Guessed where it is not given.",
        ),
    ] = [],
    replace: Annotated[
        Several,
        typer.Option(metavar="SEL=BLOCK", help="Replace modules, as in conv=dwconv or act=SiLU."),
    ] = [],
    wrap: Annotated[
        Several,
        typer.Option(
            metavar="SEL=BLOCK",
            help="Put a block around modules, which it calls self, as in 'down3=residual(self)'.",
        ),
    ] = [],
    after: Annotated[
        Several,
        typer.Option(metavar="SEL=BLOCK", help="Put a block behind modules, as in 'down*=msca'."),
    ] = [],
    before: Annotated[
        Several, typer.Option(metavar="SEL=BLOCK", help="Put a block ahead of modules.")
    ] = [],
    set: Annotated[
        Several,
        typer.Option(metavar="SEL.ARG=VALUE", help="Build modules again with an argument changed."),
    ] = [],
    remove: Annotated[Several, typer.Option(metavar="SEL", help="Take modules out.")] = [],
    except_: Annotated[
        Several, typer.Option("--except", metavar="SEL", help="Leave modules alone in every edit.")
    ] = [],
    blocks: Annotated[
        Several,
        typer.Option(
            metavar="DIR", help="A folder of your own blocks, by file or class name; repeatable."
        ),
    ] = [],
    expect: Annotated[
        int | None, typer.Option(metavar="N", help="Fail unless the edits match N modules in all.")
    ] = None,
    select: Annotated[
        Several,
        typer.Option(
            metavar="CODES",
            help="Report only these findings, as in ST1 or ST101,ST202; repeatable. The longest "
            "code that fits a finding decides.",
        ),
    ] = [],
    ignore: Annotated[
        Several,
        typer.Option(
            metavar="CODES",
            help="Leave these findings out; repeatable. In a model file, end the line that builds "
            "a module with '# stitch: ignore[ST202]'.",
        ),
    ] = [],
    device: Annotated[
        str,
        typer.Option(metavar="DEVICE", help="cpu, cuda, cuda:N, or meta (no weights, no numbers)."),
    ] = "cpu",
    train: Annotated[bool, typer.Option("--train", help="Run in training mode.")] = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Also check the edited network with numbers on the device."),
    ] = False,
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
    out: Annotated[
        Several,
        typer.Option(
            "--out", "-o", metavar="FMT:PATH", help="Also write a file, as in json:report.json."
        ),
    ] = [],
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
    from stitchcli.formats.words import files_line, fixed_lines, summary
    from stitchcli.records import Target
    from stitchcli.words.edits import PARSERS
    from stitchcli.words.shapes import parse_spec
    from stitchcli.words.values import parse_arguments

    check_flags(fix, {"--unsafe-fixes": unsafe_fixes, "--diff": diff, "--write": write})
    files = [_parse_out(each) for each in out]
    flags = {
        "--replace": replace, "--wrap": wrap, "--after": after, "--before": before,
        "--set": set, "--remove": remove, "--except": except_,
    }  # fmt: skip
    edits = tuple(PARSERS[flag](text) for flag, texts in flags.items() for text in texts)
    inputs = tuple(parse_spec(each) for each in input)
    place = Target(target, parse_arguments(arg, "--arg"))
    settings = read_settings()
    filter = make_filter(select, ignore, (settings.select, settings.ignore))
    folders = Library((*settings.blocks, *blocks)).folders
    _refuse_sources(files, [target, *replace, *wrap, *after, *before], folders)
    with stdout_to_stderr():
        from stitchcli.pipeline import Request, inspect_target

        mode: Literal["eval", "train"] = "train" if train else "eval"
        request = Request(
            edits, inputs, device, mode, depth, expect, verify, folders, filter,
            ("unsafe" if unsafe_fixes else "safe") if fix else "none", diff or write, backward,
        )  # fmt: skip
        report = inspect_target(place, request)
    patches = patches_of(report)
    if fix and not report.fixed and any(each.fixes for each in report.diagnostics):
        print("nothing was fixed; look at the fixes, or add --unsafe-fixes", file=sys.stderr)
    if write:
        write_patches(patches)
    if diff and format is Format.table:
        print_diff(patches)
        lines = (*fixed_lines(report), files_line(report, write), summary(report))
        print(*lines, sep="\n", file=sys.stderr)
        return int(report.has_errors or (bool(patches) and not write))
    _write(report, format, files, quiet, color)
    if diff or write:
        print(files_line(report, write), file=sys.stderr)
    return int(report.has_errors or (bool(patches) and not write))


def _parse_out(text: str) -> tuple[Format, Path]:
    name, colon, path = text.partition(":")
    if not colon or not path or name not in list(Format):
        formats = ", ".join(Format)
        meant = did_you_mean(name, list(Format)) if colon else ""
        raise StitchError(
            f"--out {text!r} is not FORMAT:PATH",
            meant or f"write for instance --out json:report.json; formats are {formats}",
        )
    file = Path(path)
    if file.is_dir() or not file.absolute().parent.is_dir():
        what = "is a folder" if file.is_dir() else "lies in a folder that is not there"
        raise StitchError(f"--out path {path} {what}", "give the path of a file")
    return Format(name), file


def _refuse_sources(
    files: list[tuple[Format, Path]], words: list[str], folders: tuple[str, ...]
) -> None:
    """Never write over a file that the network or a block is read from."""
    read = {Path(name).resolve() for word in words for name in re.findall(r"[^=:]+\.\w+", word)}
    read |= {file.resolve() for folder in folders for file in Path(folder).glob("*.py")}
    for _, path in files:
        if path.resolve() in read:
            raise StitchError(f"--out would write over {path}, which is read", "give another path")


def _write(
    report: Report, format: Format, files: list[tuple[Format, Path]], quiet: bool, color: Color
) -> None:
    from stitchcli.formats import FORMATS

    for kind, path in files:
        write_whole(path, FORMATS[kind](report))
    if format is Format.table:
        _print_table(report, quiet, color)
    else:
        write_text(FORMATS[format](report), format)


def _print_table(report: Report, quiet: bool, color: Color) -> None:
    from rich.console import Console

    from stitchcli.formats.table import print_table, strip_lines

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
    print_table(report, console, quiet=quiet)
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
