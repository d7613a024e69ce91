"""Deep and wide networks: they run, and time grows with their size alone."""

from __future__ import annotations

import sys

import pytest
import torch
from bench.large import deep, wide
from torch import Tensor, nn

from stitchcli import inspect, stitch
from stitchcli.errors import StitchError


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_five_hundred_levels(device: str) -> None:
    limit = sys.getrecursionlimit()
    report = inspect(deep(500), input="1x4x4x4", device=device)
    assert report.result.macs == 500 * 16 * 16 and not report.has_errors
    assert report.result.params == 500 * 20 and sys.getrecursionlimit() == limit


def test_five_hundred_levels_can_be_edited() -> None:
    path = ".".join(["inner"] * 499) + ".conv"
    edited = stitch(deep(500), [f"--replace {path}=Identity"], input="1x4x4x4")
    assert isinstance(edited.get_submodule(path), nn.Identity)
    assert sum(p.numel() for p in edited.parameters()) == 499 * 20


def test_what_is_too_deep_is_said_so() -> None:
    class Forever(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return self(x)  # type: ignore[no-any-return]

    with pytest.raises(StitchError, match="RecursionError"):
        inspect(Forever(), input="1x4x4x4")


def test_eight_times_the_modules_take_eight_times_the_work() -> None:
    def calls(count: int) -> int:
        with torch.device("meta"):
            network = wide(count)
        found = 0

        def note(frame: object, event: str, argument: object) -> None:
            nonlocal found
            found += event == "call"

        before = sys.getprofile()
        sys.setprofile(note)
        try:
            inspect(network, input="1x4x4x4", device="meta")
        finally:
            sys.setprofile(before)
        return found

    calls(60)
    assert calls(2400) < 8.5 * calls(300)  # a square would be 64 times
