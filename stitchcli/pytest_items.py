"""The checks of a project as pytest's items; see ``pytest_plugin.py``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stitchcli.config.found import find_source, source_in
from stitchcli.config.project import Project, read_project
from stitchcli.errors import StitchError
from stitchcli.records import ModelCheck
from stitchcli.records.checked import BASE, CHECKPOINT, FAULTS, OUTPUT, UNCOUNTED

_REPORTS = pytest.StashKey["_Reports"]()


def project_in(file: Path) -> Project | None:
    """The project whose settings a file holds, None where it holds none. Raises UsageError."""
    try:
        source = source_in(file.parent)
        project = read_project(source) if source and source.file == file else None
    except StitchError as error:
        raise pytest.UsageError(_words(error)) from error
    return project if project and project.models else None


def project_of(config: pytest.Config) -> Project:
    """The project at the root of the tests. Raises UsageError."""
    try:
        project = read_project(find_source(config.rootpath))
    except StitchError as error:
        raise pytest.UsageError(_words(error)) from error
    if not project.models:
        raise pytest.UsageError(f"{project.source.shown} has no [[model]] to check")
    return project


def settings_file(parent: pytest.Collector, project: Project) -> pytest.Collector:
    """The file with the models, as what their checks are collected from."""
    found: _Settings = _Settings.from_parent(parent, path=project.source.file)
    found.project = project
    return found


def _checks(model: ModelCheck) -> list[str]:
    """The checks that a model is sure to have; what else could not be measured fails them all."""
    names = [FAULTS] if model.faults != "ignore" else []
    names += [limit.name for limit in model.limits]
    names += [OUTPUT] if model.output_shape is not None else []
    return names + ([CHECKPOINT] if model.checkpoint else [])


class _Settings(pytest.File):
    """The file with the models."""

    project: Project

    def collect(self) -> Iterator[pytest.Collector]:
        for model in self.project.models:
            found: _Model = _Model.from_parent(self, name=_node_name(model.name))
            found.model = model
            yield found


class _Model(pytest.Collector):
    """One model, with its checks."""

    model: ModelCheck

    def collect(self) -> Iterator[pytest.Item]:
        assert isinstance(self.parent, _Settings)
        for name in _checks(self.model):
            yield Check.from_parent(self, name=name, project=self.parent.project, model=self.model)


class Check(pytest.Item):
    """One check of one model."""

    def __init__(self, *, project: Project, model: ModelCheck, **words: Any) -> None:
        super().__init__(**words)
        self._project = project
        self._model = model
        self.add_marker(pytest.mark.stitch)

    def runtest(self) -> None:
        reports = self.config.stash.setdefault(_REPORTS, _Reports())
        report = reports.of(self._project, self._model.name, self.session)
        if report.get("error"):
            raise _Failed(_failure(report["error"]))
        found = {each["id"]: each for each in report["checks"]}
        check = found[self.name]
        if check["status"] in ("fail", "unmeasured"):
            raise _Failed(_sentence(check))
        # what could not be had for the model as a whole must not be lost with the first check
        rest = [found[name] for name in (BASE, UNCOUNTED) if name in found]
        lost = [_sentence(each) for each in rest if each["status"] == "unmeasured"]
        if lost:
            raise _Failed("\n".join(lost))
        if check["status"] != "pass":
            self.warn(pytest.PytestWarning(f"{self._model.name}: {_sentence(check)}"))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        if isinstance(excinfo.value, _Failed):
            return f"{self._model.name}: {excinfo.value}"
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        line = self._model.lines.get(self.name) or self._model.lines.get("") or 1
        return self.path, line - 1, f"{self._model.name}::{self.name}"


class _Failed(Exception):
    """A check that failed, in words."""


@dataclass
class _Reports:
    """What ``stitch check`` says of the models whose checks are to run here, asked for once."""

    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: _Failed | None = None

    def of(self, project: Project, name: str, session: pytest.Session) -> dict[str, Any]:
        if self.failed is not None:
            raise self.failed
        if name not in self.found:
            names = {each._model.name for each in session.items if isinstance(each, Check)}
            try:
                self.found |= _run(project, sorted(names | {name}))
            except _Failed as error:
                self.failed = error
                raise
        return self.found[name]


def _run(project: Project, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """In a process of its own: what the checks import and leave behind is none of pytest's."""
    words = [sys.executable, "-P", "-m", "stitchcli", "check", *names, "--format", "json"]
    done = subprocess.run(
        words, cwd=project.folder, capture_output=True, text=True, encoding="utf-8", check=False
    )
    try:
        document = json.loads(done.stdout)
    except json.JSONDecodeError as error:
        raise _Failed(done.stderr.strip() or "stitch check said nothing") from error
    if not document["models"]:
        raise _Failed(_failure(document["error"]))
    return {each["name"]: each for each in document["models"]}


def _node_name(name: str) -> str:
    """A model's name without what has a meaning in the name of a test."""
    return name.replace("::", ":").replace("[", "(").replace("]", ")")


def _failure(error: dict[str, str]) -> str:
    lines = [error["message"], error.get("details", ""), f"help: {error['help']}"]
    return "\n".join(filter(None, lines))


def _sentence(check: dict[str, Any]) -> str:
    parts = [check["id"]]
    if check["actual"] is not None:
        parts.append(f"is {_count(check['actual'])}")
    if check["over"] and check["limit"] is not None:
        parts.append(f"and the limit is {_count(check['limit'])}")
    text = " ".join(parts) + (f": {check['text']}" if check["text"] else "")
    moved = [f"{each['path']} {each['delta']:+,}" for each in check["why"][:5]]
    return text + (f" ({', '.join(moved)})" if moved else "")


def _count(value: int | str) -> str:
    return f"{value:,}" if isinstance(value, int) else value


def _words(error: StitchError) -> str:
    lines = [error.message, error.details, f"help: {error.help}" if error.help else ""]
    return "\n".join(filter(None, lines))
