"""What people see, at 80 and at 200 columns, in every format."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from syrupy.assertion import SnapshotAssertion

from stitchcli import inspect
from stitchcli.formats import FORMATS
from stitchcli.formats.table import print_table, strip_lines
from stitchcli.records import Report

FAULTY = """
import torch
from torch import nn


class Fuse(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.up = nn.ConvTranspose2d(cin, cin // 2, 2, stride=2)
        self.conv = nn.Conv2d(cin // 2, cout, 3, padding=1)

    def forward(self, x, skip):
        return self.conv(torch.cat([skip, self.up(x)], dim=1))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.down = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.fuse = Fuse(32, 16)
        self.unused = nn.Linear(4, 4)
        self.head = nn.Conv2d(17, 2, 1)

    def forward(self, x):
        skip = self.stem(x)
        return self.head(self.fuse(self.down(skip), skip))
"""


def faulty(write: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch) -> Report:
    file = write(FAULTY, "model.py")
    monkeypatch.chdir(file.parent)
    return inspect("model.py", input="1x3x32x32", device="meta")


def edited() -> Report:
    return inspect("unet", ["--replace conv=dwconv", "--after 'down*=msca'"], device="meta")


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


def test_quiet_leaves_out_the_stages(snapshot: SnapshotAssertion) -> None:
    assert table(edited(), 80, quiet=True) == snapshot


def test_markdown(
    snapshot: SnapshotAssertion, write: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert FORMATS["markdown"](faulty(write, monkeypatch)) == snapshot


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_names_every_finding(
    format: str, write: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    report = faulty(write, monkeypatch)
    text = FORMATS[format](report)
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
