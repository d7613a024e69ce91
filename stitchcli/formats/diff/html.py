"""``stitch diff --format html``: one page that needs nothing beside it."""

from __future__ import annotations

from typing import Any

from stitchcli.formats.diff.groups import (
    Group,
    change_path,
    describe,
    groups,
    rename_lines,
)
from stitchcli.formats.diff.words import (
    FATES,
    behaviour_line,
    checkpoint_lines,
    delta,
    edit_lines,
    heading,
    mapping_lines,
    stage_rows,
    totals,
    verdict,
)
from stitchcli.formats.words import change, fix_flags, fix_title, place, shapes_text
from stitchcli.records import Diagnostic, Diff, Difference, Part

_NAMES = {"+": "added", "-": "removed", "~": "changed", ">": "moved"}


def render_html(diff: Diff) -> str:
    """The page."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("stitchcli.formats.diff", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text: str = environment.get_template("page.html.j2").render(_page(diff))
    return text


def _page(diff: Diff) -> dict[str, Any]:
    return {
        "title": f"{diff.base.target} → {diff.head.target}",
        "base": diff.base.target,
        "head": diff.head.target,
        "heading": heading(diff),
        "verdict": verdict(diff),
        "edits": edit_lines(diff),
        "notes": list(dict.fromkeys((*diff.notes, *diff.base.notes, *diff.head.notes))),
        "totals": totals(diff),
        "groups": [_group(group) for group in groups(diff.changes)],
        "renames": rename_lines(diff.renames),
        "checkpoint": checkpoint_lines(diff.checkpoint, renames=0),
        "shares": [(fate, words, diff.checkpoint.percent(fate)) for fate, words in FATES.items()],
        "mapping": mapping_lines(diff.checkpoint, most=200),
        "behaviour": behaviour_line(diff),
        "stages": [
            (
                " → ".join(dict.fromkeys(each for each in (before, after) if each)) or "(root)",
                change(params.base, params.result),
                change(2 * macs.base, 2 * macs.result),
            )
            for before, after, params, macs in stage_rows(diff)
        ],
        "findings": [
            (side, _finding(each))
            for side, report in (("base", diff.base), ("modified", diff.head))
            for each in report.diagnostics
        ],
        "versions": diff.head.versions,
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "sign": group.sign,
        "name": _NAMES[group.sign],
        "title": group.title,
        "params": delta(group.delta_params),
        "flops": delta(2 * group.delta_macs),
        "members": [_member(each) for each in group.members],
    }


def _member(each: Difference) -> dict[str, Any]:
    return {
        "path": change_path(each),
        "base": _side(each.base),
        "head": _side(each.head),
        "params": delta(each.delta_params, short=False),
        "flops": delta(2 * each.delta_macs, short=False),
    }


def _side(part: Part | None) -> str:
    if part is None:
        return ""
    shapes = f"{shapes_text(part.inputs)} → {shapes_text(part.outputs)}" if part.outputs else ""
    return f"{describe(part)}  {shapes}".strip()


def _finding(each: Diagnostic) -> dict[str, Any]:
    return {
        "severity": each.severity,
        "code": each.code,
        "path": each.path,
        "title": each.title,
        "place": place(each.primary.site) if each.primary else "",
        "fixes": [f"{fix_title(fix)}: {fix_flags(fix)}" for fix in each.fixes],
    }
