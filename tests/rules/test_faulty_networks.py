"""Small broken networks as people write them: what is said, and that the fixes work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from stitchcli import inspect
from stitchcli.records import Diagnostic, Report
from stitchcli.words.edits import print_edit
from stitchcli.words.shapes import print_spec

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F

class DoubleConv(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(cin, cout, 3, padding=1), nn.BatchNorm2d(cout), nn.ReLU(),
            nn.Conv2d(cout, cout, 3, padding=1), nn.BatchNorm2d(cout), nn.ReLU(),
        )

    def forward(self, x):
        return self.net(x)

class Up(nn.Module):
    def __init__(self, cin, cmid, cout):
        super().__init__()
        self.up = nn.ConvTranspose2d(cin, cin // 2, 2, stride=2)
        self.conv = DoubleConv(cmid, cout)

    def forward(self, x, skip):
        return self.conv(torch.cat([skip, self.up(x)], dim=1))

class Block(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, padding=1)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1)

    def forward(self, x):
        return torch.relu(self.conv2(torch.relu(self.conv1(x))) + x)
"""


@dataclass(frozen=True)
class Case:
    """A network, an input, and the diagnostics that it must have, in order."""

    body: str
    input: str
    expected: tuple[tuple[str, str, str], ...]


UNET = """
class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.inc, self.pool = DoubleConv(3, 16), nn.MaxPool2d(2)
        self.down1, self.down2 = DoubleConv(16, 32), DoubleConv(32, 64)
        self.up1, self.up2 = Up(64, {mid}, 32), Up(32, 32, 16)
        self.outc = nn.Conv2d(16, 2, 1)

    def forward(self, x):
        x1 = self.inc(x)
        x2 = self.down1(self.pool(x1))
        x3 = self.down2(self.pool(x2))
        return self.outc(self.up2(self.up1(x3, x2), x1))
"""
CASES = {
    "channels": Case(
        UNET.format(mid=32), "1x3x64x64",
        (("ST101", "up1.conv.net.0", "conv2d expects 32 channels, got 64"),),
    ),
    "odd sizes": Case(
        UNET.format(mid=64), "1x3x50x50",
        (("ST102", "up1", "cat needs equal height and width, got 25×25 and 24×24"),),
    ),
    "residual": Case(
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.layers = nn.Sequential(Block(16, 16), Block(16, 32))

    def forward(self, x):
        return self.layers(self.stem(x))
""", "1x3x32x32", (("ST103", "layers.1", "add of 32 and 16 channels"),),
    ),
    "flatten": Case(
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.fc = nn.Linear(8 * 8 * 8, 10)

    def forward(self, x):
        return self.fc(torch.flatten(self.features(x), 1))
""", "1x3x32x32", (("ST104", "fc", "linear expects 512 features, got 2048"),),
    ),
    "one producer, several consumers": Case(
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 24, 1)
        self.b = nn.Sequential(nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 8, 1))
        self.c = nn.Conv2d(32, 8, 1)

    def forward(self, x):
        x = self.a(x)
        return self.b(x) + self.c(x)
""", "1x3x16x16", (("ST101", "b.0", "batch_norm expects 32 channels, got 24"),),
    ),
    "zero-sized": Case(
        """
class SE(nn.Module):
    def __init__(self, channel, reduction=16):
        super().__init__()
        hidden = channel // reduction
        self.fc = nn.Sequential(
            nn.Linear(channel, hidden), nn.ReLU(), nn.Linear(hidden, channel), nn.Sigmoid())

    def forward(self, x):
        return x * self.fc(x.mean((2, 3)))[:, :, None, None]

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.se, self.conv = SE(3), nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(self.se(x))
""", "1x3x16x16",
        (("ST201", "se.fc.0",
          "zero-sized layers: se.fc.0 (Linear 3 → 0), se.fc.2 (Linear 0 → 3)"),),
    ),
    "too small": Case(
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.Sequential(*[nn.Conv2d(3, 3, 3, stride=2) for _ in range(4)])

    def forward(self, x):
        return self.convs(x)
""", "1x3x16x16", (("ST106", "convs.3", "conv2d needs at least 3 on axis 2, got 1×1"),),
    ),
}  # fmt: skip


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest, write: Callable[[str, str], Path]) -> tuple[Case, str]:
    found = CASES[request.param]
    return found, str(write(HEAD + found.body, "model.py")) + ":" + (
        "UNet" if "class UNet" in found.body else "Net"
    )


def errors(report: Report) -> list[Diagnostic]:
    return [each for each in report.diagnostics if each.severity == "error"]


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_the_report_says(case: tuple[Case, str], device: str) -> None:
    expected, target = case
    report = inspect(target, input=expected.input, device=device)
    found = tuple((d.code, d.path, d.title) for d in errors(report))
    assert found == expected.expected
    for diagnostic in errors(report):
        assert diagnostic.primary is not None and diagnostic.primary.site.file.endswith("model.py")


def test_every_printed_fix_mends_what_it_says(case: tuple[Case, str]) -> None:
    expected, target = case
    report = inspect(target, input=expected.input, device="meta")
    for diagnostic in errors(report):
        assert diagnostic.fixes
        for fix in diagnostic.fixes:
            flags = [print_edit(edit) for edit in fix.edits]
            inputs = [print_spec(spec) for spec in fix.inputs] if fix.inputs else expected.input
            mended = inspect(target, flags, input=inputs, device="cpu")
            assert fix.verification is not None
            assert len(errors(mended)) == fix.verification.remaining
            assert (diagnostic.code, diagnostic.path) not in [
                (d.code, d.path) for d in errors(mended)
            ]
            assert mended.result.params - report.result.params == fix.verification.delta_params
            assert tuple(s.shape for s in mended.result.outputs) == fix.verification.outputs


def test_the_parts_of_a_cat_are_named(write: Callable[[str, str], Path]) -> None:
    report = inspect(
        f"{write(HEAD + UNET.format(mid=32), 'm.py')}:UNet", input="1x3x64x64", device="meta"
    )
    (diagnostic,) = errors(report)
    (label,) = diagnostic.secondary
    assert label.text == "64 = 32 from down1.net.3 + 32 from up1.up"


def test_all_faults_in_one_run_and_mended_together() -> None:
    edits = [
        "--set inc.conv2.out_channels=48",
        "--set down2.conv.conv1.in_channels=100",
        "--set up2.conv.norm1.num_features=7",
        "--set outc.in_channels=65",
    ]
    report = inspect("unet", edits, device="meta")
    assert len(errors(report)) >= 4
    paths = {p for d in errors(report) for p in (d.path, *d.consumers)}
    assert {"down2.conv.conv1", "up2.conv.norm1", "outc"} <= paths
    assert report.together is not None and report.together.verification is not None
    assert report.together.verification.ran and report.together.verification.remaining == 0


def test_a_dead_module_is_named_and_a_lent_weight_is_not(write: Callable[[str, str], Path]) -> None:
    file = write(
        """
        import torch
        from torch import nn
        from torch.nn import functional as F

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.used = nn.Conv2d(3, 8, 1)
                self.lent = nn.Conv2d(8, 8, 1)
                self.dead = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))
                self.nothing, self.empty = nn.Identity(), nn.ModuleList()

            def forward(self, x):
                return F.conv2d(self.used(x), self.lent.weight)
        """,
        "dead.py",
    )
    report = inspect(str(file), device="meta")
    (diagnostic,) = report.diagnostics
    assert (diagnostic.code, diagnostic.path) == ("ST202", "dead")
    assert not report.has_errors
    assert f"{8 * 8 * 9 + 8 + 16} parameters" in diagnostic.title


def test_a_replacement_that_costs_more_is_named() -> None:
    report = inspect("unet", ["--replace conv=dwconv"], device="meta")
    (diagnostic,) = report.diagnostics
    assert (diagnostic.code, diagnostic.path) == ("ST204", "outc")
    (fix,) = diagnostic.fixes
    assert [print_edit(edit) for edit in fix.edits] == ["--except outc"]


@pytest.mark.parametrize("name", ["unet", "unet-transposed", "resnet18", "resnet50", "vit", "csp"])
def test_a_sound_network_has_no_diagnostics(name: str) -> None:
    assert inspect(name, device="meta").diagnostics == ()


def test_two_like_faults_in_one_forward_each_keep_their_fixes(
    write: Callable[[str, str], Path],
) -> None:
    file = write(
        """
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b = nn.Conv2d(3, 8, 1), nn.Conv2d(3, 12, 1)
                self.c, self.d = nn.Conv2d(3, 16, 1), nn.Conv2d(3, 20, 1)

            def forward(self, x):
                return self.a(x) + self.b(x), self.c(x) + self.d(x)
        """,
        "sums.py",
    )
    report = inspect(str(file), input="1x3x8x8", device="meta")
    assert [len(each.fixes) > 0 for each in errors(report)] == [True, True]
    assert report.together is not None and report.together.verification is not None
    assert report.together.verification.ran


def test_a_layer_called_again_and_again_has_one_fault(write: Callable[[str, str], Path]) -> None:
    file = write(
        """
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.first, self.again = nn.Conv2d(3, 8, 1), nn.Conv2d(6, 3, 1)

            def forward(self, x):
                for _ in range(4):
                    x = self.again(self.first(x))
                return x
        """,
        "again.py",
    )
    (diagnostic,) = errors(inspect(str(file), input="1x3x8x8", device="meta"))
    assert diagnostic.path == "again" and diagnostic.fixes


def test_a_fault_of_a_norm_over_several_axes_has_a_fix(write: Callable[[str, str], Path]) -> None:
    file = write(
        """
        from torch import nn
        net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.LayerNorm([4, 8, 8]))
        """,
        "norm.py",
    )
    report = inspect(f"{file}:net", input="1x3x16x16", device="meta")
    (diagnostic,) = errors(report)
    assert [print_edit(e) for e in diagnostic.fixes[0].edits] == [
        "--set 1.normalized_shape=4x16x16"
    ]
