"""Shuffle attention: half of each channel group is gated by its means, half by its normed values.

Paper: Zhang, Yang, SA-Net, 2021, arXiv:2102.00240
Family: attention
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: 3*C//g
"""

import torch
from einops import rearrange, reduce
from torch import Tensor, nn

__all__ = ["ShuffleAttention"]


class ShuffleAttention(nn.Module):
    """Grouped attention, then a channel shuffle: `(B, C, H, W) -> (B, C, H, W)`; arXiv:2102.00240.

    An odd width is a ValueError. `groups` is reduced to the largest number not above it that leaves
    two equal halves in each group; the attribute `groups` holds it. All groups share the weights.
    The public code starts the second gate's weight at 0, where its norm learns nothing; here it is
    0.1.
    """

    def __init__(self, channels: int, groups: int = 8) -> None:
        super().__init__()
        if channels % 2:
            raise ValueError(f"channels must be even, got {channels}")
        if groups < 1:
            raise ValueError(f"groups must be at least 1, got {groups}")
        self.groups = max(d for d in range(1, groups + 1) if channels // 2 % d == 0)
        half = channels // 2 // self.groups
        self.mean_weight = nn.Parameter(torch.zeros(half, 1, 1))
        self.mean_bias = nn.Parameter(torch.ones(half, 1, 1))
        self.norm = nn.GroupNorm(half, half)
        self.norm_weight = nn.Parameter(torch.full((half, 1, 1), 0.1))
        self.norm_bias = nn.Parameter(torch.ones(half, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        halves = rearrange(x, "b (g two c) h w -> two (b g) c h w", two=2, g=self.groups)
        means = reduce(halves[0], "n c h w -> n c 1 1", "mean")
        first = halves[0] * (self.mean_weight * means + self.mean_bias).sigmoid()
        second = halves[1] * (self.norm_weight * self.norm(halves[1]) + self.norm_bias).sigmoid()
        gated = rearrange([first, second], "two (b g) c h w -> b (g two c) h w", g=self.groups)
        # Channel i of the first half of the width goes next to channel i of the second.
        out: Tensor = rearrange(gated, "b (two c) h w -> b (c two) h w", two=2)
        return out
