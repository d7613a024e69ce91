"""``--format github``: workflow commands, which GitHub Actions shows at the lines of a change.

``::error file=model.py,line=9,endLine=9,col=13,endColumn=47,title=stitch ST101::message``. A
finding without a line of source, and every remark, is an annotation of the run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from stitchcli.formats.findings import Finding, findings, position, remarks, where
from stitchcli.formats.words import short_path
from stitchcli.records import Report, Site

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def render_github(report: Report) -> str:
    """One command a line: the findings, then the remarks."""
    lines = [
        workflow_command(each.level, _properties(each), f"{where(report, each)}: {each.message}")
        for each in findings(report)
    ]
    lines += [workflow_command("note", {"title": "stitch"}, text) for text in remarks(report)]
    return "".join(f"{line}\n" for line in lines)


def render_github_error(
    message: str, help: str, exit_code: int, versions: Mapping[str, str | None], command: str
) -> str:
    """The command that stands for a report which could not be made."""
    text = f"{message}\nhelp: {help}" if help else message
    return workflow_command("error", {"title": f"stitch {command}"}, text) + "\n"


def render_github_places(places: Sequence[tuple[str, int, str]], command: str) -> str:
    """A command for each file, line and words of what is wrong there."""
    lines = []
    for file, line, text in places:
        place: dict[str, str | int] = {"file": from_root(file), "line": line}
        place["title"] = f"stitch {command}"
        lines.append(workflow_command("error", place, text))
    return "".join(f"{line}\n" for line in lines)


def _properties(finding: Finding) -> dict[str, str | int]:
    place = span_of(finding.primary.site) if finding.primary else {}
    return {**place, "title": f"stitch {finding.code}"}


def span_of(site: Site) -> dict[str, str | int]:
    """Where an annotation stands."""
    line, col, end_line, end_col = position(site)
    place: dict[str, str | int] = {"file": from_root(site.file), "line": line, "endLine": end_line}
    if line == end_line:  # GitHub refuses columns on spans of several lines
        place |= {"col": col, "endColumn": end_col}
    return place


def from_root(file: str) -> str:
    """A file as GitHub knows it: from the root of its workspace, wherever stitch runs."""
    root, path = os.environ.get("GITHUB_WORKSPACE"), Path(file).resolve()
    if root and path.is_relative_to(Path(root).resolve()):
        return path.relative_to(Path(root).resolve()).as_posix()
    return short_path(file)


def workflow_command(level: str, properties: Mapping[str, str | int], text: str) -> str:
    """One workflow command, escaped; ``level`` is error, warning or note."""
    words = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{_COMMANDS[level]} {words}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
