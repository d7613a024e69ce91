"""``inspect`` and ``stitch`` on live networks."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from stitchcli import StitchError, diff, inspect, stitch
from stitchcli.records import COLUMNS, TensorSpec

EDITS = ["--replace conv=dwconv", "--after body=se:reduction=2"]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x).mean((2, 3)))


def test_the_edited_network_trains_and_the_original_is_untouched() -> None:
    original = Net()
    before = copy.deepcopy(original.state_dict())
    network = stitch(original, EDITS, input="1x3x16x16")
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    start = {name: p.clone() for name, p in network.named_parameters()}
    network.train()(torch.randn(4, 3, 16, 16)).square().sum().backward()
    assert all(p.grad is not None for p in network.parameters())
    optimizer.step()
    assert any(not torch.equal(p, start[name]) for name, p in network.named_parameters())
    for name, tensor in original.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert type(original.body) is nn.Sequential and len(original.body) == 3


def test_weights_that_were_not_edited_are_copied() -> None:
    original = Net()
    network = stitch(original, EDITS, input="1x3x16x16")
    assert torch.equal(network.get_parameter("head.weight"), original.head.weight)
    assert network.get_parameter("head.weight") is not original.head.weight


def test_deepcopy_and_a_round_trip_through_a_file(tmp_path: Path) -> None:
    network = stitch("unet", ["--after down1=eca", "--before outc=eca"]).eval()
    torch.save(network, tmp_path / "net.pt")
    x = torch.randn(1, 3, 32, 32)
    expected = network(x)
    for other in (copy.deepcopy(network), torch.load(tmp_path / "net.pt", weights_only=False)):
        assert torch.equal(other(x), expected)


def test_compile_and_export() -> None:
    network = stitch("csp", ["--after stage1=eca", "--replace act=SiLU"]).eval()
    x = torch.randn(1, 3, 64, 64)
    expected = network(x)
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    exported = torch.export.export(network, (x,), strict=False).module()
    for result in (compiled(x), exported(x)):
        for one, other in zip(result, expected, strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    "given",
    ["1x3x16x16", (1, 3, 16, 16), TensorSpec((1, 3, 16, 16)), ["1x3x16x16"], [(1, 3, 16, 16)]],
)
def test_an_input_may_be_given_in_several_ways(given: object) -> None:
    report = inspect(Net(), input=given, device="meta")  # type: ignore[arg-type]
    assert report.result.inputs == (TensorSpec((1, 3, 16, 16)),)


def test_a_live_network_stays_where_and_what_it_is() -> None:
    network = Net().train()
    report = inspect(network, EDITS, input="1x3x16x16", device="meta")
    assert report.result.device == "meta"
    assert all(p.device.type == "cpu" for p in network.parameters()) and network.training
    assert report.base.params == sum(p.numel() for p in network.parameters())


def test_a_mistake_is_a_stitch_error() -> None:
    with pytest.raises(StitchError) as caught:
        inspect(Net(), ["--replace cnov=dwconv"], input="1x3x16x16")
    assert "conv" in caught.value.help


@pytest.mark.parametrize("edits", [[], EDITS])
@pytest.mark.parametrize("network", ["csp", Net()], ids=str)
def test_inspecting_leaves_the_random_numbers_alone(
    network: nn.Module | str, edits: list[str]
) -> None:
    edits = ["--after stage1=se"] if edits and network == "csp" else edits
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    inspect(network, edits, input="1x3x64x64")
    assert torch.equal(torch.rand(1), expected)


def test_a_live_network_on_meta_is_inspected_there() -> None:
    with torch.device("meta"):
        network = Net()
    assert inspect(network, input="1x3x16x16").result.device == "meta"


def test_half_precision_is_guessed() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).bfloat16()
    report = inspect(network)
    assert not report.diagnostics and report.result.inputs[0].dtype == "bfloat16"


def test_a_block_after_a_convolution_over_time_gets_its_channels() -> None:
    class Block(nn.Module):
        def __init__(self, cin: int, cout: int) -> None:
            super().__init__()
            self.conv = nn.Conv1d(cin, cout, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(x).relu()

    network = nn.Sequential(Block(1, 16), Block(16, 8))
    report = inspect(network, ["--after 0=se"], input="1x1x128")
    assert dict(report.applied[0].built[0].arguments)["channels"] == 16 and not report.diagnostics


def test_a_typo_does_not_build_a_network_with_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    from stitchcli import pipeline

    devices = []
    load = pipeline.load
    monkeypatch.setattr(pipeline, "load", lambda t, d, **k: devices.append(d) or load(t, d, **k))
    with pytest.raises(StitchError):
        inspect("unet", ["--replace conv=dwcnov"], device="meta")
    assert devices == ["meta"]


def test_diff_takes_targets_and_live_modules_and_leaves_them_alone() -> None:
    net = stitch("csp", ["--replace act=SiLU"], arguments={"width": 8})
    before = {key: value.clone() for key, value in net.state_dict().items()}
    found = diff(net, net, ["--replace Conv2d@0=dwconv"], input="1x3x64x64")
    delta = found.head.result.params - found.base.result.params
    assert sum(each.delta_params for each in found.changes) == delta != 0
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert not diff(net, net, input="1x3x64x64").differs
    assert diff("unet", "unet", ["--replace up1/cat=eff"]).head.result.device == "meta"


def test_columns_and_modes_that_are_none() -> None:
    network = nn.Linear(4, 4)
    with pytest.raises(StitchError, match="no column 'bogus'"):
        inspect(network, input="2x4", columns=["bogus"])  # type: ignore[list-item]
    with pytest.raises(StitchError, match="no mode 'training'"):
        inspect(network, input="2x4", mode="training")  # type: ignore[arg-type]
    every = inspect(network, input="2x4", columns=["all"]).columns
    assert every == tuple(name for name in COLUMNS if name != "seconds")
