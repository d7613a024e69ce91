"""Seconds of calls, on networks whose calls take a known time at least."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from stitchcli import inspect
from stitchcli.errors import DeviceError
from stitchcli.records import TensorSpec
from stitchcli.tracing.timing import time_calls


class Slow(nn.Module):
    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.bn = nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        time.sleep(self.seconds)
        return self.bn(x)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = Slow(0.002), Slow(0.008)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.b(self.a(x)), self.a(x)])


def test_each_call_has_its_own_time() -> None:
    network = Net().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    wanted = {("a", "", 0), ("a", "", 1), ("b", "", 0), ("", "cat", 0)}
    whole, calls = time_calls(network, [TensorSpec((2, 4))], wanted, device="cpu", mode="train")
    assert calls.keys() == wanted
    assert calls["a", "", 0].median >= 0.002 and calls["b", "", 0].median >= 0.008
    assert calls["", "cat", 0].median < calls["b", "", 0].median and whole.median >= 0.012
    for timing in (whole, *calls.values()):
        assert 0 < timing.low <= timing.median <= timing.high
    assert network.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])


class Decays(nn.Module):
    """Writes to a parameter and to a cache, and tells nobody."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.cache = nn.Linear(4, 4), [torch.zeros(2, 4)]

    def forward(self, x: Tensor) -> Tensor:
        self.linear.weight.data.mul_(0.5)
        self.cache[0].add_(x)
        return self.linear(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "asked", [{}, {"columns": ["seconds"]}, {"cross_check": True}, {"mode": "train"}], ids=str
)
def test_what_a_forward_writes_to_is_as_it_was(asked: dict[str, Any]) -> None:
    network = Decays()
    before = network.linear.weight.detach().clone()
    inspect(network, input="2x4", **asked)
    assert torch.equal(network.linear.weight, before)
    assert torch.equal(network.cache[0], torch.zeros(2, 4))


class Views(nn.Module):
    """Reshapes without a copy, then with one, which takes long."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(-1, 2).T.reshape(-1)


def test_seconds_are_those_of_the_row() -> None:
    report = inspect(Views(), input="4000x1000", columns=["moved", "seconds"])
    (row,) = (row for row in report.stages if row.op == "reshape")
    timing = row.times[1]
    assert row.moved.result == 2 * 4 * 4_000_000 and timing is not None
    assert timing.median > 0.0005  # 32 MB in less would be 64 GB/s


def test_a_report_has_seconds_of_both_sides() -> None:
    report = inspect("csp", ["--replace act=SiLU"], input="1x3x64x64", columns=["seconds"])
    assert all(timing is not None for timing in report.times)
    rows = [row for row in report.stages if row.kind]
    assert rows and all(timing is not None for row in rows for timing in row.times)


def test_nothing_is_timed_on_meta() -> None:
    with pytest.raises(DeviceError, match="no time"):
        inspect("csp", device="meta", columns=["seconds"])


def test_a_faulty_network_is_not_timed() -> None:
    report = inspect(nn.Sequential(nn.Linear(4, 8), nn.Linear(9, 2)), input="1x4",
                     columns=["seconds"], cross_check=True)  # fmt: skip
    assert report.times == (None, None) and not report.peers
    assert any("seconds are not measured" in note for note in report.notes)
    assert any("no cross-check" in note for note in report.notes)
