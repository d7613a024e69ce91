"""``--format sarif`` of ``stitch check``: a result for each check that did not just pass, and for
each fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stitchcli.formats.check.words import headline, line_of, ordered, sentence, site_of, why_text
from stitchcli.formats.findings import Finding
from stitchcli.formats.sarif import render_findings
from stitchcli.records import Checked, CheckReport, Label, Severity, Site, Status, Verdict

_LEVELS: dict[Status, Severity] = {
    "fail": "error", "unmeasured": "error", "warn": "warning", "inherited": "note",
}  # fmt: skip


def render_sarif(report: CheckReport) -> str:
    """One log with one run."""
    found = list(_findings(report))
    return render_findings(
        found,
        f"stitch/check/{report.id}/",
        report.exit_code,
        report.versions,
        [*report.notes, headline(report)],
        [_rule(code) for code in dict.fromkeys(each.code for _, each in found)],
    )


def _findings(report: CheckReport) -> Iterator[tuple[str, Finding]]:
    for model, verdict in ordered(report):
        if verdict.status != "pass":
            yield model.model.name, _finding(report, model, verdict)


def _finding(report: CheckReport, model: Checked, verdict: Verdict) -> Finding:
    reasons = why_text(model, verdict)
    site = site_of(model, verdict)
    if site is None:
        file, line = line_of(report, model, verdict)
        site = Site(file, line, 0, line, 0)
    return Finding(
        f"check/{verdict.name}",
        _LEVELS[verdict.status],
        "",
        f"{model.model.name}: {sentence(model, verdict)}",
        (f"why: {reasons}",) if reasons else (),
        primary=Label(site, ""),
    )


def _rule(code: str) -> dict[str, Any]:
    return {
        "id": code,
        "shortDescription": {"text": f"what stitch check holds {code.partition('/')[2]} to"},
        "defaultConfiguration": {"level": "error"},
    }
