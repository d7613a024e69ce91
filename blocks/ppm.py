"""Pyramid pooling: the map beside its means over grids of several sizes.

Paper: Zhao et al., PSPNet, 2017, arXiv:1612.01105
Family: block
Shape: (B, a, H, W) -> (B, b, H, W)
Parameters: 4*(a + 2)*max(1, a//r) + (a + 4*max(1, a//r))*b + b
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["PPM"]


class PPM(nn.Module):
    """Pooled context beside the map: `(B, a, H, W) -> (B, b, H, W)`; arXiv:1612.01105.

    Without `out_channels` as in the paper: b = a + the number of bins times the reduced width,
    `max(1, in_channels // reduction)`. With it a 1 x 1 convolution follows. The batch norm behind
    the mean needs a batch of two in training.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int | None = None,
        reduction: int = 4,
        bins: tuple[int, ...] = (1, 2, 3, 6),
    ) -> None:
        super().__init__()
        reduced = max(1, in_channels // reduction)
        self.levels = nn.ModuleList(
            nn.Sequential(
                nn.AdaptiveAvgPool2d(size),
                nn.Conv2d(in_channels, reduced, 1, bias=False),
                nn.BatchNorm2d(reduced),
                nn.ReLU(),
            )
            for size in bins
        )
        self.project: nn.Module = nn.Identity()
        if out_channels is not None:
            self.project = nn.Conv2d(in_channels + len(bins) * reduced, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, H, W)`."""
        size = x.shape[2:]
        maps = [
            F.interpolate(level(x), size, mode="bilinear", align_corners=True)
            for level in self.levels
        ]
        out: Tensor = self.project(torch.cat([x, *maps], dim=1))
        return out
