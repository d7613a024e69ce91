"""``stitch check``: hold networks to their budgets."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stitchcli.cli.options import Out, Several
from stitchcli.cli.reports import (
    CheckFormat,
    Color,
    parse_outs,
    print_drawn,
    refuse_sources,
    write_text,
)
from stitchcli.errors import StitchError, places_of
from stitchcli.whole_files import write_whole

if TYPE_CHECKING:
    from stitchcli.config.project import Project
    from stitchcli.records import CheckReport

Models = Annotated[
    Several | None,
    typer.Argument(metavar="MODEL", help="Names of models in the settings; all of them."),
]
Device = Annotated[
    str, typer.Option(metavar="DEVICE", help="meta (no weights, no numbers), cpu, cuda or cuda:N.")
]
Jobs = Annotated[
    int,
    typer.Option(
        "--jobs", "-j", min=1, metavar="N", help="Measure N models at a time, by default one a CPU."
    ),
]
Timeout = Annotated[
    float, typer.Option(min=0.1, metavar="SECONDS", help="How long each model may take.")
]
CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check(
    models: Models = None,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="BASE",
            help="What to compare with: none, baseline, merge-base[:BRANCH] or a git revision.",
        ),
    ] = None,
    device: Device = "meta",
    jobs: Jobs = CPUS,
    timeout: Timeout = 300.0,
    format: Annotated[
        CheckFormat, typer.Option("--format", "-f", help="Output format.")
    ] = CheckFormat.table,
    out: Out = [],
    color: Annotated[Color, typer.Option(help="Colour; NO_COLOR is honoured.")] = Color.auto,
) -> int:
    """Hold the networks of stitch.toml, or of [tool.stitch] in pyproject.toml, to their budgets.

    Each is measured in a process of its own. Exit code 0: all passed, perhaps with warnings; 1: a
    budget is exceeded or a network has a fault; 2: something could not be measured.

    \b
      stitch check
      stitch check unet --base merge-base:main
      stitch check --format github --out junit:stitch.xml
    """
    from stitchcli.checking.run import CheckRequest, check_project, choose_models
    from stitchcli.config.project import read_project

    if base == "":
        raise StitchError("--base is empty", "leave it out, or name none, baseline or a revision")
    files = parse_outs(out, CheckFormat)
    with _telling_in(files):
        project = read_project()
        chosen = choose_models(project, models or [])
    _refuse(files, project)
    with _telling_in(files), progress([each.name for each in chosen]) as on_end:
        request = CheckRequest(base, device, jobs, timeout, on_end)
        report = check_project(project, chosen, request)
    _write(report, files)
    _print(report, format, color)
    return report.exit_code


@contextmanager
def _telling_in(files: Sequence[tuple[str, Path]]) -> Iterator[None]:
    """Where there is no report, the files for other programs say so; those that are there already
    are left alone, since what is read is not known yet."""
    try:
        yield
    except StitchError as error:
        from stitchcli.formats import ERRORS, render_failure

        words = (error.message, error.help, 2, "check", places_of(error))
        for kind, path in files:
            if kind in ERRORS and not path.exists():
                write_whole(path, render_failure(kind, *words))
        raise


def _refuse(files: Sequence[tuple[str, Path]], project: Project) -> None:
    read = [str(project.source.file), str(project.baseline_file)]
    read += [str(project.folder / each.target.text) for each in project.models]
    folders = tuple(str(project.folder / each) for each in project.settings.blocks)
    refuse_sources(files, read, folders)


def _write(report: CheckReport, files: Sequence[tuple[str, Path]]) -> None:
    from stitchcli.formats.check import CHECK_FORMATS

    for kind, path in files:
        write_whole(path, CHECK_FORMATS[kind](report))


def _print(report: CheckReport, format: CheckFormat, color: Color) -> None:
    from stitchcli.formats.check import CHECK_FORMATS
    from stitchcli.formats.check.table import print_check

    if format is CheckFormat.table:
        print_drawn(lambda console: print_check(report, console), color)
        return
    write_text(CHECK_FORMATS[format](report), format)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if format is CheckFormat.github and summary:
        _append(Path(summary), CHECK_FORMATS["markdown"](report))


def _append(file: Path, text: str) -> None:
    try:
        with file.open("a", encoding="utf-8") as summary:
            summary.write(f"{text}\n")
    except OSError as error:
        raise StitchError(
            f"cannot write the step's summary {file}: {error.strerror}",
            "look at GITHUB_STEP_SUMMARY",
        ) from error


@contextmanager
def progress(names: Sequence[str]) -> Iterator[Callable[[str], None]]:
    """A bar on stderr while models are measured, where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda name: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("measuring", total=len(names))
        yield lambda name: bar.update(task, advance=1, description=name)
