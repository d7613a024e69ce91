"""``--format github`` of ``stitch check``: annotations at the lines of a change, and the report in
Markdown as the step's summary.

GitHub shows ten errors and ten warnings a step: nine are printed, and how many more there are.
"""

from __future__ import annotations

from collections.abc import Sequence

from stitchcli.formats.check.words import headline, line_of, ordered, sentence, site_of, why_text
from stitchcli.formats.github import span_of, workflow_command
from stitchcli.records import Checked, CheckReport, Verdict

_MOST = 9
_LEVELS = {"fail": "error", "unmeasured": "error", "warn": "warning", "inherited": "warning"}


def render_github(report: CheckReport) -> str:
    """One command a line: errors, warnings, then the headline as a notice."""
    lines: list[str] = []
    for level in ("error", "warning"):
        found = [each for each in ordered(report) if _LEVELS.get(each[1].status) == level]
        lines += _commands(report, level, found)
    title = {"title": f"stitch check {report.id}"}
    lines.append(workflow_command("note", title, headline(report)))
    return "".join(f"{line}\n" for line in lines)


def _commands(
    report: CheckReport, level: str, found: Sequence[tuple[Checked, Verdict]]
) -> list[str]:
    lines = [_command(report, level, *each) for each in found[:_MOST]]
    if rest := len(found) - _MOST:
        text = f"{rest} more in the summary"
        lines += [workflow_command(level, {"title": "stitch"}, text)] if rest > 0 else []
    return lines


def _command(report: CheckReport, level: str, model: Checked, verdict: Verdict) -> str:
    site = site_of(model, verdict)
    file, line = line_of(report, model, verdict)
    place: dict[str, str | int] = span_of(site) if site else {"file": file, "line": line}
    reasons = why_text(model, verdict)
    help = model.failure.help if model.failure else ""
    parts = (
        f"{model.model.name}: {sentence(model, verdict)}",
        f"why: {reasons}" if reasons else "",
        f"help: {help}" if help else "",
    )
    place["title"] = f"stitch {model.model.name} {verdict.name}"
    return workflow_command(level, place, "\n".join(filter(None, parts)))
