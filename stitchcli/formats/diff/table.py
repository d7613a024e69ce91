"""``stitch diff --format table``: one tree, or two sides where the terminal is wide enough."""

from __future__ import annotations

from textwrap import wrap

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stitchcli.formats.diff.groups import (
    Group,
    describe,
    groups,
    paths_text,
    rename_lines,
    value_text,
)
from stitchcli.formats.diff.tree import Branch, tree
from stitchcli.formats.diff.words import (
    behaviour_line,
    checkpoint_lines,
    delta,
    edit_lines,
    heading,
    shapes_line,
    stage_rows,
    totals,
    verdict,
)
from stitchcli.formats.drawing import as_text
from stitchcli.formats.table import print_diagnostic
from stitchcli.records import Diff, Report
from stitchcli.words.amounts import format_amount, format_change

#: From this width on, the two networks stand side by side.
_TWO_SIDES = 140
#: What the columns of numbers take beside the tree, at most.
_NUMBERS = 24
_STYLES = {"+": "green", "-": "red", "~": "yellow", ">": "cyan"}


def render_table(diff: Diff) -> str:
    """The table as plain text, 99 columns wide."""
    return as_text(lambda console: print_diff(diff, console), width=99)


def print_diff(diff: Diff, console: Console, *, stat: bool = False) -> None:
    """Everything in reading order; ``stat`` has a line a stage in the place of the changes."""
    console.print(Text(heading(diff), "bold"), soft_wrap=True)
    for line in edit_lines(diff):
        console.print(Text(f"  {line}", "cyan"), soft_wrap=True)
    for note in dict.fromkeys((*diff.notes, *diff.base.notes, *diff.head.notes)):
        console.print(Text(f"note: {note}", "yellow"), soft_wrap=True)
    console.print()
    if stat:
        console.print(_stages(diff))
        console.print()
    elif diff.changes:
        console.print(_changes(diff, console.width))
        console.print()
    _print_renames(diff, console)
    for name, text in totals(diff):
        console.print(Text.assemble((f"{name:>11}  ", "dim"), text), soft_wrap=True)
    _print_checkpoint(diff, console)
    if line := behaviour_line(diff):
        console.print(Text.assemble((f"{'behaviour':>11}  ", "dim"), line), soft_wrap=True)
    _print_findings("base", diff.base, console)
    _print_findings("modified", diff.head, console)
    console.print()
    console.print(Text(verdict(diff), "bold"))


def _changes(diff: Diff, width: int) -> Table:
    return _two_sides(diff) if width >= _TWO_SIDES else _one_tree(diff, width)


def _grid(*headers: str, right: int) -> Table:
    """A table without lines, its last columns flush right."""
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
    for index, header in enumerate(headers):
        is_right = index >= len(headers) - right
        table.add_column(header, justify="right" if is_right else "left",
                         overflow="fold", no_wrap=is_right)  # fmt: skip
    return table


def _one_tree(diff: Diff, width: int) -> Table:
    table = _grid("", "parameters", "FLOPs", right=2)
    for level, branch in tree(diff.changes, diff.head.name).walk():
        indent = "  " * (level + 1)
        if level or not branch.groups:
            table.add_row(Text(f"{indent}{branch.label}", "dim"), "", "")
        for group in branch.groups:
            table.add_row(_node(group, branch, indent, width - _NUMBERS), *_deltas(group))
    return table


def _node(group: Group, branch: Branch, indent: str, width: int) -> Text:
    """``+ layer1.2: BasicBlock``, and under it where else and on what shapes."""
    style = _STYLES[group.sign]
    name = paths_text(group, branch.path)
    alone = len(group.members) == 1
    first = f"{name}: {group.text}" if alone else group.title
    text = Text.assemble((f"{group.sign} {indent}", style))
    text.append(_wrapped(first, indent, width), style)
    for line in filter(None, ("" if alone else name, shapes_line(group))):
        text.append(f"\n    {indent}{_wrapped(line, indent, width)}", "dim")
    return text


def _wrapped(line: str, indent: str, width: int) -> str:
    """A line that goes on under itself."""
    inner = f"    {indent}"
    lines = wrap(line, max(width - len(inner), 20), break_long_words=False, break_on_hyphens=False)
    return f"\n{inner}".join(lines)


def _two_sides(diff: Diff) -> Table:
    table = _grid(diff.base.target, "", diff.head.target, "parameters", "FLOPs", right=2)
    for group in groups(diff.changes):
        style = _STYLES[group.sign]
        sides = [_side(group, is_head) for is_head in (False, True)]
        table.add_row(sides[0], Text(group.sign, style), sides[1], *_deltas(group))
        if shapes := shapes_line(group):
            table.add_row("", "", Text(f"  {shapes}", "dim"), "", "")
    return table


def _side(group: Group, is_head: bool) -> Text:
    """What a group is on one side, and where."""
    parts = [each.head if is_head else each.base for each in group.members]
    found = [part for part in parts if part is not None]
    if not found:
        return Text("")
    count = f"{len(found)}× " if len(found) > 1 else ""
    first = group.members[0]
    text = describe(found[0])
    if first.values:
        text = f"{found[0].kind}: {_values(group, is_head)}"
    if first.kind == "reshaped":
        text = group.text
    names = [part.path or "(root)" for part in found]
    shown = names if len(names) <= 4 else [*names[:3], "…", names[-1]]
    style = _STYLES[group.sign]
    return Text.assemble((f"{count}{text}", style), f"\n  {', '.join(shown)}")


def _values(group: Group, is_head: bool) -> str:
    values = group.members[0].values
    return ", ".join(f"{name} {value_text(name, pair[is_head])}" for name, *pair in values)


def _deltas(group: Group) -> tuple[Text, Text]:
    return _delta(group.delta_params), _delta(2 * group.delta_macs)


def _delta(count: int) -> Text:
    return Text(delta(count), "dim" if not count else "green" if count < 0 else "magenta")


def _stages(diff: Diff) -> Table:
    """A line a stage, as in ``git diff --stat``."""
    table = _grid("stage", "parameters", "", "FLOPs", "", right=4)
    for before, after, params, macs in stage_rows(diff):
        name = " → ".join(dict.fromkeys(filter(None, (before, after))))
        sign = "-" if not after else "+" if not before else " "
        table.add_row(
            Text(f"{sign} {name}"),
            _pair(params.base, params.result),
            _percent(params.base, params.result),
            _pair(2 * macs.base, 2 * macs.result),
            _percent(macs.base, macs.result),
        )
    return table


def _pair(base: int, result: int) -> str:
    if base == result:
        return format_amount(base) if base else "·"
    return f"{format_amount(base)} → {format_amount(result)}"


def _percent(base: int, result: int) -> Text:
    return Text(format_change(base, result), "green" if result < base else "magenta")


def _print_renames(diff: Diff, console: Console) -> None:
    lines = rename_lines(diff.renames)
    for line in lines[:12]:
        console.print(Text.assemble(("> ", "cyan"), line), soft_wrap=True)
    if len(lines) > 12:
        console.print(Text(f"> … {len(lines) - 12} more renamed", "dim"))
    if lines:
        console.print()


def _print_checkpoint(diff: Diff, console: Console) -> None:
    name = diff.checkpoint.file or "checkpoint"
    for index, line in enumerate(checkpoint_lines(diff.checkpoint)):
        label = (f"{name:>11}" if index == 0 else " " * max(11, len(name))) + "  "
        console.print(Text.assemble((label, "dim"), line), soft_wrap=True)


def _print_findings(side: str, report: Report, console: Console) -> None:
    for diagnostic in report.diagnostics:
        console.print()
        console.print(Text(f"in the {side} network, {report.target}:", "bold"), soft_wrap=True)
        print_diagnostic(diagnostic, report, console)
