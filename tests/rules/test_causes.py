"""One cause, one finding: nothing is lost when findings are put together, nothing told that was
ignored, and no patch does more than its flags."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stitchcli import inspect, stitch
from stitchcli.errors import ModelError
from stitchcli.records import Report

Write = Callable[[str, str], Path]


def look(write: Write, body: str, **options: object) -> Report:
    source = f"import torch\nfrom torch import nn\n\n{body}"
    return inspect(f"{write(source, 'model.py')}:Net", device="meta", **options)  # type: ignore[arg-type]


SHARED = """
class Pair(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.down, self.up = nn.Conv2d(c, 20, 3, padding=1), nn.ConvTranspose2d(c, 20, 1)

    def forward(self, x, z):
        return self.down(x) + self.up(z)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.p = nn.Conv2d(3, 16, 1), nn.Conv2d(3, 12, 1), Pair(8)

    def forward(self, x):
        return self.p(self.a(x), self.b(x))
"""


def test_different_layers_of_one_number_are_two_faults(write: Write) -> None:
    report = look(write, SHARED, input="1x3x16x16")
    found = {(each.op, each.path): each for each in report.diagnostics}
    assert set(found) == {("conv2d", "p.down"), ("conv_transpose2d", "p.up")}
    assert all(each.fixes for each in found.values())


def test_what_is_ignored_is_not_mended(write: Write) -> None:
    body = """
class Double(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1)

    def forward(self, x):
        return self.conv(x)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.s = nn.Conv2d(3, 16, 1)
        self.d = Double(8, 32)  # stitch: ignore[ST101]
        self.h, self.i = nn.Conv2d(33, 2, 1), nn.Conv2d(3, 2, 1)

    def forward(self, x):
        return self.i(self.h(self.d(self.s(x))))
"""
    report = look(write, body, input="1x3x16x16")
    assert [each.path for each in report.ignored] == ["d.conv"]
    assert [each.path for each in report.diagnostics] == ["h", "i"]
    together = report.together
    assert together is not None
    assert not any("s" in str(edit.where.words[0].text) for edit in together.edits)


def test_what_only_training_runs_is_no_dead_module(write: Write) -> None:
    body = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c, self.aux, self.dead = (nn.Conv2d(3, 8, 1) for _ in range(3))

    def forward(self, x):
        return (self.c(x), self.aux(x)) if self.training else self.c(x)
"""
    report = look(write, body, input="1x3x16x16")
    severities = {each.path: each.severity for each in report.diagnostics}
    assert severities == {"aux": "note", "dead": "warning"}


def test_a_line_that_builds_more_is_not_patched(write: Write) -> None:
    body = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in range(4))

    def forward(self, x):
        for conv in self.convs[:3]:
            x = conv(x)
        return x
"""
    report = look(write, body, input="1x3x16x16")
    (unused,) = report.diagnostics
    assert (unused.code, unused.path) == ("ST202", "convs.3")
    assert [fix.patch for fix in unused.fixes] == [None]


def test_many_layers_of_one_line_are_one_fault_in_seconds(write: Write) -> None:
    body = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(5 + 2 * i, 8, 1) for i in range(30))

    def forward(self, x):
        return sum(conv(x) for conv in self.convs)
"""
    report = look(write, body, input="1x3x8x8")
    (fault,) = (each for each in report.diagnostics if each.severity == "error")
    assert len(fault.also) == 29


def test_what_cannot_be_built_is_not_given_out(write: Write) -> None:
    file = write(
        "from torch import nn\nclass Net(nn.Sequential):\n    def __init__(self):\n"
        "        super().__init__(nn.Conv2d(48, 48, 3, groups=32))\n",
        "model.py",
    )
    with pytest.raises(ModelError, match="groups=32 does not divide 48"):
        stitch(f"{file}:Net", [], input="1x48x8x8")


@pytest.mark.parametrize(
    "edit",
    [
        "--set inc.conv2.groups=7",
        "--replace inc.conv2=Conv2d:kernel_size=3,padding=1,groups=7",
        "--after inc=GroupNorm:num_groups=7",
    ],
)
def test_a_layer_that_an_edit_cannot_build_is_a_finding(edit: str) -> None:
    report = inspect("unet", [edit], device="meta")
    (fault,) = (each for each in report.diagnostics if each.severity == "error")
    assert (fault.code, fault.phase) == ("ST105", "build")
    assert any(edit in note for note in fault.notes)
    assert fault.fixes
    for fix in fault.fixes:
        assert fix.verification is not None and fix.verification.ran
        mended = inspect("unet", fix.edits, device="meta")
        assert not mended.has_errors
