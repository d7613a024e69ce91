"""Networks of any size, to see how time grows with it; each is a target of stitch."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def wide(n: int = 100) -> nn.Module:
    """So many modules, in thousands of groups."""
    groups = (nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU()) for _ in range(max(n // 3, 1)))
    return nn.Sequential(*groups)


def flat(n: int = 1000) -> nn.Module:
    """So many convolutions in a row."""
    return nn.Sequential(*(nn.Conv2d(4, 4, 3, padding=1) for _ in range(n)))


class _Nested(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(self.conv(x))  # type: ignore[no-any-return]


def deep(n: int = 10) -> nn.Module:
    """Modules in modules, so many levels."""
    network: nn.Module = nn.Identity()
    for _ in range(n):
        network = _Nested(network)
    return network


class _Calls(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.n, self.conv = n, nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        for _ in range(self.n // 2):
            x = torch.relu(x) + x
        return x


def calls(n: int = 10) -> nn.Module:
    """One module that calls so many functions."""
    return _Calls(n)
