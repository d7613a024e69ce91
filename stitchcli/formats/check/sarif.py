"""``--format sarif`` of ``stitch check``: a result for each check that did not just pass, and for
each fault."""

from __future__ import annotations

from typing import Any

from stitchcli.formats.check.told import Told, told
from stitchcli.formats.check.words import headline
from stitchcli.formats.findings import Finding
from stitchcli.formats.sarif import render_findings
from stitchcli.formats.sarif_rules import rules
from stitchcli.records import CheckReport, Label, Severity, Site, Status

_LEVELS: dict[Status, Severity] = {
    "fail": "error", "unmeasured": "error", "warn": "warning", "inherited": "note",
}  # fmt: skip


def render_sarif(report: CheckReport) -> str:
    """One log with one run."""
    found = [(each.model, _finding(each)) for each in told(report)]
    codes = {each.code for _, each in found}
    known = [rule for rule in rules() if rule["id"] in codes]
    known += [_rule(code) for code in sorted(codes - {rule["id"] for rule in known})]
    notes = [*report.notes, headline(report)]
    id = f"stitch/check/{report.id}/"
    return render_findings(found, known, id, report.exit_code, report.versions, notes)


def _finding(each: Told) -> Finding:
    site = each.site or Site(each.file, each.line, 0, each.line, 0)
    text = (
        each.text.removeprefix(each.code).removeprefix(":").lstrip()
    )  # it stands before the title
    title = f"{each.model}: {text}"
    return Finding(
        each.code, _LEVELS[each.status], each.path, title, each.details,
        primary=Label(site, each.label),
    )  # fmt: skip


def _rule(code: str) -> dict[str, Any]:
    return {
        "id": code,
        "shortDescription": {"text": f"stitch check: {code}"},
        "defaultConfiguration": {"level": "error"},
    }
