"""The ``stitch`` program: commands, exit codes, and the words for what went wrong."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from typing import Annotated

import typer

from stitchcli import __version__
from stitchcli.cli.streams import ascii_only, can_encode, escape_json
from stitchcli.errors import StitchError, places_of

COULD_NOT, BUG, INTERRUPTED = 2, 3, 130
#: In the order of the help; each is a file here, with a function of that name or an ``app``.
_COMMANDS = ("inspect", "diff", "check", "baseline", "init", "config", "explain", "blocks")


def _program(word: str) -> typer.Typer:
    """The program; with the command ``word`` alone where there is such a one, since to read what
    all of them take costs more than some of them do."""
    program = typer.Typer(
        name="stitch",
        rich_markup_mode=None,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    program.callback()(main)
    for name in (word,) if word in _COMMANDS else _COMMANDS:
        file = import_module(f"stitchcli.cli.{name}")
        if hasattr(file, "app"):
            program.add_typer(file.app, name=name)
        else:
            program.command()(getattr(file, name))
    return program


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"stitch {__version__}")
        raise typer.Exit


def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Audit shapes, parameters and FLOPs of neural networks, and try edits on them from flags."""


def run() -> int:
    """Run the program on sys.argv and give the exit code.

    0 all well, 1 findings in the model, 2 it could not be done, 3 a bug in stitch, 130 interrupted.
    """
    try:
        code = _program(_word())(standalone_mode=False)
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
        _drop_output()
        return 0
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO, errno.EBADF):
            return _bug(error)
        _drop_output()
        return _fail(f"cannot write the report: {error.strerror}", "write it somewhere else")
    except Exception as error:
        return _bug(error)


def _drop_output() -> None:
    """Nobody takes what is written; do not say so once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


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
        try:
            sys.stdout.write(text if can_encode(text) else plain(text))
            sys.stdout.flush()
        except OSError:
            _drop_output()
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
    return word if (word := _word()) in _COMMANDS else "inspect"


def _word() -> str:
    """The first word that was given, or that the shell wants to complete the rest of."""
    asked = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    words = asked.split() if "_STITCH_COMPLETE" in os.environ else sys.argv
    return words[1] if len(words) > 1 else ""


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
