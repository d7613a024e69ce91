"""``--format markdown`` of ``stitch check``: a comment on a pull request, or a step's summary.

The hidden marker in the first line says which report it is, so that several jobs on one change do
not write over each other's comments.
"""

from __future__ import annotations

from urllib.parse import quote

from stitchcli.formats.check.words import (
    SHOWN,
    base_label,
    delta_text,
    failure_lines,
    headline,
    limit_text,
    ordered,
    sentence,
    value_text,
    why_text,
    why_title,
)
from stitchcli.formats.markdown import cell, escaped
from stitchcli.records import Checked, CheckReport, Verdict
from stitchcli.records.checked import FAULTS

#: GitHub takes no more than 1 MiB in a step's summary.
MOST_BYTES = 1_000_000


def render_markdown(report: CheckReport) -> str:
    """The worst first; what passed is folded where something did not."""
    rows = ordered(report)
    told = [each for each in rows if each[1].status != "pass"]
    passed = [each for each in rows if each[1].status == "pass"]
    lines = [marker(report), f"### stitch: {escaped(headline(report))}"]
    if told:
        lines += _table(report, told)
    for model, verdict in told:
        lines += _remarks(report, model, verdict)
    for model in report.models:
        lines += _failure(model)
        for note in model.notes:
            lines += ["", f"> {escaped(model.model.name)}: {escaped(note)}"]
    if passed:
        lines += ["", f"<details><summary>{len(passed)} passed</summary>", ""]
        lines += [*_table(report, passed), "", "</details>"]
    for note in report.notes:
        lines += ["", f"> {escaped(note)}"]
    return cut("\n".join(lines) + "\n")


def marker(report: CheckReport) -> str:
    """What a comment is known by."""
    return f"<!-- stitch:report id={quote(report.id.replace('--', '- -'), safe='+')} -->"


def cut(text: str) -> str:
    """The text, or as much of it as GitHub takes."""
    data = text.encode()
    if len(data) <= MOST_BYTES:
        return text
    end = data.rindex(b"\n", 0, MOST_BYTES)
    return data[:end].decode() + "\n\nThe rest is too long for GitHub.\n"


def _table(report: CheckReport, rows: list[tuple[Checked, Verdict]]) -> list[str]:
    label = base_label(report)
    base = f"base `{label}`" if label else "base"
    lines = [f"| model | metric | {base} | head | Δ | limit | |", "|---|---|--:|--:|--:|--:|---|"]
    for model, verdict in rows:
        cells = (
            cell(model.model.name),
            cell(verdict.metric),
            value_text(verdict.base),
            value_text(verdict.actual),
            delta_text(verdict),
            cell(limit_text(model, verdict)),
            SHOWN[verdict.status],
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _remarks(report: CheckReport, model: Checked, verdict: Verdict) -> list[str]:
    lines = []
    alone = len(report.verdicts) - len(report.with_status("pass")) == 1
    of = "" if alone else f" {escaped(model.model.name)} {escaped(verdict.name)}"
    if verdict.text and model.failure is None and verdict.name != FAULTS:
        lines += ["", f"- {escaped(model.model.name)}: {escaped(sentence(model, verdict))}"]
    if reasons := why_text(model, verdict, "`"):
        lines += ["", f"**{why_title(model, verdict)}{of}:** {reasons}"]
    if verdict.name == FAULTS and model.facts is not None:
        for fault in model.facts.faults:
            lines += ["", f"- {escaped(fault.line)}", *(f"  - {escaped(x)}" for x in fault.details)]
    return lines


def _failure(model: Checked) -> list[str]:
    lines = failure_lines(model)
    if not lines:
        return []
    fence = "`" * 4
    first, *rest = lines
    return ["", f"**{escaped(first)}**", *([fence, *rest, fence] if rest else [])]
