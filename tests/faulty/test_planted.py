"""Several faults at once, planted in a sound network: all are found, and all are mended."""

from __future__ import annotations

import difflib
import random
import sys
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest

from stitchcli import inspect
from stitchcli.cli.main import run
from stitchcli.records import Diagnostic, Report

NETWORK = """\
import torch
from torch import nn
from torch.nn import functional as F


class ConvBlock(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(cout)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class SE(nn.Module):
    def __init__(self, channels, reduction):
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // reduction)
        self.excite = nn.Linear(channels // reduction, channels)

    def forward(self, x):
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(x.mean((2, 3))))))
        return x * gate[:, :, None, None]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = ConvBlock(3, 16)
        self.down1 = ConvBlock(16, 32, stride=2)
        self.down2 = ConvBlock(32, 64, stride=2)
        self.norm = nn.BatchNorm2d(64)
        self.attn = SE(64, reduction=16)
        self.mix = nn.Conv2d(64, 64, 3, padding=1, groups=8)
        self.up1 = nn.ConvTranspose2d(64, 32, 2, stride=2)
        self.fuse1 = ConvBlock(64, 32)
        self.side = nn.Conv2d(32, 32, 1)
        self.up2 = nn.ConvTranspose2d(32, 16, 2, stride=2)
        self.branch = nn.Conv2d(16, 16, 3, padding=1)
        self.fuse2 = ConvBlock(32, 16)
        self.pool = nn.AdaptiveAvgPool2d(4)
        self.head = nn.Linear(16 * 4 * 4, 10)

    def forward(self, x):
        s1 = self.stem(x)
        s2 = self.down1(s1)
        x = self.norm(self.down2(s2))
        x = self.mix(self.attn(x))
        x = self.fuse1(torch.cat([s2, self.up1(x)], dim=1))
        x = x + self.side(s2)
        x = self.fuse2(torch.cat([self.branch(s1), self.up2(x)], dim=1))
        return self.head(torch.flatten(self.pool(x), 1))
"""


@dataclass(frozen=True)
class Plant:
    """A right line, what it becomes, and the findings one of which has to say so."""

    right: str
    wrong: str
    code: str
    path: str


PLANTS = (
    Plant("down1 = ConvBlock(16, 32, ", "down1 = ConvBlock(24, 32, ", "ST101", "down1.conv"),
    Plant("norm = nn.BatchNorm2d(64)", "norm = nn.BatchNorm2d(48)", "ST101", "norm"),
    Plant("SE(64, reduction=16)", "SE(64, reduction=128)", "ST201", "attn.squeeze"),
    Plant("groups=8)", "groups=12)", "ST105", "mix"),
    Plant("fuse1 = ConvBlock(64, 32)", "fuse1 = ConvBlock(32, 32)", "ST101", "fuse1.conv"),
    Plant("side = nn.Conv2d(32, 32, 1)", "side = nn.Conv2d(32, 16, 1)", "ST103", ""),
    Plant("(16, 16, 3, padding=1)", "(16, 16, 3)", "ST102", ""),
    Plant("16 * 4 * 4", "16 * 8 * 8", "ST104", "head"),
)
SIZES = {2: 3, 3: 2, 5: 2}


def chosen() -> list[tuple[Plant, ...]]:
    """Each pair, three and five of plants is as likely as any other."""
    dice = random.Random(7)
    return [
        plants
        for size, count in SIZES.items()
        for plants in dice.sample(list(combinations(PLANTS, size)), count)
    ]


def label(plants: tuple[Plant, ...]) -> str:
    return "-".join(f"{each.code[2:]}{each.path}" for each in plants)


@pytest.fixture(params=chosen(), ids=label)
def planted(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, tuple[Plant, ...]]:
    """A file with faults in it, in the folder where we are."""
    text = NETWORK
    for each in request.param:
        assert text.count(each.right) == 1
        text = text.replace(each.right, each.wrong)
    (tmp_path / "net.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "net.py", request.param


def errors(report: Report) -> list[Diagnostic]:
    return [each for each in report.diagnostics if each.severity == "error"]


def tells(each: Diagnostic, plant: Plant) -> bool:
    """Whether a finding is of a plant, or names it among what follows from it."""
    if (each.code, each.path) == (plant.code, plant.path) or plant.path in each.also:
        return True
    if plant.path and plant.path in each.consumers:
        return True
    return any(f"{plant.code} at {plant.path}" in note for note in each.notes)


def stitch(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", ["stitch", "inspect", *words, "--device", "meta", "--quiet"])
        return run()


def test_the_network_is_sound(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NETWORK)
    assert not inspect(str(tmp_path / "net.py:Net"), input="1x3x64x64").diagnostics


def test_all_are_told_in_one_run(planted: tuple[Path, tuple[Plant, ...]]) -> None:
    file, plants = planted
    report = inspect(f"{file}:Net", input="1x3x64x64", device="meta")
    lines = file.read_text().splitlines()
    for plant in plants:
        assert any(tells(each, plant) for each in errors(report)), plant
        assert plant.wrong in "\n".join(lines)
    assert len(errors(report)) <= len(plants)


def test_all_are_mended_by_flags(
    planted: tuple[Path, tuple[Plant, ...]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file, _ = planted
    before = file.read_bytes()
    words = ("net.py:Net", "--input", "1x3x64x64", "--fix", "--unsafe-fixes")
    assert stitch(monkeypatch, *words) == 0
    assert file.read_bytes() == before
    assert "error[" not in capsys.readouterr().out


def test_all_are_mended_in_the_file(
    planted: tuple[Path, tuple[Plant, ...]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file, plants = planted
    before = file.read_bytes().splitlines(keepends=True)
    words = ("net.py:Net", "--input", "1x3x64x64", "--fix", "--unsafe-fixes", "--write")
    code = stitch(monkeypatch, *words)
    assert code == 0, capsys.readouterr().out
    after = file.read_bytes().splitlines(keepends=True)
    assert not inspect(f"{file}:Net", input="1x3x64x64", device="meta").diagnostics
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    kept = sum(size for _, _, size in matcher.get_matching_blocks())
    assert len(before) - kept <= 2 * len(plants)
