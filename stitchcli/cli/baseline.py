"""``stitch baseline show|accept|prune``: the numbers that networks are compared with."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from stitchcli.cli.check import CPUS, Device, Jobs, Models, Timeout, progress
from stitchcli.words.amounts import format_change, format_delta

app = typer.Typer(
    no_args_is_help=True,
    help="The numbers of each network that somebody accepted; stitch check compares with them.",
)
Write = Annotated[bool, typer.Option("--write", help="Also in CI, where it is refused otherwise.")]


@app.command()
def show(models: Models = None) -> int:
    """What the baseline file holds."""
    from stitchcli.checking.baseline import read_blocks
    from stitchcli.config.project import read_project
    from stitchcli.errors import StitchError
    from stitchcli.words.near import did_you_mean

    project = read_project()
    blocks = read_blocks(project.baseline_file)
    if not blocks:
        raise StitchError(
            f"there is no {project.baseline_file.name}, or it is empty",
            "stitch baseline accept makes it",
        )
    for name in models or []:
        if name not in blocks:
            help = did_you_mean(name, blocks) or f"models are {', '.join(blocks)}"
            raise StitchError(f"{project.baseline_file.name} has no model {name!r}", help)
    for name in models or blocks:
        print("\n".join(_shown(name, blocks[name])))
    return 0


def _shown(name: str, block: dict[str, Any]) -> list[str]:
    context = block["context"]
    inputs = ", ".join(context["inputs"]) or "none"
    lines = [f"{name}: input {inputs}, {context['mode']} mode, torch {context['torch']}"]
    width = max(map(len, block["values"]), default=0)
    lines += [f"  {metric:{width}}  {count:>18,}" for metric, count in block["values"].items()]
    return [*lines, f"  output {', '.join(block['outputs']) or 'none'}"]


@app.command()
def accept(
    models: Models = None,
    write: Write = False,
    device: Device = "meta",
    jobs: Jobs = CPUS,
    timeout: Timeout = 300.0,
) -> int:
    """Measure networks and make that their baseline; the blocks of others stay as they are."""
    from stitchcli.checking.accept import accept as accept_models
    from stitchcli.checking.accept import refuse_in_ci
    from stitchcli.checking.run import CheckRequest, choose_models
    from stitchcli.config.project import read_project

    refuse_in_ci(write)
    project = read_project()
    chosen = choose_models(project, models or [])
    with progress([each.name for each in chosen]) as on_end:
        found = accept_models(project, chosen, CheckRequest(None, device, jobs, timeout, on_end))
    for each in found:
        if each.failure is not None:
            lines = [f"error: {each.name} is not accepted: {each.failure.message}"]
            lines += [each.failure.details] if each.failure.details else []
            lines += [f"help: {each.failure.help}"] if each.failure.help else []
            print("\n".join(lines), file=sys.stderr)
        elif not each.is_changed:
            print(f"{each.name}: unchanged")
        else:
            print(f"{each.name}: {_changes(each.before, each.values)}")
    return 2 if any(each.failure for each in found) else 0


def _changes(before: Any, now: Any) -> str:
    if not before:
        return f"new, params {now['params']:,}, macs {now['macs']:,}"
    moved = [
        f"{metric} {before[metric]:,} → {count:,} "
        f"({format_delta(count - before[metric])}, {format_change(before[metric], count)})"
        for metric, count in now.items()
        if metric in before and before[metric] != count
    ]
    return ", ".join(moved) or "the same numbers, another context or other modules"


@app.command()
def prune(write: Write = False) -> int:
    """Take out networks that the settings no longer have."""
    from stitchcli.checking.accept import prune as prune_models
    from stitchcli.checking.accept import refuse_in_ci
    from stitchcli.config.project import read_project

    refuse_in_ci(write)
    gone = prune_models(read_project())
    print(f"taken out: {', '.join(gone)}" if gone else "there is nothing to take out")
    return 0
