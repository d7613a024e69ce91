"""``--format table`` of ``stitch check``: what a person reads in a terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stitchcli.formats.check.words import (
    SHOWN,
    delta_text,
    failure_lines,
    headline,
    limit_text,
    place,
    sentence,
    value_text,
    why_text,
    why_title,
)
from stitchcli.formats.drawing import as_text, fullest
from stitchcli.formats.words import short_path
from stitchcli.records import Checked, CheckReport, Status, Verdict
from stitchcli.records.checked import FAULTS

_COLOURS: dict[Status, str] = {
    "pass": "green", "warn": "bold yellow", "inherited": "yellow", "fail": "bold red",
    "unmeasured": "bold red",
}  # fmt: skip
#: Columns from the fullest layout to the barest.
_LAYOUTS = (
    "check base head Δ limit status",
    "check head Δ limit status",
    "check head limit status",
)


def render_table(report: CheckReport) -> str:
    """The report as plain text, 120 columns wide."""
    return as_text(lambda console: print_check(report, console))


def print_check(report: CheckReport, console: Console) -> None:
    """Each model with its checks, then what came of all."""
    for note in report.notes:
        console.print(Text(f"note: {note}", "yellow"), soft_wrap=True)
    for model in report.models:
        _print_model(report, model, console)
    colour = "bold red" if report.exit_code else "bold green"
    console.print(Text(headline(report), colour))


def _print_model(report: CheckReport, model: Checked, console: Console) -> None:
    console.print(Text(_heading(model), "bold"), soft_wrap=True)
    told = [verdict for verdict in model.verdicts if verdict.status != "pass"]
    if model.failure is not None:
        first, *rest = failure_lines(model)
        console.print(Text(f"error: {first}", "bold red"), soft_wrap=True)
        for line in rest:
            console.print(Text(line, "dim"), soft_wrap=True)
        told = []
    else:  # ends with an empty line
        console.print(fullest((_table(model, layout) for layout in _LAYOUTS), console))
    for verdict in told:
        _print_reasons(report, model, verdict, console)
    for note in model.notes:
        console.print(Text(f"note: {note}", "cyan"), soft_wrap=True)
    if model.failure is not None or told or model.notes:
        console.print()


def _heading(model: Checked) -> str:
    facts = model.facts
    target = model.model.target.text
    text = model.model.name if target == model.model.name else f"{model.model.name} from {target}"
    if facts is not None:
        guessed = " (guessed)" if facts.is_guessed else ""
        inputs = f"{', '.join(facts.inputs) or 'none'}{guessed}"
        text += f" on {facts.device}, {facts.mode} mode, input {inputs}"
    if model.against is not None:
        text += f", against {model.against.label}"
    return text


def _table(model: Checked, layout: str) -> Table:
    compared = any(verdict.base is not None for verdict in model.verdicts)
    columns = [name for name in layout.split() if compared or name not in ("base", "Δ")]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in columns:
        right = name not in ("check", "status")
        header = "" if name == "status" else name
        table.add_column(header, justify="right" if right else "left", overflow="fold")
    for verdict in model.verdicts:
        cells = {
            "check": Text(verdict.name),
            "base": Text(value_text(verdict.base)),
            "head": Text(value_text(verdict.actual)),
            "Δ": Text(delta_text(verdict)),
            "limit": Text(limit_text(model, verdict)),
            "status": Text(SHOWN[verdict.status], _COLOURS[verdict.status]),
        }
        table.add_row(*(cells[name] for name in columns))
    return table


def _print_reasons(report: CheckReport, model: Checked, verdict: Verdict, console: Console) -> None:
    """What the row does not say."""
    if verdict.name == FAULTS and model.facts is not None:
        for fault in model.facts.faults:
            at = fault.site
            where = f"  ({short_path(at.file)}:{at.line})" if at else ""
            line = Text.assemble((fault.line, _COLOURS[verdict.status]), (where, "dim"))
            console.print(line, soft_wrap=True)
            for detail in fault.details:
                console.print(Text(f"  {detail}"), soft_wrap=True)
    elif verdict.text:
        console.print(Text(sentence(model, verdict), _COLOURS[verdict.status]), soft_wrap=True)
    if reasons := why_text(model, verdict):
        where = f"  ({place(report, model, verdict)})"
        title = f"{why_title(model, verdict).lower()} {verdict.name}: "
        console.print(Text.assemble((title, "bold"), reasons, (where, "dim")), soft_wrap=True)
