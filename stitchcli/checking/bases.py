"""What models are compared with: nothing, the baseline file, or a commit."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from stitchcli.checking.baseline import LABEL, Blocks, read_blocks
from stitchcli.checking.jobs import Checkout, GitBase
from stitchcli.config.found import source_from_text
from stitchcli.config.project import Project, read_project
from stitchcli.errors import StitchError, TargetError
from stitchcli.records import BlockSpec, Edit, ModelCheck
from stitchcli.sources.git import (
    changed_lines,
    checkout,
    commit_of,
    fork_point,
    run_git,
    short_name,
    top_of,
    tree_of,
)
from stitchcli.sources.revisions import at_commit

NONE, MERGE_BASE = "none", "merge-base"
#: What CI calls the branch that a change is to go to.
_BRANCH_VARIABLES = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")


@dataclass(frozen=True)
class Bases:
    """What each model is compared with: blocks of the baseline file (or why they cannot be read),
    or its like at a commit. Both are empty where there is no base."""

    label: str = ""
    blocks: Blocks | None = None
    at_commit: Mapping[str, GitBase] = field(default_factory=dict)
    error: StitchError | None = None
    checkout: Checkout | None = None
    changed_lines: Mapping[str, tuple[range, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def find_bases(project: Project, models: Sequence[ModelCheck], asked: str | None) -> Bases:
    """What models are compared with; ``asked`` goes before what the project says. What cannot be
    had is told with the bases: the limits that need none still hold."""
    word = asked or project.base or _by_default(project, models)
    if word == NONE:
        return Bases()
    try:
        if word == LABEL:
            return Bases(LABEL, read_blocks(project.baseline_file))
        return _at_commit(project, models, word)
    except StitchError as error:
        return Bases(word, error=error)


def _by_default(project: Project, models: Sequence[ModelCheck]) -> str:
    if project.baseline is not None or project.baseline_file.exists():
        return LABEL
    return MERGE_BASE if any(model.needs_base for model in models) else NONE


def _at_commit(project: Project, models: Sequence[ModelCheck], word: str) -> Bases:
    top = top_of(project.folder, f"base {word!r}")
    kind, _, revision = word.partition(":")
    if kind == MERGE_BASE:
        commit = fork_point(top, revision or _main_branch(top))
    else:
        commit = commit_of(top, word)
    label, root = short_name(top, commit), checkout(top, commit)
    before, warnings = _models_before(project, top, commit, label)
    past = _Past(project, top, commit, label, before, warnings)
    blocks = tuple(_folders_before(project, top, root))
    names = {model.name for model in project.models}
    known_as = {past.entry_of(model).name for model in models}
    gone = [name for name in before or () if name not in names and name not in known_as]
    return Bases(
        label,
        at_commit={model.name: past.base_of(model, blocks) for model in models},
        checkout=(top, commit, root),
        changed_lines=changed_lines(top, commit),
        notes=tuple(f"{label} has the model {name} too, which is not checked" for name in gone),
    )


@dataclass(frozen=True)
class _Past:
    """The models as they were at a commit; ``before`` is None where nobody can tell."""

    project: Project
    top: Path
    commit: str
    label: str
    before: Mapping[str, ModelCheck] | None
    warnings: tuple[str, ...]

    def entry_of(self, model: ModelCheck) -> ModelCheck:
        """What the settings said of a model, under another name too where its target tells; what
        they say today, where they did not."""
        known = self.before or {}
        if model.name in known:
            return known[model.name]
        today = {each.name for each in self.project.models}
        alike = [
            each
            for each in known.values()
            if each.target.text == model.target.text and each.name not in today
        ]
        return alike[0] if len(alike) == 1 else model

    def base_of(self, model: ModelCheck, blocks: tuple[str, ...]) -> GitBase:
        """What to measure for a model's base, or why there is nothing."""
        folder = self.project.folder.resolve()
        entry = self.entry_of(model)
        target = at_commit(entry.target.text, folder, self.top, self.commit)
        # settings that came with this change say of the files of before what they say of today's
        is_known = entry is not model or not self.before
        missing = "" if is_known else f"{self.label} has no {model.name}"
        if target is None:
            is_known = self.before is None or entry is not model
            what = f"file of {entry.target.text}" if is_known else model.name
            missing = f"{self.label} has no {what}"
        renamed = f"{model.name} was called {entry.name} at {self.label}"
        warnings = (*self.warnings, renamed) if entry.name != model.name else self.warnings
        return GitBase(
            self.label,
            replace(entry.target, text=target or entry.target.text),
            tuple(_edit_before(each, folder, self.top, self.commit) for each in entry.edits),
            blocks,
            missing,
            not is_known,
            warnings,
            tuple(_changed_limits(entry, model, self.label)),
        )


def _changed_limits(before: ModelCheck, now: ModelCheck, label: str) -> Iterator[str]:
    """Limits that the change itself moves, so that whoever reviews it sees that too."""
    old = {limit.name: limit for limit in before.limits}
    new = {limit.name: limit for limit in now.limits}
    for name, limit in old.items():
        if name not in new:
            yield f"{name} is no longer a limit, as it was at {label}"
        elif new[name] != limit:
            values = f" ({limit.value:,} → {new[name].value:,})" if limit.value else ""
            yield f"{name} is another limit than at {label}{values}"


def _main_branch(top: Path) -> str:
    """The branch that changes go to. Raises TargetError."""
    names = [name for variable in _BRANCH_VARIABLES if (name := os.environ.get(variable))]
    head = run_git(top, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    options = [each for name in names for each in (f"origin/{name}", name)]
    options += [head.stdout.strip(), "origin/main", "main", "origin/master", "master"]
    for option in filter(None, options):
        known = run_git(top, "rev-parse", "--verify", "--quiet", f"{option}^{{commit}}")
        if known.returncode == 0:
            return option
        if names and option == options[1]:
            raise TargetError(
                f"the branch {names[0]} that this change goes to is not in this clone",
                f"git fetch origin {names[0]}; on GitHub, actions/checkout with fetch-depth: 0",
            )
    raise TargetError(
        "there is no branch main or master to take the merge base with",
        'write base = "merge-base:BRANCH"',
    )


def _models_before(
    project: Project, top: Path, commit: str, label: str
) -> tuple[dict[str, ModelCheck] | None, tuple[str, ...]]:
    """The models of the settings as they were; None where nobody can tell."""
    file = project.source.file
    path = file.resolve().relative_to(top).as_posix() if file.resolve().is_relative_to(top) else ""
    if path not in tree_of(top, commit):
        return {}, ()
    text = run_git(top, "show", f"{commit}:{path}").stdout
    try:
        source = source_from_text(file, text)
        models = read_project(source).models if source else ()
    except StitchError as error:
        note = f"the settings at {label} cannot be read, so today's are taken: {error.message}"
        return None, (note,)
    return {model.name: model for model in models}, ()


def _folders_before(project: Project, top: Path, root: Path) -> Iterator[str]:
    """Folders of blocks as they were; those that lie elsewhere as they are."""
    for each in project.settings.blocks:
        folder = (project.folder / each).resolve()
        if not folder.is_relative_to(top):
            yield str(folder)
        elif (there := root / folder.relative_to(top)).is_dir():
            yield str(there)


def _edit_before(edit: Edit, folder: Path, top: Path, commit: str) -> Edit:
    """An edit whose blocks are the files of a commit."""

    def before(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(before(each) for each in value)
        if not is_dataclass(value) or isinstance(value, type):
            return value
        inner = {each.name: before(getattr(value, each.name)) for each in fields(value)}
        if isinstance(value, BlockSpec):
            inner["name"] = at_commit(value.name, folder, top, commit) or value.name
        return replace(value, **inner)

    found: Edit = before(edit)
    return found
