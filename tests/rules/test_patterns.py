"""Patterns of einops that do not fit: which axis is named, that the forward goes on, that the fixes
work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import einops
import einops.einops
import pytest
import torch
from einops import EinopsError
from torch import Tensor, nn

from stitchcli import inspect
from stitchcli.records import Diagnostic, Report
from stitchcli.tracing.contracts.patterns import unfit
from stitchcli.words.edits import print_edit
from stitchcli.words.shapes import print_spec

NETS = """
from einops import rearrange, reduce, repeat
from einops.layers.torch import Rearrange, Reduce
import einops
from torch import nn

class Patches(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8 * 4 * 4, 32)
        self.head = nn.Linear(33, 4)

    def forward(self, x):
        x = rearrange(self.stem(x), "b c (h p1) (w p2) -> b (h w) (p1 p2 c)", p1=4, p2=4)
        return self.head(self.fc(x))

class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(30, 60), nn.Linear(60, 30)

    def forward(self, x):
        x = einops.rearrange(self.qkv(x), "b n (h d) -> b h n d", h=8)
        return self.out(rearrange(x, "b h n d -> b n (h d)"))

class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.out = nn.Conv2d(3, 16, 1), nn.Linear(16, 30)

    def forward(self, x):
        return self.out(rearrange(self.conv(x), "b n d -> b 1 n d"))

class Windows(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(3, 8, 1),
            Rearrange("b c (h p) (w q) -> b (h w) (p q c)", p=7, q=7),
            nn.Linear(7 * 7 * 8, 5),
        )

    def forward(self, x):
        return self.net(x)

class Pool(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 1)

    def forward(self, x):
        x = reduce(self.conv(x), "b c (h 3) w -> b c h w", "max")
        return repeat(x, "b c h w -> b c (h 2) (w 2)")

class Groups(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 10, 1), nn.BatchNorm2d(10)

    def forward(self, x):
        return rearrange(self.norm(self.conv(x)), "... (g c) h w -> ... (c g) h w", g=2, c=4)
"""
CASES = {
    "Patches": (
        "1x3x32x32", "", "rearrange: axis 2 of 1×8×30×30 is 30, not a multiple of p1=4 in (h p1); "
        "axis 3 is 30, not a multiple of p2=4 in (w p2)", 3, ["ST107", "ST101"],
    ),
    "Heads": ("1x16x30", "", "rearrange: axis 2 of 1×16×60 is 60, not a multiple of h=8 in (h d)",
              1, ["ST107", "ST101"]),
    "Tokens": ("1x3x8x8", "", "rearrange: 1×16×8×8 has 4 axes, and the pattern 3", 0, ["ST107"]),
    "Windows": (
        "1x3x32x32", "net.1", "rearrange: axis 2 of 1×8×32×32 is 32, not a multiple of p=7 in "
        "(h p); axis 3 is 32, not a multiple of q=7 in (w q)", 2, ["ST107"],
    ),
    "Pool": ("1x3x32x32", "", "reduce: axis 2 of 1×8×32×32 is 32, not a multiple of 3 in (h 3)",
             2, ["ST107"]),
    "Groups": ("1x3x8x8", "", "rearrange: axis 1 of 1×10×8×8 is 10, and not g=2·c=4 in (g c)",
               1, ["ST107"]),
}  # fmt: skip


def errors(report: Report) -> list[Diagnostic]:
    return [each for each in report.diagnostics if each.severity == "error"]


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("name", CASES)
def test_the_axis_is_named_and_the_forward_goes_on(
    write: Callable[[str, str], Path], name: str, device: str
) -> None:
    shape, path, title, fixes, codes = CASES[name]
    report = inspect(f"{write(NETS, 'nets.py')}:{name}", input=shape, device=device)
    assert [each.code for each in errors(report)] == codes and report.result.complete
    first = errors(report)[0]
    assert (first.path, first.title) == (path, title) and len(first.fixes) >= fixes
    assert first.primary is not None and first.primary.site.file.endswith("nets.py")


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[3]])
def test_every_printed_fix_works(write: Callable[[str, str], Path], name: str) -> None:
    shape, *_ = CASES[name]
    target = f"{write(NETS, 'nets.py')}:{name}"
    report = inspect(target, input=shape, device="meta")
    (first,) = [each for each in errors(report) if each.code == "ST107"]
    for fix in first.fixes:
        flags = [print_edit(edit) for edit in fix.edits]
        inputs = [print_spec(spec) for spec in fix.inputs] if fix.inputs else shape
        mended = inspect(target, flags, input=inputs, device="cpu")
        assert fix.verification is not None
        assert len(errors(mended)) == fix.verification.remaining
        assert "ST107" not in [each.code for each in errors(mended)]


@pytest.mark.parametrize("name", ["vit", "unet"])
def test_einops_is_as_it_was(name: str) -> None:
    own = einops.einops._apply_recipe, einops.einops._prepare_transformation_recipe
    report = inspect(name, ["--after 'conv@1=selfattention'"] if name == "unet" else [],
                     input="1x3x32x32" if name == "unet" else None, device="meta")  # fmt: skip
    assert not report.has_errors
    assert own == (einops.einops._apply_recipe, einops.einops._prepare_transformation_recipe)
    with pytest.raises(EinopsError):
        einops.rearrange(torch.zeros(3, 5), "a (b c) -> a b c", c=2)


def test_a_pattern_that_is_no_pattern_is_still_refused() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            return einops.rearrange(self.conv(x), "b c h w -> b c h")

    assert [e.code for e in errors(inspect(Net(), input="1x3x8x8"))] == ["ST100"]


PATTERNS = [
    ("b c (h p) w", {"p": 4}), ("b ... (h p)", {"p": 3}), ("b 1 h w", {}), ("(b 2) c", {}),
    ("... c", {"c": 5}), ("a (b c) ()", {"b": 2, "c": 3}), ("b (h w) c", {"h": 4}),
    ("a b c d e", {}),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "lengths"), PATTERNS, ids=str)
@pytest.mark.parametrize("shape", [(2, 6, 5), (1, 1, 8, 8), (4, 7), (5,), (2, 3, 9, 9), (2, 6, 1)])
def test_it_agrees_with_einops(
    pattern: str, lengths: dict[str, int], shape: tuple[int, ...]
) -> None:
    """What einops refuses is found, and what is found instead is taken."""
    x = torch.zeros(shape, device="meta")
    right = pattern.replace("(b 2)", "b").replace(" 1 ", " ") if "2" in pattern else pattern
    found = unfit(f"{pattern} -> {right}", lengths, x)
    try:
        einops.reduce(x, f"{pattern} -> {right}", "max", **lengths)
    except EinopsError:
        assert found is not None
        einops.reduce(found[1], f"{pattern} -> {right}", "max", **lengths)
    else:
        assert found is None
