"""``stitch init``: settings for the networks of a project."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from stitchcli.cli.check import CPUS, Device, Jobs, Timeout, progress
from stitchcli.cli.options import Input, Several, complete_target
from stitchcli.errors import StitchError


def init(
    targets: Annotated[
        Several | None,
        typer.Argument(
            metavar="TARGET",
            help="Networks, as stitch inspect takes them; those of the files here.",
            autocompletion=complete_target,
        ),
    ] = None,
    arg: Annotated[
        Several,
        typer.Option("--arg", metavar="NAME=VALUE", help="Constructor argument of each network."),
    ] = [],
    input: Input = [],
    device: Device = "meta",
    jobs: Jobs = CPUS,
    timeout: Timeout = 300.0,
) -> int:
    """Measure networks, and write a stitch.toml that allows each a tenth more than it has.

    Without TARGET, Python files here are looked through for networks that need no arguments.
    Settings that have models already are never written over; where there is a [tool.stitch], models
    are added to it.
    """
    from stitchcli.checking.draft import draft, refuse_existing
    from stitchcli.checking.run import CheckRequest
    from stitchcli.records import Target
    from stitchcli.words.shapes import parse_spec
    from stitchcli.words.values import parse_arguments

    refuse_existing()
    arguments = parse_arguments(arg, "--arg")
    inputs = tuple(parse_spec(each) for each in input)
    texts = targets or _found()
    with progress(texts) as on_end:
        request = CheckRequest(None, device, jobs, timeout, on_end)
        done = draft([Target(each, arguments) for each in texts], inputs, request)
    for text, failure in done.failed:
        details = f"\n{failure.details}" if failure.details else ""
        print(f"left out: {text}: {failure.message}{details}", file=sys.stderr)
    if not done.written:
        raise StitchError(
            "no network could be measured, so nothing is written", "try one with stitch inspect"
        )
    for model, facts in done.written:
        values = facts.measured.values
        print(f"{model.name}: params {values['params']:,}, macs {values.get('macs', 0):,}")
    print(f"written: {done.file}; stitch check holds them to it")
    return 2 if targets and done.failed else 0


def _found() -> list[str]:
    from stitchcli.checking.scan import scan

    found = scan(Path.cwd())
    for file in found.running:
        print(f"left out: {file} runs code when it is imported; name it to try", file=sys.stderr)
    if not found.targets:
        raise StitchError(
            "no network was found in the Python files here",
            "name some, as in stitch init models/unet.py:UNet",
        )
    return list(found.targets)
