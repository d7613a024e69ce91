"""The ``stitch`` program: commands, exit codes, and the words for what went wrong."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, NoReturn

import typer

from stitchcli import __version__
from stitchcli.cli.baseline import app as baseline
from stitchcli.cli.blocks import app as blocks
from stitchcli.cli.check import check
from stitchcli.cli.config import config
from stitchcli.cli.diff import diff
from stitchcli.cli.explain import explain
from stitchcli.cli.init import init
from stitchcli.cli.inspect import inspect
from stitchcli.cli.process import leave
from stitchcli.cli.streams import ascii_only, can_encode, escape_json
from stitchcli.errors import StitchError, places_of

COULD_NOT, BUG, INTERRUPTED = 2, 3, 130
_COMMANDS = ("baseline", "blocks", "check", "config", "diff", "explain", "init")

app = typer.Typer(
    name="stitch",
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"stitch {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Audit shapes, parameters and FLOPs of neural networks, and try edits on them from flags."""


app.command()(inspect)
app.command()(diff)
app.command()(check)
app.add_typer(baseline, name="baseline")
app.command()(init)
app.command()(config)
app.command()(explain)
app.add_typer(blocks, name="blocks")


def program() -> NoReturn:
    """The whole of the process."""
    leave(run())


def run() -> int:
    """Run the program on sys.argv and give the exit code.

    0 all well, 1 findings in the model, 2 it could not be done, 3 a bug in stitch, 130 interrupted.
    """
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
        return int(code or 0)
    except StitchError as error:
        return _fail(error.message, error.help, error.details, places=places_of(error))
    except typer.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help itself
            typer.echo(error.format_message(), err=True)
            return COULD_NOT
        return _fail(_lower(error.format_message()), "see stitch --help, or stitch COMMAND --help")
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nobody reads on; do not say so twice at exit
        return 0
    except Exception as error:
        return _bug(error)


def _fail(
    message: str,
    help: str,
    details: str = "",
    code: int = COULD_NOT,
    places: Sequence[tuple[str, int, str]] = (),
) -> int:
    lines = [f"error: {' '.join(message.splitlines())}", details, f"help: {help}" if help else ""]
    for line in filter(None, lines):
        typer.echo(line if can_encode(line, sys.stderr) else ascii_only(line), err=True)
    format = _format()
    if format in ("json", "github", "sarif", "junit"):
        from stitchcli.formats import render_failure

        text = render_failure(format, message, help, code, _command(), places)
        plain = ascii_only if format == "github" else escape_json
        sys.stdout.write(text if can_encode(text) else plain(text))
        sys.stdout.flush()
    return code


def _bug(error: Exception) -> int:
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{last.filename.rpartition('/stitchcli/')[2]}:{last.lineno}"
    if os.environ.get("STITCH_DEBUG"):
        traceback.print_exc()
    return _fail(
        f"this is a bug in stitch: {type(error).__name__}: {error} ({where})",
        "please report it with the command you ran; STITCH_DEBUG=1 shows the whole traceback",
        code=BUG,
    )


def _command() -> str:
    """Which command was asked for, as a report says it."""
    asked = sys.argv[1:2]
    return next((name for name in _COMMANDS if name in asked), "inspect")


def _format() -> str:
    """The format that was asked for, also where the words cannot be read."""
    asked = ""
    for word, following in pairwise([*sys.argv[1:], ""]):
        match word:
            case "--format" | "-f":
                asked = following
            case _ if word.startswith("--format="):
                asked = word.removeprefix("--format=")
            case _ if word.startswith("-f"):
                asked = word.removeprefix("-f")
    return asked


def _lower(message: str) -> str:
    text = message.strip().rstrip(".")
    return text[:1].lower() + text[1:]
