"""Deep and wide networks: they run, and time grows with their size alone."""

from __future__ import annotations

import sys
import time

import pytest
import torch
from torch import Tensor, nn

from stitchcli import inspect, stitch
from stitchcli.errors import StitchError


class Nested(nn.Module):
    """Modules within modules, built without recursion of its own."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 1)
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(self.conv(x))  # type: ignore[no-any-return]


def nested(depth: int) -> nn.Module:
    network: nn.Module = nn.Identity()
    for _ in range(depth):
        network = Nested(network)
    return network


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_five_hundred_levels(device: str) -> None:
    limit = sys.getrecursionlimit()
    report = inspect(nested(500), input="1x2x4x4", device=device)
    assert report.result.macs == 500 * 4 * 16 and not report.has_errors
    assert report.result.params == 500 * 6 and sys.getrecursionlimit() == limit


def test_five_hundred_levels_can_be_edited() -> None:
    path = ".".join(["inner"] * 499) + ".conv"
    edited = stitch(nested(500), [f"--replace {path}=pointwise"], input="1x2x4x4")
    assert sum(p.numel() for p in edited.parameters()) > 0


def test_what_is_too_deep_is_said_so() -> None:
    class Forever(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return self(x)  # type: ignore[no-any-return]

    with pytest.raises(StitchError, match="RecursionError"):
        inspect(Forever(), input="1x2x4x4")


def wide(count: int) -> nn.Module:
    return nn.Sequential(*(nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2))
                           for _ in range(count)))  # fmt: skip


def test_eight_times_the_modules_take_about_eight_times_as_long() -> None:
    def seconds(count: int) -> float:
        with torch.device("meta"):
            network = wide(count)
        begin = time.perf_counter()
        inspect(network, input="1x2x4x4", device="meta")
        return time.perf_counter() - begin

    seconds(50)
    small, large = min(seconds(100) for _ in range(3)), seconds(800)
    assert large < 8 * 2.5 * small  # a square would be 64 times
