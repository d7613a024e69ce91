"""What others count, and that the reasons add up."""

from __future__ import annotations

import pytest
import torch
import torchinfo
from bench.large import deep
from fvcore.nn import FlopCountAnalysis
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import prune

from stitchcli import inspect
from stitchcli.records import PeerCount, Report

NETWORKS = ["unet", "unet-transposed", "unet-valid", "resnet18", "vit", "csp"]


def add_up(report: Report) -> None:
    ours = report.result
    for peer in report.peers:
        assert not peer.error
        assert peer.params == ours.params + sum(each.amount for each in peer.params_because)
        assert peer.macs == ours.macs + sum(each.amount for each in peer.macs_because)


def why(peer: PeerCount) -> set[str]:
    return {reason.why for reason in (*peer.params_because, *peer.macs_because)}


@pytest.mark.parametrize("name", NETWORKS)
def test_reasons_add_up_on_built_in_networks(name: str) -> None:
    report = inspect(name, cross_check=True)
    add_up(report)
    assert [peer.tool for peer in report.peers] == ["torchinfo", "fvcore"]
    assert not any("otherwise" in reason for peer in report.peers for reason in why(peer))


def test_the_counts_are_theirs() -> None:
    network, x = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.ReLU()), (1, 3, 9, 9)
    theirs, other = inspect(network, input=x, cross_check=True).peers
    assert theirs.macs == torchinfo.summary(network, input_size=x, verbose=0).total_mult_adds
    assert other.macs == FlopCountAnalysis(network, torch.randn(x)).total()


def test_many_levels_are_not_counted_for_ever() -> None:
    report = inspect(deep(60), input="1x4x4x4", cross_check=True)
    torchinfo_count, fvcore_count = report.peers
    assert "60 levels" in torchinfo_count.error and not fvcore_count.error


def test_pruned_weights_are_named() -> None:
    network = nn.Sequential(nn.Linear(8, 8))
    prune.l1_unstructured(network[0], "weight", 0.5)
    report = inspect(network, input="2x8", cross_check=True)
    add_up(report)
    reasons = {reason.why: reason.amount for reason in report.peers[0].macs_because}
    assert reasons == {"biases counted": 2 * 8, "pruned weights not counted": -2 * 32}


def test_a_convolution_that_it_does_not_know_is_named() -> None:
    report = inspect(nn.Conv2d(3, 4, 3, padding="same"), input="2x3x8x8", cross_check=True)
    add_up(report)
    assert any("not counted: " in reason and "conv" in reason for reason in why(report.peers[1]))


class Mixed(nn.Module):
    """Has what the others are known to miss or to count twice."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(100, 32)
        self.rnn = nn.LSTM(32, 16, 2, batch_first=True, bidirectional=True)
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)
        self.norm = nn.LayerNorm(32)
        self.scale = nn.Parameter(torch.ones(32))
        self.up = nn.ConvTranspose1d(32, 32, 3, stride=2)
        self.head = nn.Linear(32, 100, bias=False)
        self.head.weight = self.table.weight

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.norm(self.rnn(self.table(tokens))[0]) * self.scale
        x = x + self.attention(x, x, x)[0]
        x = self.up((x @ x.mT @ x).mT).mT
        return self.head(x)


def test_every_difference_has_a_name() -> None:
    report = inspect(Mixed(), input="2x20:int64", cross_check=True)
    add_up(report)
    info, core = (why(peer) for peer in report.peers)
    assert info == {
        "tied weights counted more than once",
        "parameters not counted",
        "MultiheadAttention not counted",
        "matmul not counted",
        "positions ignored: linear layers counted once per sample",
        "transposed convolutions counted at their outputs",
        "embedding tables counted as if they were multiplied",
        "biases counted",
        "norms counted",
    }
    assert "norms counted" in core and any("lstm" in each for each in core)


@given(
    kinds=st.lists(
        st.sampled_from(["linear", "conv", "up", "norm", "gn", "pool", "act", "resize"]),
        min_size=1, max_size=6,
    ),
    batch=st.integers(1, 3),
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_reasons_add_up(kinds: list[str], batch: int) -> None:
    makers = {
        "linear": lambda: nn.Linear(16, 16), "conv": lambda: nn.Conv2d(4, 4, 3, padding=1),
        "up": lambda: nn.ConvTranspose2d(4, 4, 1), "norm": lambda: nn.BatchNorm2d(4),
        "gn": lambda: nn.GroupNorm(2, 4), "pool": lambda: nn.AdaptiveAvgPool2d(16),
        "act": nn.ReLU, "resize": lambda: nn.Upsample(size=16, mode="bilinear"),
    }  # fmt: skip
    network = nn.Sequential(*(makers[kind]() for kind in kinds))
    add_up(inspect(network, input=(batch, 4, 16, 16), cross_check=True))


def test_a_tool_that_fails_says_so() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> object:
            if torch.jit.is_tracing():  # type: ignore[no-untyped-call]
                raise ValueError("not traced")
            return self.layer(x)

    network = Odd().train()
    info, core = inspect(network, input=(1, 4), cross_check=True).peers
    assert not info.error and core.error == "ValueError: not traced" and core.macs is None
    assert network.training and not network._forward_hooks and not network.layer._forward_hooks


def test_edited_networks_are_checked_as_edited() -> None:
    for device in ("cpu", "meta"):
        report = inspect("csp", ["--replace act=SiLU", "--replace family:conv=dwconv"],
                         device=device, cross_check=True)  # fmt: skip
        assert report.peers[0].params == report.result.params
