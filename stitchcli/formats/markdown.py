"""``--format markdown``: a report that can stand in a pull request."""

from __future__ import annotations

from stitchcli.formats.columns import column_text, column_totals
from stitchcli.formats.peers import peer_lines, peer_rows
from stitchcli.formats.words import (
    change,
    edit_line,
    exact_change,
    fix_flags,
    fix_outcome,
    fix_title,
    fixed_lines,
    folded_rows,
    heading,
    ignored_line,
    place,
    shapes_text,
    summary,
    times_amount,
    totals,
)
from stitchcli.records import Diagnostic, Report


def render_markdown(report: Report) -> str:
    """Headings, tables and lists in GitHub's Markdown."""
    lines = [
        f"### stitch: {escaped(report.name)}: {summary(report)}",
        "",
        escaped(heading(report)),
        "",
    ]
    lines += [f"> {escaped(note)}" for note in report.notes]
    for item in report.applied:
        flag, matched = edit_line(item)
        lines.append(f"- `{flag}`: {escaped(matched)}")
    lines += ["", "| | |", "|---|---|"]
    shown = [*totals(report), *column_totals(report)]
    lines += [f"| {name} | {cell(text)} |" for name, text in shown]
    names = ("stage", "module", "in", "out", "parameters", "FLOPs", *report.columns)
    lines += ["", f"| {' | '.join(names)} |"]
    lines.append("|---|---|---|---|--:|--:|" + "--:|" * len(report.columns))
    for name, row, times, _ in folded_rows(report):
        params = times_amount(row.params, times)
        macs = times_amount(row.macs, times)
        label = f"{name} ×{times}" if times > 1 else name
        label += f" ({row.note})" if row.note else ""
        cells = (
            label, row.kind or row.op or "", shapes_text(row.inputs), shapes_text(row.outputs),
            exact_change(params.base, params.result), change(2 * macs.base, 2 * macs.result),
            *(column_text(column, row, times) for column in report.columns),
        )  # fmt: skip
        lines.append(f"| {' | '.join(cell(each) for each in cells)} |")
    if report.peers:
        lines += ["", "| cross-check | parameters | MACs |", "|---|--:|--:|"]
        lines += [f"| {' | '.join(cell(each) for each in row)} |" for row in peer_rows(report)]
        lines += ["", *(f"- {escaped(line)}" for line in peer_lines(report))]
    for diagnostic in report.diagnostics:
        lines += ["", *diagnostic_lines(diagnostic, report)]
    if report.together is not None:
        lines += ["", "**Together:**", "", "```", fix_flags(report.together), "```", ""]
        lines.append(fix_outcome(report.together.verification, report.result.params))
    lines += [f"- {escaped(line)}" for line in fixed_lines(report)]
    if line := ignored_line(report):
        lines += ["", line]
    return "\n".join(lines) + "\n"


def diagnostic_lines(diagnostic: Diagnostic, report: Report) -> list[str]:
    """One finding."""
    where = diagnostic.path or report.name
    lines = [
        f"**{diagnostic.severity} {diagnostic.code}** `{where}`: {escaped(diagnostic.title)}",
        "",
    ]
    for label in (diagnostic.primary, *diagnostic.secondary):
        if label is not None:
            lines.append(f"- `{place(label.site)}`: {escaped(label.text)}")
    lines += [f"- {escaped(note)}" for note in diagnostic.notes]
    for fix in diagnostic.fixes:
        outcome = escaped(fix_outcome(fix.verification, report.result.params))
        lines.append(
            f"- fix ({fix.safety}): {escaped(fix_title(fix))}: `{fix_flags(fix)}` ({outcome})"
        )
    return lines


def escaped(text: str) -> str:
    """Words of the network's own must not become markup."""
    for char in "\\*_<>[]`":
        text = text.replace(char, f"\\{char}")
    return text


def cell(text: str) -> str:
    """Words for a cell of a table."""
    return escaped(text).replace("|", "\\|")
