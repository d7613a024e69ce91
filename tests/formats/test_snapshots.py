"""What people see, at 80 and at 200 columns, in every format."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from io import StringIO
from pathlib import Path

import pytest
from faulty_network import faulty
from hypothesis import given, settings
from hypothesis import strategies as st
from random_reports import reports
from rich.console import Console
from syrupy.assertion import SnapshotAssertion

from stitchcli import inspect
from stitchcli.formats import FORMATS
from stitchcli.formats.drawing import strip_lines
from stitchcli.formats.table import print_table
from stitchcli.records import Report


def edited() -> Report:
    return inspect("unet", ["--replace conv=dwconv", "--after 'down*=msca'"], device="meta")


@cache
def folded() -> Report:
    return inspect("vit", device="meta", depth=2)


def table(report: Report, width: int, quiet: bool = False) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    print_table(report, console, quiet=quiet)
    assert isinstance(console.file, StringIO)
    return strip_lines(console.file.getvalue())


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("name", ["edited", "folded", "faulty"])
def test_table(
    name: str,
    width: int,
    snapshot: SnapshotAssertion,
    write: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make = {"edited": edited, "folded": folded, "faulty": lambda: faulty(write, monkeypatch)}
    assert table(make[name](), width) == snapshot


def test_a_number_keeps_its_unit() -> None:
    edits = ["--replace conv=dwconv"]
    report = inspect("unet-narrow", edits, input="1x3x64x64", device="meta", columns=["all"])
    text = table(report, 80)
    rows = text.partition("intensity\n")[2].partition(" parameters  ")[0]
    assert "106.8 KiB" in rows and max(map(len, rows.splitlines())) <= 80
    assert not [line for line in rows.splitlines() if line.strip() in ("B", "KiB", "MiB")]


def test_quiet_leaves_out_the_stages(snapshot: SnapshotAssertion) -> None:
    assert table(edited(), 80, quiet=True) == snapshot


def test_markdown(
    snapshot: SnapshotAssertion, write: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert FORMATS["markdown"](faulty(write, monkeypatch)) == snapshot


def spoken(format: str, text: str) -> str:
    """What a format says, without the signs with which it keeps words from being markup."""
    match format:
        case "json" | "sarif":
            return repr(json.loads(text)).replace("\\\\", "\\")
        case "github":
            return text.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
    return text


@pytest.mark.parametrize("format", FORMATS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_every_format_names_every_finding(format: str, data: st.DataObject) -> None:
    report = data.draw(reports(folded()))
    text = spoken(format, FORMATS[format](report))
    for diagnostic in report.diagnostics:
        assert diagnostic.code in text and diagnostic.path in text


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_names_every_finding_of_a_network(
    format: str, write: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    report = faulty(write, monkeypatch)
    text = spoken(format, FORMATS[format](report))
    assert len(report.diagnostics) == 3
    for diagnostic in report.diagnostics:
        assert diagnostic.code in text and diagnostic.path in text


def test_json_numbers_are_exact() -> None:
    model = json.loads(FORMATS["json"](edited()))["models"][0]
    assert (model["base"]["params"], model["result"]["params"]) == (13_395_394, 3_516_699)
    assert model["result"]["flops"] == 2 * model["result"]["macs"]
    for side in ("base", "result"):
        for amount in ("params", "macs", "flops"):
            assert sum(row[amount][side] for row in model["stages"]) == model[side][amount]
