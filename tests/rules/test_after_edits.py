"""What edits do to a sound network without breaking it: another output, weights that are tied."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stitchcli import inspect
from stitchcli.records import Diagnostic, Report
from stitchcli.words.edits import print_edit

BLOCKS = """
from torch import nn

class OwnGate(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels))
        self.twice = self.conv
    def forward(self, x):
        return x * self.twice(self.conv(x)).sigmoid()

class KeptGate(nn.Module):
    kept = {}
    def __init__(self, channels):
        super().__init__()
        made = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels))
        self.conv = self.kept.setdefault(channels, made)
    def forward(self, x):
        return x * self.conv(x).sigmoid()

class KeptAct(nn.Module):
    act = nn.SiLU()
    def __init__(self, channels):
        super().__init__()
        self.conv, self.act = nn.Conv2d(channels, channels, 1), KeptAct.act
    def forward(self, x):
        return self.act(self.conv(x))

class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.again = self.b
    def forward(self, x):
        return self.again(self.b(self.a(x)))
"""


def found(report: Report, code: str) -> list[Diagnostic]:
    return [each for each in report.diagnostics if each.code == code]


@pytest.mark.parametrize(
    ("name", "edits", "shapes", "fixes"),
    [
        ("unet", ["--set outc.out_channels=3"], ("1×3×64×64", "1×2×64×64"), 1),
        ("unet", ["--set outc.padding=1"], ("1×2×66×66", "1×2×64×64"), 1),
        (
            "unet",
            ["--set outc.out_channels=4", "--set outc.stride=2"],
            ("1×4×32×32", "1×2×64×64"),
            1,
        ),
        ("resnet18", ["--remove head.fc"], ("1×512", "1×1000"), 1),
    ],
)
def test_another_output_is_said_and_mended(
    name: str, edits: list[str], shapes: tuple[str, str], fixes: int
) -> None:
    report = inspect(name, edits, input="1x3x64x64", device="meta")
    (diagnostic,) = report.diagnostics
    now, before = shapes
    assert diagnostic.code == "ST301" and diagnostic.severity == "warning"
    assert diagnostic.title == f"the output is {now}, and was {before} before the edits"
    assert not report.has_errors and len(diagnostic.fixes) == fixes
    for fix in diagnostic.fixes:
        flags = [*edits, *map(print_edit, fix.edits)]
        mended = inspect(name, flags, input="1x3x64x64", device="cpu")
        assert mended.result.outputs == report.base.outputs
        assert all(each.severity == "note" for each in mended.diagnostics)


@pytest.mark.parametrize(
    "edits",
    [
        [],
        ["--replace conv=dwconv", "--except outc"],
        ["--after 'down*=se'"],
        ["--set outc.bias=False"],
    ],
)
def test_the_same_output_is_no_finding(edits: list[str]) -> None:
    assert not inspect("unet", edits, input="1x3x64x64", device="meta").diagnostics


def test_a_misfit_says_it_alone() -> None:
    report = inspect(
        "unet", ["--replace outc=Conv2d:out_channels=7,kernel_size=1"], input="1x3x64x64",
        device="meta",
    )  # fmt: skip
    assert [each.code for each in report.diagnostics] == ["ST108", "ST204"]


def test_a_head_on_purpose_is_easily_left_out() -> None:
    edits = ["--set outc.out_channels=3"]
    report = inspect("unet", edits, input="1x3x64x64", device="meta", ignore=["ST301"])
    assert not report.diagnostics and [each.code for each in report.ignored] == ["ST301"]


def test_another_output_keeps_no_fault_from_being_mended() -> None:
    """Before the mend the network is broken, so that nothing is said of its output."""
    edits = ["--set outc.out_channels=3", "--set up2.conv.norm1.num_features=7"]
    report = inspect("unet", edits, input="1x3x64x64", device="meta")
    (fault,) = [each for each in report.diagnostics if each.severity == "error"]
    assert fault.fixes and not found(report, "ST301")


def test_a_block_that_keeps_its_layer_ties_the_places(write: Callable[[str, str], Path]) -> None:
    file = write(BLOCKS, "blocks.py")
    edits = [f"--after b={file}:KeptGate", f"--after a={file}:KeptGate"]
    report = inspect(f"{file}:Tied", edits, input="1x3x8x8", device="meta")
    (diagnostic,) = found(report, "ST207")
    assert diagnostic.severity == "warning" and len(diagnostic.consumers) == 2
    # 3*3 + 3 of the convolution and 3 + 3 of the norm; the whole of what is shared is one finding
    count = 3 * 3 + 3 + 3 + 3
    assert diagnostic.title == (
        f"2 places share one Sequential of {count} parameters since the edits"
    )
    assert all(path.endswith(".conv") for path in diagnostic.consumers)


@pytest.mark.parametrize(
    "edit", ["--after a={0}:OwnGate", "--after 'conv={0}:KeptAct'", "--replace b=dwconv",
             "--after b=se:reduction=1", "--wrap 'b=residual(self)'", "--set b.bias=False"],
)  # fmt: skip
def test_own_weights_and_what_was_tied_before_are_no_finding(
    write: Callable[[str, str], Path], edit: str
) -> None:
    file = write(BLOCKS, "blocks.py")
    report = inspect(f"{file}:Tied", [edit.format(file)], input="1x3x8x8", device="meta")
    assert not found(report, "ST207") and not report.has_errors


def test_what_has_no_formula_is_a_note(write: Callable[[str, str], Path]) -> None:
    file = write(
        """
        import torch
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(8, 4)

            def forward(self, x):
                x = self.fc(x)
                gram = x.transpose(1, 2) @ x
                return torch.linalg.inv(gram) + torch.linalg.inv(gram.transpose(1, 2))
        """,
        "inverse.py",
    )
    report = inspect(str(file), input="1x9x8", device="meta")
    (diagnostic,) = report.diagnostics
    assert (diagnostic.code, diagnostic.severity) == ("ST302", "note") and not report.has_errors
    ((op, calls),) = report.result.uncounted
    assert calls == 2 and f"{op} (2×)" in diagnostic.title


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_networks_of_others_have_no_such_findings(device: str) -> None:
    """Nothing is tied, uncounted, without a gradient or not finite in them."""
    torchvision = pytest.importorskip("torchvision")
    nets = pytest.importorskip("monai.networks.nets")
    unet = nets.UNet(spatial_dims=2, in_channels=1, out_channels=2, channels=(4, 8, 16),
                     strides=(2, 2), num_res_units=2)  # fmt: skip
    for network, shape in ((torchvision.models.resnet18(), "1x3x64x64"), (unet, "1x1x32x32")):
        for edits in ([], ["--after 'conv[k=3]@1=se'"]):
            assert not inspect(
                network, edits, input=shape, device=device, backward=True
            ).diagnostics
