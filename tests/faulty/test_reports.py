"""What is said of each broken network, where it points, and whether what it offers works."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from syrupy.assertion import SnapshotAssertion

from faulty.cases import CASES, FOLDER, Case, changed, found, text_at
from stitchcli.formats.drawing import strip_lines
from stitchcli.formats.table import print_table
from stitchcli.records import Change, Diagnostic, Fix, Report
from stitchcli.words.shapes import print_spec

#: Where stitch points elsewhere than a person would.
POINTS_ELSEWHERE = {
    "spans_config_dict": "the value lies in a dictionary that is handed on with **",
    "spans_default": "nobody gave the number, and the call that did not give it is not shown",
    "spans_star_args": "the value lies in a list of tuples",
    "spans_dict_of_tuples": "the value lies in a dictionary of tuples",
    "st101_layer_norm": "the number is right, and the axis is not",
    "st101_no_flatten": "the number is right, and the axis is not",
    "st203": "it is built elsewhere than it is run",
    "st203_forward": "the span is the call of what is built, not the building",
    "st208": "the mistake is in the class, at all of its places",
}
#: The first change that a person would make, and why stitch offers none or another.
FIRST_CHANGES = {
    "spans_factory": ("24", "32"),
    "spans_inherited": ("64", "48"),
    "spans_lstm": ("hidden", "hidden * 2"),
    "spans_two_widths": ("out_channels * 2", "out_channels * 3"),
    "st104": ("16 * 5 * 5", "16 * 9 * 9"),
    "st104_view": ("512", "128"),
    "st105": ("32", "16"),
    "st105_heads": ("num_heads", "num_heads // 2"),
    "st103_gate": ("16", "32"),
    "st103_no_padding": (
        "nn.Conv2d(width, width, 3)",
        "nn.Conv2d(width, width, 3, padding=1)",
    ),
    "st104_qkv": ("dim * 2", "dim * 3"),
    "spans_dict_of_tuples": ("64", "32"),
    "st102_dilations": ("1", "rate"),
    "st101": ("out_ch", "out_ch * 2"),
    "st102": ("1", "2"),
    "st201": ("channels // reduction", "max(channels // reduction, 1)"),
    "spans_config_dict": ("96", "128"),
    "spans_default": ("Reduce()", "Reduce(24)"),
    "spans_loop": ("channels[i]", "channels[0]"),
    "spans_norm_width": ("cin", "cout"),
    "spans_followers": ("cin", "width"),
    "spans_star_args": ("40", "32"),
}
CHANGES_ELSEWHERE = {
    "spans_dict_of_tuples": "places in dictionaries are not found",
    "st102_dilations": "several layers of one line are not padded at once",
    "st101": "places inside a class are not tried, where all of its instances are wrong",
    "st102": "a resize goes ahead of the padding that is missing",
    "spans_config_dict": "places in dictionaries are not found",
    "spans_default": "cout * 3 is right by accident only",
    "spans_factory": "a wider depthwise layer needs what follows it to be wider too",
    "spans_loop": "i * 3 is right by accident only",
    "spans_star_args": "places in lists of tuples are not found",
}
#: Fixes that a person has to find alone.
NO_FIX = {
    "spans_patch_embed": "nothing makes a parameter longer",
    "st100": "no op is understood that has no contract",
    "st100_attribute": "nothing can be known of what is missing",
    "st205": "where the gradient should go on is not to be known",
    "st206": "what the numbers should be is not to be known",
    "st207": "the block has to be written otherwise",
    "st302": "nothing is wrong with the network",
    "st203": "nothing registers the modules of a plain list",
    "st203_forward": "nothing moves the building to __init__",
}


def cases(wrong: dict[str, str] | None = None, names: object = None) -> list[object]:
    """Every case, or some; those that stitch gets wrong have to be wrong."""
    chosen = CASES if names is None else [name for name in CASES if name in names]  # type: ignore[operator]
    marks = {
        name: [pytest.mark.xfail(strict=True, reason=reason)]
        for name, reason in (wrong or {}).items()
    }
    return [pytest.param(CASES[name], id=name, marks=marks.get(name, [])) for name in chosen]


@cache
def report_of(name: str) -> Report:
    return CASES[name].look()


@pytest.fixture
def report(case: Case, monkeypatch: pytest.MonkeyPatch) -> Report:
    monkeypatch.chdir(FOLDER)
    return report_of(case.file.stem)


def told(report: Report) -> list[Diagnostic]:
    """All but notes; that an operation has no formula is only ever one."""
    return [d for d in report.diagnostics if d.severity != "note" or d.code == "ST302"]


def all_fixes(report: Report) -> list[tuple[Diagnostic, Fix]]:
    return [(each, fix) for each in report.diagnostics for fix in each.fixes]


@pytest.mark.parametrize("case", cases())
def test_what_is_said(case: Case, report: Report, snapshot: SnapshotAssertion) -> None:
    console = Console(file=StringIO(), width=120, color_system=None)
    print_table(report, console, quiet=True)
    assert isinstance(console.file, StringIO)
    assert strip_lines(console.file.getvalue()) == snapshot


@pytest.mark.parametrize("case", cases())
def test_every_fault_is_found_and_no_other_kind(case: Case, report: Report) -> None:
    assert {each.code for each in told(report)} == {code for code, _ in case.wrong}


@pytest.mark.parametrize("case", cases(POINTS_ELSEWHERE))
def test_it_points_where_the_wrong_number_is_written(case: Case, report: Report) -> None:
    points = Counter(
        (each.code, text_at(each.primary.site) if each.primary else "-") for each in told(report)
    )
    assert set(points) == set(case.wrong)


@pytest.mark.parametrize("case", cases(CHANGES_ELSEWHERE, FIRST_CHANGES))
def test_the_first_fix_is_what_a_person_would_do(case: Case, report: Report) -> None:
    fix = told(report)[0].fixes[0]
    first = fix.patch.changes[0] if fix.patch else Change(None, "", "")  # type: ignore[arg-type]
    assert (first.before, first.after) == FIRST_CHANGES[case.file.stem]


@pytest.mark.parametrize("case", cases(NO_FIX))
def test_every_fault_has_a_fix_that_leaves_the_input_alone(case: Case, report: Report) -> None:
    assert all(any(not fix.inputs for fix in each.fixes) for each in told(report))


@pytest.mark.parametrize("case", cases())
def test_every_fix_does_what_it_says(case: Case, report: Report) -> None:
    before = found(case.look(ignore=["ST"]))
    for diagnostic, fix in all_fixes(report):
        kept = tuple(each for each in case.edits if each not in fix.instead)
        given = [print_spec(spec) for spec in fix.inputs or ()]
        after = case.look(edits=(*kept, *fix.edits), input=" ".join(given), ignore=["ST"])
        agree(report, diagnostic, after, before, fix)


@pytest.mark.parametrize("case", cases())
def test_every_patch_does_what_it_says(case: Case, report: Report, tmp_path: Path) -> None:
    before, source = found(case.look(ignore=["ST"])), case.file.read_text(encoding="utf-8")
    for index, (diagnostic, fix) in enumerate(all_fixes(report)):
        if fix.patch is None:
            continue
        folder = tmp_path / str(index)
        folder.mkdir()
        text = changed(source, fix.patch.changes)
        ast.parse(text)
        (folder / case.file.name).write_text(text, encoding="utf-8")
        after = case.look(folder, ignore=["ST"])
        agree(report, diagnostic, after, before, fix)


def agree(
    report: Report,
    diagnostic: Diagnostic,
    after: Report,
    before: Counter[tuple[str, str]],
    fix: Fix,
) -> None:
    """What was said of a fix or its patch is what is seen."""
    said = fix.patch.verification if fix.patch and not after.applied else fix.verification
    assert said is not None and said.solved
    now = found(after)
    gone = {(diagnostic.code, path) for path in (diagnostic.path, *diagnostic.also)}
    assert not gone & set(now)
    assert now <= before
    assert said.remaining == sum(each.severity == "error" for each in after.ignored)
    assert said.ran == (after.result.complete and not after.result.problems)
    assert said.outputs == tuple(spec.shape for spec in after.result.outputs)
    assert said.delta_params == after.result.params - report.result.params
