"""Outputs that are not finite: which call is the first to give such a number."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from stitchcli import inspect
from stitchcli.records import Diagnostic, Report

NETS = """
import torch
from torch import nn
from torch.nn import functional as F

class Scale(nn.Module):
    def forward(self, x):
        return x / (x - x)

class Divides(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.scale, self.head = nn.Conv2d(3, 4, 1), Scale(), nn.Conv2d(4, 2, 1)
    def forward(self, x):
        return self.head(torch.relu(self.scale(self.stem(x))))

class Masks(nn.Module):
    # -inf in a softmax is as it should be; the root of what is negative is not
    def __init__(self):
        super().__init__()
        self.proj = nn.Linear(8, 8)
        self.register_buffer("mask", torch.full((5, 5), float("-inf")).triu(1))
    def forward(self, x):
        x = self.proj(x)
        scores = (x @ x.transpose(1, 2) + self.mask).softmax(-1)
        return torch.sqrt(scores @ x)

class Fine(Masks):
    def forward(self, x):
        x = self.proj(x)
        return (x @ x.transpose(1, 2)).masked_fill(self.mask < 0, float("-inf")).softmax(-1) @ x

class Weights(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 2, 1)
        nn.init.constant_(self.head.weight, float("nan"))
    def forward(self, x):
        return self.head(self.stem(x))

class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
    def forward(self, x):
        x = self.conv(x)
        x.mul_(1e30).mul_(1e30)
        return F.relu(x, inplace=True)
"""
CASES = {
    "Divides": ("1x3x8x8", "scale", "div gives nan and inf from finite numbers", "x / (x - x)"),
    "Masks": ("1x5x8", "", "sqrt gives nan from finite numbers", "torch.sqrt"),
    "Weights": ("1x3x8x8", "head", "head.weight holds numbers that are not finite", "self.head"),
    "InPlace": ("1x3x8x8", "", "mul gives inf from finite numbers", "mul_(1e30)"),
}


def sick(report: Report) -> list[Diagnostic]:
    return [each for each in report.diagnostics if each.code == "ST206"]


@pytest.mark.parametrize("name", CASES)
def test_the_first_call_is_named(write: Callable[[str, str], Path], name: str) -> None:
    shape, path, title, source = CASES[name]
    file = write(NETS, "nets.py")
    torch.manual_seed(0)
    report = inspect(f"{file}:{name}", input=shape)
    (diagnostic,) = sick(report)
    words = title.replace("nan and inf", "(nan and inf|inf|nan)")
    assert diagnostic.path == path and re.match(words, diagnostic.title)
    assert diagnostic.severity == "error" and report.has_errors
    assert diagnostic.primary is not None
    line = file.read_text().splitlines()[diagnostic.primary.site.line - 1]
    assert source in line


@pytest.mark.parametrize("name", CASES)
def test_on_meta_there_are_no_numbers(write: Callable[[str, str], Path], name: str) -> None:
    report = inspect(f"{write(NETS, 'nets.py')}:{name}", input=CASES[name][0], device="meta")
    assert not report.diagnostics


def test_minus_infinity_in_a_mask_is_no_fault(write: Callable[[str, str], Path]) -> None:
    assert not inspect(f"{write(NETS, 'nets.py')}:Fine", input="1x5x8").diagnostics


def test_a_block_that_blows_up_is_named() -> None:
    class Blows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(x)  # type: ignore[no-any-return]

    net = Blows()
    with torch.no_grad():
        net.conv.bias.fill_(float("inf"))  # type: ignore[union-attr]
    (diagnostic,) = sick(inspect(net, input="1x3x4x4"))
    assert diagnostic.title.startswith("conv.bias holds numbers that are not finite")


@pytest.mark.parametrize("name", ["unet-narrow", "resnet18"])
def test_a_sound_network_is_finite_and_looked_at_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*args: object) -> None:
        raise AssertionError("a second pass")

    monkeypatch.setattr("stitchcli.tracing.trace._first_nonfinite", never)
    assert not inspect(name, input="1x3x64x64", device="cpu").diagnostics


def test_the_second_pass_leaves_nothing_behind() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)).train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    with torch.no_grad():
        net[0].bias.fill_(float("inf"))  # type: ignore[union-attr]
        before["0.bias"] = net.state_dict()["0.bias"].clone()
    assert sick(inspect(net, input="2x3x4x4", mode="train"))
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
