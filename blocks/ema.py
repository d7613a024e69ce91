"""Efficient multi-scale attention: two branches per channel group, each weighted by the other.

Paper: Ouyang et al., EMA, 2023, arXiv:2305.13563
Family: attention
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: 10*(C//g)**2 + 4*(C//g)
"""

import torch
from einops import einsum, rearrange, reduce
from torch import Tensor, nn

__all__ = ["EMA"]


class EMA(nn.Module):
    """Attention across space, group by group: `(B, C, H, W) -> (B, C, H, W)`; arXiv:2305.13563.

    `groups` (the public code's factor) is reduced to the largest divisor of the width that is not
    above it; the attribute `groups` holds the number in force. All groups share the weights.
    """

    def __init__(self, channels: int, groups: int = 32) -> None:
        super().__init__()
        if groups < 1:
            raise ValueError(f"groups must be at least 1, got {groups}")
        self.groups = max(d for d in range(1, groups + 1) if channels % d == 0)
        width = channels // self.groups
        self.axes = nn.Conv1d(width, width, 1)
        self.norm = nn.GroupNorm(width, width)
        self.local = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        group = rearrange(x, "b (g c) h w -> (b g) c h w", g=self.groups)
        wide = self.norm(self.gated(group))
        near = self.local(group)
        weights = cross(wide, near) + cross(near, wide)
        out: Tensor = group * rearrange(weights.sigmoid(), "n h w -> n 1 h w")
        return rearrange(out, "(b g) c h w -> b (g c) h w", g=self.groups)

    def gated(self, group: Tensor) -> Tensor:
        """Gated by the means along each axis: `(N, c, H, W) -> (N, c, H, W)`."""
        height, width = group.shape[2:]
        means = [
            reduce(group, "n c h w -> n c h", "mean"),
            reduce(group, "n c h w -> n c w", "mean"),
        ]
        row, column = torch.split(self.axes(torch.cat(means, dim=2)), [height, width], dim=2)
        return group * row.sigmoid()[:, :, :, None] * column.sigmoid()[:, :, None, :]


def cross(weighing: Tensor, weighed: Tensor) -> Tensor:
    """One map's channels, weighted by the means of the other's: `(N, c, H, W) -> (N, H, W)`."""
    weights = reduce(weighing, "n c h w -> n c", "mean").softmax(dim=1)
    return einsum(weights, weighed, "n c, n c h w -> n h w")
