"""``--format table``: what a person reads in a terminal, from 80 columns on."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stitchcli.formats.columns import column_text, column_totals
from stitchcli.formats.drawing import as_text, fits, fullest
from stitchcli.formats.peers import peer_lines, peer_rows
from stitchcli.formats.words import (
    bound_lines,
    change_line,
    edit_line,
    fix_flags,
    fix_outcome,
    fix_title,
    fixed_lines,
    folded_rows,
    heading,
    ignored_line,
    place,
    shapes_text,
    source_line,
    summary,
    times_amount,
    totals,
)
from stitchcli.records import Amount, Diagnostic, Fix, Label, Report, Stage
from stitchcli.words.amounts import format_amount, format_change

#: Columns from the fullest layout to the barest; those with ``%`` only where there are edits.
_LAYOUTS = (
    "stage module in out parameters %parameters FLOPs %FLOPs",
    "stage module in+ out+ parameters %parameters FLOPs %FLOPs",
    "stage in+ out+ parameters %parameters FLOPs %FLOPs",
    "stage in+ out+ parameters %parameters FLOPs",
    "stage in+ out+ parameters FLOPs",
    "stage out+ parameters FLOPs",
)
_COLOURS = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}


def render_table(report: Report) -> str:
    """The table as plain text, 120 columns wide."""
    return as_text(lambda console: print_table(report, console))


def print_table(report: Report, console: Console, *, quiet: bool = False) -> None:
    """Everything in reading order; ``quiet`` leaves out the edits and the stages."""
    console.print(Text(heading(report), "bold"), soft_wrap=True)
    for note in report.notes:
        console.print(Text(f"note: {note}", "yellow"), soft_wrap=True)
    if not quiet:
        _print_edits(report, console)
        for table in _stages(report, console):
            console.print(table)
    _print_totals(report, console)
    if report.peers:
        console.print(_peers(report))
        for line in peer_lines(report):
            console.print(Text(f"  {line}", "dim"), soft_wrap=True)
    for diagnostic in report.diagnostics:
        console.print()
        print_diagnostic(diagnostic, report, console)
    if report.together is not None:
        console.print()
        _print_fix(report.together, report, console)
    console.print()
    for line in fixed_lines(report):
        console.print(Text(line, "green"), soft_wrap=True)
    colour = "bold red" if report.has_errors else "bold green"
    console.print(Text(summary(report), colour))
    if line := ignored_line(report):
        console.print(Text(line, "dim"), soft_wrap=True)


def _print_edits(report: Report, console: Console) -> None:
    for item in report.applied:
        flag, matched = edit_line(item)
        console.print(Text.assemble("  ", (flag, "cyan"), "  ", matched), soft_wrap=True)
        for bound in bound_lines(item):
            console.print(Text(f"    {bound}", "dim"), soft_wrap=True)


def _stages(report: Report, console: Console) -> list[Table]:
    """One table; where the columns that were asked for leave no room, these in another."""
    asked = " ".join(report.columns)
    table = fullest((_table(report, f"{layout} {asked}") for layout in _LAYOUTS), console)
    if not asked or fits(table, console):
        return [table]
    return [
        fullest((_table(report, layout) for layout in _LAYOUTS), console),
        fullest((_table(report, f"stage {asked}", arrow) for arrow in (" → ", " →\n")), console),
    ]


def _table(report: Report, layout: str, arrow: str = " → ") -> Table:
    """``arrow`` stands between both sides of what was asked for."""
    shown = [name for name in layout.split() if report.applied or "%" not in name]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), expand=False)
    for name in shown:
        right = name in ("parameters", "FLOPs", *report.columns) or name.startswith("%")
        header = "" if name.startswith("%") else name.rstrip("+")
        table.add_column(header, justify="right" if right else "left", overflow="fold")
    for name, row, times, group in folded_rows(report):
        cells = _cells(name, row, times, group)
        for column in report.columns:
            cells[column] = column_text(column, row, times).replace(" → ", arrow)
        table.add_row(*(cells[column] for column in shown))
    return table


def _cells(name: str, row: Stage, times: int, group: int) -> dict[str, Text | str]:
    """Every cell of a row by its column; ``in+`` is the first input and how many more."""
    label = Text(name)
    if times > 1:
        label.append(f" ×{times}" if group == 1 else f" ×{times} in turn", "cyan")
    if row.note:
        label.append(f" ({row.note})", "yellow")
    params = times_amount(row.params, times)
    flops = times_amount(Amount(2 * row.macs.base, 2 * row.macs.result), times)
    return {
        "stage": label,
        "module": row.kind or row.op or "",
        "in": shapes_text(row.inputs),
        "in+": shapes_text(row.inputs, most=1),
        "out": shapes_text(row.outputs),
        "out+": shapes_text(row.outputs, most=1),
        "parameters": _amount(params),
        "%parameters": _percent(params),
        "FLOPs": _amount(flops),
        "%FLOPs": _percent(flops),
    }


def _amount(amount: Amount) -> Text:
    if amount.base == amount.result:
        return Text(
            format_amount(amount.base) if amount.base else "·", "" if amount.base else "dim"
        )
    return Text(f"{format_amount(amount.base)} → {format_amount(amount.result)}")


def _percent(amount: Amount) -> Text:
    text = format_change(amount.base, amount.result)
    return Text(text, "green" if amount.result < amount.base else "magenta")


def _print_totals(report: Report, console: Console) -> None:
    for name, text in [*totals(report), *column_totals(report)]:
        style = "bold" if name == "parameters" else ""
        console.print(Text.assemble((f"{name:>11}  ", "dim"), (text, style)), soft_wrap=True)


def _peers(report: Report) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), expand=False)
    for name, justify in (("cross-check", "left"), ("parameters", "right"), ("MACs", "right")):
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for cells in peer_rows(report):
        table.add_row(*cells)
    return table


def print_diagnostic(diagnostic: Diagnostic, report: Report, console: Console) -> None:
    """One finding: what, where, why, and the fixes."""
    colour = _COLOURS[diagnostic.severity]
    console.print(
        Text.assemble(
            (f"{diagnostic.severity}[{diagnostic.code}]", colour), f": {diagnostic.title}"
        ),
        soft_wrap=True,
    )
    primary = diagnostic.primary
    where = diagnostic.path or report.name
    line = f" --> {place(primary.site)}  {where}" if primary else f" --> {where}"
    console.print(Text(line, "blue"), soft_wrap=True)
    for label in (primary, *diagnostic.secondary):
        if label is not None:
            _print_span(label, primary, console)
    for note in diagnostic.notes:
        console.print(Text(f"  = note: {note}"), soft_wrap=True)
    for fix in diagnostic.fixes:
        _print_fix(fix, report, console)


def _print_span(label: Label, primary: Label | None, console: Console) -> None:
    site = label.site
    source, first, last = source_line(site)
    if not source:
        console.print(Text(f"      {label.text}  ({place(site)})"), soft_wrap=True)
        return
    if primary is not None and site.file != primary.site.file:
        console.print(Text(f" ::: {place(site)}", "blue"), soft_wrap=True)
    gutter = f"{site.line:>5} │ "
    mark = "^" if label is primary else "-"
    console.print(Text.assemble((gutter, "blue"), source), soft_wrap=True)
    under = Text.assemble(
        ("      │ ", "blue"), " " * first, (mark * (last - first), "red"), f" {label.text}"
    )
    console.print(under, soft_wrap=True)


def _print_fix(fix: Fix, report: Report, console: Console) -> None:
    state = "verified" if fix.verification else "not tried"
    console.print(
        Text.assemble("  = ", ("fix", "bold green"), f" [{fix.safety}, {state}]: {fix_title(fix)}"),
        soft_wrap=True,
    )
    console.print(Text(f"      {fix_flags(fix)}", "cyan"), soft_wrap=True)
    console.print(
        Text(f"      {fix_outcome(fix.verification, report.result.params)}", "dim"), soft_wrap=True
    )
    if fix.patch is not None:
        for change in fix.patch.changes:
            console.print(Text(f"      {change_line(change)}", "cyan"), soft_wrap=True)
        if fix.patch.verification != fix.verification:
            outcome = fix_outcome(fix.patch.verification, report.result.params)
            console.print(Text(f"      so changed: {outcome}", "dim"), soft_wrap=True)
