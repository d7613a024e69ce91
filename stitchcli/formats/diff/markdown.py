"""``stitch diff --format markdown``: fit for a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterable

from stitchcli.formats.diff.groups import groups, paths_text, rename_lines
from stitchcli.formats.diff.words import (
    behaviour_line,
    checkpoint_lines,
    delta,
    edit_lines,
    heading,
    stage_rows,
    totals,
    verdict,
)
from stitchcli.formats.markdown import cell, diagnostic_lines, escaped
from stitchcli.formats.words import change
from stitchcli.records import Diff

#: A comment on GitHub holds 65,536 characters, and nobody reads half of them.
_MOST_ROWS = 60


def render_markdown(diff: Diff) -> str:
    """What changed as a table, the rest folded away."""
    base, head = diff.base.target, diff.head.target
    lines = [f"### stitch diff: {escaped(f'{base} → {head}')}: {verdict(diff)}", ""]
    lines += [escaped(heading(diff)), ""]
    lines += [f"- `{line}`" for line in edit_lines(diff)]
    lines += [f"> {escaped(note)}" for note in diff.notes]
    lines += ["", "| | |", "|---|---|"]
    lines += [f"| {name} | {cell(text)} |" for name, text in totals(diff)]
    if diff.changes:
        lines += ["", "| | what | where | parameters | FLOPs |", "|---|---|---|--:|--:|"]
        lines += _rows(diff)
    if renames := rename_lines(diff.renames):
        lines += ["", *_listed(f"- `>` {escaped(line)}" for line in renames)]
    lines += ["", "**Checkpoint:**", ""]
    for line in checkpoint_lines(diff.checkpoint):
        lines.append(f"  - `{line.strip()}`" if line[0] == " " else f"- {escaped(line)}")
    if line := behaviour_line(diff):
        lines += ["", f"**Behaviour:** {escaped(line)}"]
    for side, report in (("base", diff.base), ("modified", diff.head)):
        for diagnostic in report.diagnostics:
            lines += ["", f"In the {side} network:", "", *diagnostic_lines(diagnostic, report)]
    return "\n".join([*lines, "", *_stages(diff)]) + "\n"


def _rows(diff: Diff) -> list[str]:
    return _listed(
        f"| `{group.sign}` | {cell(group.title)} | {cell(paths_text(group))} | "
        f"{delta(group.delta_params, short=False)} | {delta(2 * group.delta_macs)} |"
        for group in groups(diff.changes)
    )


def _listed(lines: Iterable[str]) -> list[str]:
    """The first of them, and how many more."""
    found = list(lines)
    if len(found) <= _MOST_ROWS:
        return found
    more = f"… and {len(found) - _MOST_ROWS} more"
    return [*found[:_MOST_ROWS], f"| | {more} | | | |" if found[0][0] == "|" else f"- {more}"]


def _stages(diff: Diff) -> list[str]:
    lines = ["<details><summary>Stages</summary>", "", "| stage | parameters | FLOPs |"]
    lines.append("|---|--:|--:|")
    rows = []
    for before, after, params, macs in stage_rows(diff):
        name = " → ".join(dict.fromkeys(each for each in (before, after) if each)) or "(root)"
        cells = name, change(params.base, params.result), change(2 * macs.base, 2 * macs.result)
        rows.append(f"| {' | '.join(cell(each) for each in cells)} |")
    return [*lines, *_listed(rows), "", "</details>"]
