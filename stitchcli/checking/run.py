"""``stitch check`` in one function: a project in, CheckReport out. Never imports torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stitchcli.budgets import exit_code
from stitchcli.checking.baseline import against_baseline
from stitchcli.checking.bases import Bases, find_bases
from stitchcli.checking.hold import hold
from stitchcli.checking.jobs import Job
from stitchcli.checking.workers import Outcome, run_jobs
from stitchcli.config import Project
from stitchcli.errors import StitchError
from stitchcli.records import Against, Checked, CheckReport, ModelCheck
from stitchcli.versions import versions
from stitchcli.words.near import did_you_mean

COULD_NOT, BUG = 2, 3


@dataclass(frozen=True)
class CheckRequest:
    """How ``stitch check`` is run. ``base`` goes before what the project says, ``jobs`` is how
    many models are measured at a time, ``timeout`` the seconds that each may take."""

    base: str | None = None
    device: str = "meta"
    jobs: int = 1
    timeout: float = 300.0
    on_end: Callable[[str], None] = lambda name: None


def check_project(
    project: Project, models: Sequence[ModelCheck], request: CheckRequest
) -> CheckReport:
    """Measure models and hold them to their budgets. Raises StitchError where nothing could be
    checked at all."""
    bases = find_bases(project, models, request.base)
    outcomes = measure_models(project, models, request, bases)
    checked = tuple(
        hold(model, outcome, _against(project, bases, model, outcome))
        for model, outcome in zip(models, outcomes, strict=True)
    )
    names = [model.name for model in models]
    return CheckReport(
        checked,
        _exit_code(checked),
        project.source.shown,
        "all" if len(names) > 1 and len(names) == len(project.models) else "+".join(names),
        versions(),
        project.source.notes,
    )


def measure_models(
    project: Project,
    models: Sequence[ModelCheck],
    request: CheckRequest,
    bases: Bases | None = None,
) -> list[Outcome]:
    """What each model measures, each in a process of its own."""
    bases = bases or Bases()
    memory = None if request.device.startswith("cuda") else _free_memory()
    jobs = [
        Job(
            model,
            project.folder,
            request.device,
            project.settings.blocks,
            project.settings.select,
            project.settings.ignore,
            bases.at_commit.get(model.name),
            bases.checkout,
            request.timeout,
            memory,
        )
        for model in models
    ]
    return run_jobs(jobs, request.jobs, lambda job, _: request.on_end(job.model.name))


def choose_models(project: Project, names: Sequence[str]) -> tuple[ModelCheck, ...]:
    """The models of the given names, in the order of the settings; all where none is given.
    Raises StitchError for a name that is not there, and where there is none at all."""
    if not project.models:
        raise StitchError(
            f"{project.source.shown} has no [[model]], so that nothing would be checked",
            "stitch init measures your networks and writes some",
        )
    known = {model.name: model for model in project.models}
    for name in names:
        if name not in known:
            raise StitchError(
                f"{project.source.shown} has no model {name!r}",
                did_you_mean(name, known) or f"models are {', '.join(known)}",
            )
    return tuple(model for name, model in known.items() if not names or name in names)


def _exit_code(checked: Sequence[Checked]) -> int:
    """3 for a bug in stitch; else the worst of the models, of which none covers another."""
    if any(each.failure is not None and each.failure.is_bug for each in checked):
        return BUG
    return max((exit_code(each.verdicts) for each in checked), default=COULD_NOT)


def _against(project: Project, bases: Bases, model: ModelCheck, outcome: Outcome) -> Against | None:
    if bases.error is not None:
        return Against(bases.label, None, bases.error.message, bases.error.help)
    if bases.blocks is not None:
        return against_baseline(project.baseline_file, bases.blocks, model, outcome.facts)
    if outcome.against is None:
        return None
    return replace(outcome.against, changed_lines=bases.changed_lines)


def _free_memory() -> int | None:
    """Bytes that a process could take here; None where nobody says."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")]
    group = Path("/sys/fs/cgroup")
    try:
        most = int((group / "memory.max").read_text())
        found.append(most - int((group / "memory.current").read_text()))
    except (OSError, ValueError):
        pass  # there is no such group, or it has no limit
    return max(min(found), 1 << 30) if found and os.name == "posix" else None
