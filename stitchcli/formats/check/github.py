"""``--format github`` of ``stitch check``: annotations at the lines of a change.

GitHub shows ten errors and ten warnings a step: nine are printed, and how many more there are. The
command appends the report in Markdown to the step's summary.
"""

from __future__ import annotations

from stitchcli.formats.check.told import Told, told
from stitchcli.formats.check.words import headline
from stitchcli.formats.github import from_root, span_of, workflow_command
from stitchcli.records import CheckReport

_MOST = 9
_LEVELS = {"fail": "error", "unmeasured": "error", "warn": "warning", "inherited": "warning"}


def render_github(report: CheckReport) -> str:
    """One command a line: errors, warnings, then the headline as a notice."""
    lines: list[str] = []
    for level in ("error", "warning"):
        found = [each for each in told(report) if _LEVELS[each.status] == level]
        lines += [_command(level, each) for each in found[:_MOST]]
        if len(found) > _MOST:
            text = f"{len(found) - _MOST} more in the summary"
            lines.append(workflow_command(level, {"title": "stitch"}, text))
    title = {"title": f"stitch check {report.id}"}
    lines.append(workflow_command("note", title, headline(report)))
    return "".join(f"{line}\n" for line in lines)


def _command(level: str, each: Told) -> str:
    place: dict[str, str | int] = {"file": from_root(each.file), "line": each.line}
    if each.site is not None:
        place = span_of(each.site)
    place["title"] = f"stitch {each.model} {each.code}"
    return workflow_command(level, place, "\n".join((f"{each.model}: {each.text}", *each.details)))
