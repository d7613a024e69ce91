"""Enhanced feature fusion: a gated skip beside x, then attention to channels and to pixels.

Paper: Li et al., SUnet, 2023, doi:10.1016/j.compbiomed.2023.107596
Family: fusion
Shape: (B, C, H, W), (B, C, H, W) -> (B, 2*C, H, W)
Parameters: 2*(C*C//g + 3*C) + C + 3 + max(3, int(abs((log2(2*C) + 1) / 2)) // 2 * 2 + 1) + 98
"""

from math import log2

import torch
from einops import rearrange, reduce
from torch import Tensor, nn

__all__ = ["EFF"]


class EFF(nn.Module):
    """Gate, concatenate, attend: `(B, C, H, W), (B, C, H, W) -> (B, 2*C, H, W)`.

    doi:10.1016/j.compbiomed.2023.107596. As wide as what `torch.cat` gives, so that the layer
    behind it stays as it is. `groups`, 32 in the paper, is reduced to the largest divisor of
    `channels` that is not above it.
    """

    def __init__(self, channels: int, groups: int = 32) -> None:
        super().__init__()
        if groups < 1:
            raise ValueError(f"groups must be at least 1, got {groups}")
        self.groups = max(d for d in range(1, groups + 1) if channels % d == 0)
        self.of_x = grouped(channels, self.groups)
        self.of_skip = grouped(channels, self.groups)
        self.act = nn.ReLU()
        self.gate = nn.Sequential(nn.Conv2d(channels, 1, 1), nn.BatchNorm2d(1), nn.Sigmoid())
        nearest = int(abs((log2(2 * channels) + 1) / 2))
        kernel = max(3, nearest // 2 * 2 + 1)
        self.channel = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)
        self.spatial = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """`(B, C, H, W), (B, C, H, W) -> (B, 2*C, H, W)`; the skip's channels come first."""
        gate = self.gate(self.act(self.of_x(x) + self.of_skip(skip)))
        both = torch.cat([skip * gate + skip, x], dim=1)
        means = reduce(both, "b c h w -> b 1 c", "mean")
        both = both * rearrange(torch.sigmoid(self.channel(means)), "b 1 c -> b c 1 1")
        mean = reduce(both, "b c h w -> b 1 h w", "mean")
        maximum = reduce(both, "b c h w -> b 1 h w", "max")
        out: Tensor = both * torch.sigmoid(self.spatial(torch.cat([mean, maximum], dim=1)))
        return out


def grouped(channels: int, groups: int) -> nn.Sequential:
    """Grouped 1 x 1 convolution, batch norm and ReLU: `(B, C, H, W) -> (B, C, H, W)`."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 1, groups=groups), nn.BatchNorm2d(channels), nn.ReLU()
    )
