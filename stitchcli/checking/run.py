"""``stitch check`` in one function: a project in, CheckReport out. Never imports torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stitchcli.budgets import exit_code
from stitchcli.checking.baseline import against_baseline
from stitchcli.checking.bases import Bases, find_bases
from stitchcli.checking.hold import hold
from stitchcli.checking.jobs import Job
from stitchcli.checking.workers import run_jobs
from stitchcli.config.project import Project
from stitchcli.errors import StitchError
from stitchcli.records import Against, Checked, CheckReport, ModelCheck, Outcome
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
        (*project.source.notes, *bases.notes),
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
    return run_jobs(jobs, request.jobs, lambda job: request.on_end(job.model.name))


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
        error = bases.error
        return Against(bases.label, None, error.message, error.help, is_required=True)
    if bases.blocks is not None:
        return against_baseline(project.baseline_file, bases.blocks, model, outcome.facts)
    if outcome.against is None or bases.checkout is None:
        return outcome.against
    _, commit, _ = bases.checkout
    return replace(
        outcome.against,
        text=outcome.against.text.replace(commit, bases.label),
        notes=bases.at_commit[model.name].notes,
        changed_lines=bases.changed_lines,
    )


def _free_memory() -> int | None:
    """Bytes that a process could take here; None where nobody says."""
    found = [*_numbers(Path("/proc/meminfo"), "MemAvailable:", 1024)]
    group = Path("/sys/fs/cgroup")
    most, used = list(_numbers(group / "memory.max")), list(_numbers(group / "memory.current"))
    if most and used:
        # what is cached of files is given back when it is needed
        cached = sum(_numbers(group / "memory.stat", "inactive_file"))
        cached += sum(_numbers(group / "memory.stat", "active_file"))
        found.append(most[0] - used[0] + cached)
    return max(min(found), 1 << 30) if found else None


def _numbers(file: Path, name: str = "", unit: int = 1) -> Iterator[int]:
    """The number behind a name in a file of the kernel's, or that it is; nothing where there is
    none."""
    try:
        lines = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return
    for words in lines:
        number = words[1:2] if name and words[:1] == [name] else [] if name else words[:1]
        yield from (int(each) * unit for each in number if each.isdigit())
