"""``stitch baseline accept`` and ``prune``: what the baseline file is changed to, and by whom."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stitchcli.checking.baseline import Blocks, block_of, change_blocks
from stitchcli.checking.run import CheckRequest, measure_models
from stitchcli.config.project import Project
from stitchcli.errors import StitchError
from stitchcli.records import Failure, ModelCheck


@dataclass(frozen=True)
class Accepted:
    """What became of one model's block: ``values`` and ``before`` are what it measures and did;
    where it was not accepted, ``failure`` says why."""

    name: str
    values: Mapping[str, int] = field(default_factory=dict)
    before: Mapping[str, int] = field(default_factory=dict)
    is_changed: bool = False
    failure: Failure | None = None


def refuse_in_ci(write: bool) -> None:
    """Nobody looks at what is accepted in CI. Raises StitchError."""
    if not write and os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        raise StitchError(
            "this is CI, where a baseline that accepts itself would hold nothing",
            "run it where somebody looks at it, or give --write",
        )


def accept(
    project: Project, models: Sequence[ModelCheck], request: CheckRequest
) -> tuple[Accepted, ...]:
    """Measure models and write what they measure to the baseline file. Those that cannot be
    measured, or have faults, keep the block they have. Raises StitchError."""
    _check_folder(project.baseline_file)
    outcomes = measure_models(project, models, request)
    failures: dict[str, Failure] = {}
    blocks: Blocks = {}
    for model, outcome in zip(models, outcomes, strict=True):
        facts = outcome.facts
        if outcome.failure is not None or facts is None:
            failures[model.name] = outcome.failure or Failure("it was not measured")
        elif facts.faults:
            lines = "\n".join(f"  {each.line}" for each in facts.faults)
            failures[model.name] = Failure("it has faults", "mend them first", lines)
        elif not facts.is_complete:
            failures[model.name] = Failure("its forward is not whole", "see stitch inspect")
        else:
            blocks[model.name] = block_of(facts)
    before, _ = change_blocks(project.baseline_file, lambda old: {**old, **blocks})
    return tuple(
        _accepted(model.name, before, blocks, failures.get(model.name)) for model in models
    )


def _accepted(name: str, before: Blocks, blocks: Blocks, failure: Failure | None) -> Accepted:
    if failure is not None:
        return Accepted(name, failure=failure)
    old = before.get(name)
    return Accepted(name, blocks[name]["values"], old["values"] if old else {}, old != blocks[name])


def prune(project: Project) -> tuple[str, ...]:
    """Take out the blocks of models that the settings no longer have; their names. Raises
    StitchError."""
    if not project.baseline_file.exists():
        raise StitchError(f"there is no {project.baseline_file}", "stitch baseline accept makes it")
    known = {model.name for model in project.models}
    before, after = change_blocks(
        project.baseline_file, lambda old: {k: v for k, v in old.items() if k in known}
    )
    return tuple(name for name in before if name not in after)


def _check_folder(file: Path) -> None:
    """What cannot be written is said before anything is measured."""
    if not file.parent.is_dir():
        raise StitchError(f"there is no folder {file.parent}", "make it, or change baseline")
    if file.is_dir():
        raise StitchError(f"{file} is a folder", "set baseline to the path of a file")
