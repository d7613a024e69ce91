"""Large selective kernel: every pixel chooses between a small and a large receptive field.

Paper: Li et al., LSKNet, 2023, arXiv:2303.09030
Family: attention
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: 3*C*max(1, C//2) + 77*C + 2*max(1, C//2) + 198
"""

import torch
from einops import reduce
from torch import Tensor, nn

__all__ = ["LSK"]


class LSK(nn.Module):
    """Spatial selection of kernels: `(B, C, H, W) -> (B, C, H, W)`; arXiv:2303.09030.

    A value of the small branch sees 5 x 5, one of the large branch 23 x 23 pixels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(1, channels // 2)
        self.small = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.large = nn.Conv2d(channels, channels, 7, padding=9, dilation=3, groups=channels)
        self.reduce_small = nn.Conv2d(channels, hidden, 1)
        self.reduce_large = nn.Conv2d(channels, hidden, 1)
        self.select = nn.Conv2d(2, 2, 7, padding=3)
        self.expand = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        near = self.small(x)
        small, large = self.reduce_small(near), self.reduce_large(self.large(near))
        both = torch.cat([small, large], dim=1)
        mean = reduce(both, "b c h w -> b 1 h w", "mean")
        maximum = reduce(both, "b c h w -> b 1 h w", "max")
        shares = self.select(torch.cat([mean, maximum], dim=1)).sigmoid()
        out: Tensor = x * self.expand(small * shares[:, :1] + large * shares[:, 1:])
        return out
