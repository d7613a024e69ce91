"""The accidents of stitching: blocks that do not fit, gates without width, modules out of sight."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from stitchcli import inspect
from stitchcli.records import Diagnostic, Report


class SE(nn.Module):
    """As it is often written: the hidden width can become 0."""

    def __init__(self, channel: int, reduction: int = 16) -> None:
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(channel, channel // reduction), nn.ReLU(),
            nn.Linear(channel // reduction, channel), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x * self.fc(x.mean((2, 3)))[:, :, None, None]  # type: ignore[no-any-return]


class ECA(nn.Module):
    """As it is often written: it takes a kernel size, and no channel count."""

    def __init__(self, kernel_size: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate: Tensor = self.conv(x.mean((2, 3)).unsqueeze(1)).sigmoid()
        return x * gate.transpose(1, 2).unsqueeze(-1)


class BuiltInForward(nn.Module):
    """A convolution that is new at every call."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return nn.Conv2d(8, 4, 1)(nn.ReLU()(x))  # type: ignore[no-any-return]


class PlainList(nn.Module):
    """Convolutions that no one registered."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.more = [nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1)]

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        for each in self.more:
            x = each(x)
        return x


def found(report: Report, code: str) -> list[Diagnostic]:
    return [each for each in report.diagnostics if each.code == code]


def test_squeeze_and_excitation_of_three_channels() -> None:
    net = nn.Sequential(SE(3), nn.Conv2d(3, 8, 3))
    (fault,) = found(inspect(net, input="1x3x16x16"), "ST201")
    assert "0.fc.0 (Linear 3 → 0)" in fault.title and fault.fixes
    assert not found(inspect("vit", ["--before stem=se"], device="meta"), "ST201")


def test_a_channel_count_passed_as_a_kernel_size() -> None:
    net = nn.Sequential(nn.Conv2d(3, 63, 3), ECA(63))
    report = inspect(net, input="1x3x16x16")
    (fault,) = found(report, "ST208")
    assert fault.path == "1.conv" and "63" in fault.title
    assert fault.fixes[0].verification and fault.fixes[0].verification.solved
    for fine in (nn.Sequential(nn.Conv2d(3, 63, 3), ECA(5)), nn.Conv2d(3, 8, 16, stride=16)):
        assert not found(inspect(fine, input="1x3x16x16"), "ST208")


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_modules_out_of_sight(device: str) -> None:
    report = inspect(BuiltInForward(), input="1x3x8x8", device=device)
    (fault,) = found(report, "ST203")
    assert "built in the forward" in fault.title and "36 parameters" in fault.title
    assert report.has_errors and fault.primary is not None
    report = inspect(PlainList(), input="1x3x8x8", device=device)
    (fault,) = found(report, "ST203")
    assert "no child of it" in fault.title and "144 parameters" in fault.title
    fine = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
    assert not found(inspect(fine, input="1x3x8x8", device=device), "ST203")


def test_the_trace_leaves_building_as_it_was() -> None:
    before: Callable[..., Any] = nn.Module.__init__
    inspect(BuiltInForward(), input="1x3x8x8")
    assert nn.Module.__init__ is before


def test_what_is_built_and_never_called() -> None:
    report = inspect("unet-valid", device="meta")
    (fault,) = found(report, "ST202")
    assert fault.path == "up_conv4" and "110,976" in fault.title


@pytest.mark.parametrize(
    ("name", "edit", "severity", "mended"),
    [
        ("unet", "--replace cat=aff", "error", "--replace cat=aff+pointwise"),
        ("unet", "--after down2=hwd", "note", "--after down2=hwd+resize:size=(h,w)"),
        ("csp", "--after stage4=stridedconv", "warning", None),
        (
            "unet",
            "--wrap 'down3=parallel(self, series(se, eca))'",
            "error",
            "--wrap down3=parallel(self, series(se, eca, pointwise(stride=2)), merge=add)",
        ),
        ("resnet18", "--after layer2=pointwise:out_channels=64", "error", None),
        ("resnet18", "--replace layer3.1=residual(pointwise(cin, 7))", "error", None),
    ],
)
def test_a_block_that_does_not_fit(name: str, edit: str, severity: str, mended: str | None) -> None:
    from stitchcli.words.edits import print_edit

    report = inspect(name, [edit], device="meta")
    (fault,) = found(report, "ST108")
    assert fault.severity == severity
    fix = fault.fixes[0]
    assert fix.verification and fix.verification.solved and fix.instead
    if mended:
        assert [print_edit(each) for each in fix.edits] == [mended]
    if severity == "error":
        assert len([d for d in report.diagnostics if d.severity == "error"]) == 1
        assert "follow" in " ".join(fault.notes)
    again = inspect(name, list(fix.edits), device="meta")
    assert not found(again, "ST108") and not again.has_errors
    assert again.result.outputs == again.base.outputs


def test_inputs_of_several_widths() -> None:
    class Skip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.deep, self.skip = nn.Conv2d(3, 32, 1), nn.Conv2d(3, 8, 1)
            self.out = nn.Conv2d(40, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            skip = self.skip(x)
            return self.out(torch.cat([self.deep(x), skip], 1))  # type: ignore[no-any-return]

    report = inspect(Skip(), ["--replace cat=eff"], input="1x3x16x16")
    (fault,) = found(report, "ST108")
    assert "equal maps" in fault.title
    again = inspect(Skip(), list(fault.fixes[0].edits), input="1x3x16x16")
    assert not again.has_errors
