"""The checks of an edited network pass where they should, and fail where they should."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from stitchcli import inspect, stitch
from stitchcli.records import Report

BLOCKS = '''
import torch
from torch import nn

class Dead(nn.Module):
    """A parameter that nothing reads."""
    def __init__(self, channels):
        super().__init__()
        self.used, self.unused = nn.Conv2d(channels, channels, 1), nn.Conv2d(channels, channels, 1)
    def forward(self, x):
        return self.used(x)

class OneSize(nn.Module):
    """Positions for one input size."""
    def __init__(self, channels, height, width):
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(1, channels, height, width))
    def forward(self, x):
        return x + self.positions

class NoTraining(nn.Module):
    """Fails as soon as it is trained."""
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)
    def forward(self, x):
        if self.training:
            raise RuntimeError("not while training")
        return self.conv(x)

class Blows(nn.Module):
    """Divides by zero."""
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)
    def forward(self, x):
        return self.conv(x) / (x * 0)

class Idle(nn.Module):
    """Does what it does for nothing."""
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)
    def forward(self, x):
        return self.conv(x)
'''


class Net(nn.Module):
    """Two branches, one of which does not reach the output."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Conv2d(3, 8, 3, padding=1)
        self.side = nn.Conv2d(3, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x) + 0 * self.side(x).mean()  # type: ignore[no-any-return]


@pytest.fixture
def blocks(tmp_path: Path) -> Path:
    file = tmp_path / "blocks.py"
    file.write_text(BLOCKS)
    return file


def states(report: Report) -> dict[str, str]:
    return {check.name: check.status for check in report.checks}


def check(blocks: Path, name: str, at: str = "main", verify: bool = True) -> Report:
    torch.manual_seed(0)
    edit = f"--after {at}={blocks}:{name}"
    return inspect(Net(), [edit], input="1x3x16x16", verify=verify)


def test_all_is_well(blocks: Path) -> None:
    report = check(blocks, "Idle")
    assert set(states(report).values()) == {"pass"}
    assert len(report.checks) == 6 and not report.has_errors


def test_without_edits_there_is_nothing_to_check() -> None:
    assert inspect(Net(), input="1x3x16x16").checks == ()


@pytest.mark.parametrize(
    ("name", "check_name", "status", "faulty"),
    [
        ("Dead", "gradients", "warn", False),
        ("OneSize", "runs at 48x80", "warn", False),
        ("NoTraining", "trains at batch 2", "fail", True),
        ("Blows", "finite numbers", "fail", True),
    ],
)
def test_what_is_wrong_is_found(
    blocks: Path, name: str, check_name: str, status: str, faulty: bool
) -> None:
    report = check(blocks, name)
    assert states(report)[check_name] == status
    assert report.has_errors is faulty


def test_a_block_without_effect(blocks: Path) -> None:
    report = check(blocks, "Idle", at="side")
    assert states(report)["every new block changes the output"] == "warn"


def test_the_identity_at_the_start() -> None:
    report = inspect("unet", ["--after down2=nonlocal2d"], input="1x3x32x32", verify=True)
    assert states(report)["identity at the start"] == "pass"


def test_what_failed_before_is_no_fault_of_the_edits() -> None:
    class Fixed(Net):
        def forward(self, x: Tensor) -> Tensor:
            assert x.shape[-1] == 16 and not self.training
            return super().forward(x)

    report = inspect(Fixed(), ["--after main=se"], input="1x3x16x16")
    assert states(report)["trains at batch 2"] == "skip"
    assert "fail" not in states(report).values() and not report.has_errors


def test_nothing_is_left_behind() -> None:
    net = Net().eval()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    state = torch.get_rng_state()
    inspect(net, ["--after main=se"], input="1x3x16x16", verify=True)
    assert not net.training and torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())


@pytest.mark.parametrize(
    ("name", "edits"),
    [
        ("resnet18", ["--replace 'conv[k=3]=dwconv'", "--after layer2=cbam"]),
        ("resnet18", ["--replace add=aff", "--wrap 'layer3=series(self, residual(se))'"]),
        ("csp", ["--wrap 'Bottleneck=parallel(self, akconv)'", "--after cat=eca"]),
        ("vit", ["--after 'blocks.*=se'"]),
    ],
)
def test_the_result_exports(name: str, edits: list[str]) -> None:
    small = {"vit": {"embed_dim": 24, "depth": 2, "num_heads": 2, "img_size": 32}}
    x = torch.randn(2, 3, 32, 32)
    network = stitch(name, edits, arguments=small.get(name, {}), input="2x3x32x32").eval()
    program = torch.export.export(network, (x,), strict=False)
    torch.testing.assert_close(program.module()(x), network(x))
