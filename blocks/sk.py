"""Selective kernel: every channel mixes convolutions of several dilations, in shares it chooses.

Paper: Li et al., Selective Kernel Networks, 2019, arXiv:1903.06586
Family: attention
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: 18*C*C//g + 4*C + (3*C + 2)*max(32, C//r)
"""

import torch
from einops import einsum, rearrange, reduce
from torch import Tensor, nn

__all__ = ["SK"]


class SK(nn.Module):
    """Attention over kernels: `(B, C, H, W) -> (B, C, H, W)`; arXiv:1903.06586.

    Branch i is a grouped 3 x 3 convolution of dilation i, batch norm and ReLU. `groups` is reduced
    to the largest divisor of the width that is not above it; the hidden width is
    `max(least, channels // reduction)`. A batch norm follows the channels' means, so training
    takes two samples or more.
    """

    def __init__(
        self,
        channels: int,
        branches: int = 2,
        groups: int = 32,
        reduction: int = 16,
        least: int = 32,
    ) -> None:
        super().__init__()
        if groups < 1:
            raise ValueError(f"groups must be at least 1, got {groups}")
        self.groups = max(d for d in range(1, groups + 1) if channels % d == 0)
        self.branches = nn.ModuleList(
            branch(channels, dilation, self.groups) for dilation in range(1, branches + 1)
        )
        hidden = max(least, channels // reduction)
        self.squeeze = nn.Sequential(
            nn.Linear(channels, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU()
        )
        self.select = nn.Linear(hidden, branches * channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        maps = torch.stack([branch(x) for branch in self.branches])
        squeezed = self.squeeze(reduce(maps.sum(dim=0), "b c h w -> b c", "mean"))
        scores = rearrange(self.select(squeezed), "b (m c) -> m b c", m=len(self.branches))
        out: Tensor = einsum(scores.softmax(dim=0), maps, "m b c, m b c h w -> b c h w")
        return out


def branch(channels: int, dilation: int, groups: int) -> nn.Sequential:
    """Grouped dilated convolution, batch norm and ReLU: `(B, C, H, W) -> (B, C, H, W)`."""
    return nn.Sequential(
        nn.Conv2d(
            channels, channels, 3, padding=dilation, dilation=dilation, groups=groups, bias=False
        ),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    )
