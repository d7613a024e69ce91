"""Linear deformable convolution: any number of points per pixel, each moved by a learned offset.

Paper: Zhang et al., LDConv (first named AKConv), 2023, arXiv:2311.11587
Family: conv
Shape: (B, a, H, W) -> (B, b, H', W')
Parameters: 5*a*b + 2*b + 90*a + 10
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

__all__ = ["AKConv"]

Pair = tuple[int, int]


class AKConv(nn.Module):
    """Convolution over `num_param` moved points: `(B, a, H, W) -> (B, b, H', W')`.

    arXiv:2311.11587. H' = ceil(H / stride). The points start as a grid with the pixel in its top
    left corner, as square as their number allows; the offsets start at zero. Points beyond the map
    are moved to its border, whose pixels the public code counts twice. Batch norm and SiLU follow.
    """

    def __init__(
        self, in_channels: int, out_channels: int, num_param: int = 5, stride: int | Pair = 1
    ) -> None:
        super().__init__()
        if num_param < 1:
            raise ValueError(f"num_param must be at least 1, got {num_param}")
        self.points = num_param
        self.stride = (stride, stride) if isinstance(stride, int) else (stride[0], stride[1])
        self.offset = nn.Conv2d(in_channels, 2 * num_param, 3, stride=self.stride, padding=1)
        nn.init.zeros_(self.offset.weight)
        nn.init.zeros_(self.offset.bias)  # type: ignore[arg-type]
        self.conv = nn.Conv2d(
            in_channels, out_channels, (num_param, 1), stride=(num_param, 1), bias=False
        )
        self.norm = nn.BatchNorm2d(out_channels)
        self.act = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, H', W')`."""
        # One row per point below each pixel: N rows for one.
        sampled = F.grid_sample(
            x, self.grid(x), mode="bilinear", padding_mode="border", align_corners=False
        )
        out: Tensor = self.act(self.norm(self.conv(sampled)))
        return out

    def grid(self, x: Tensor) -> Tensor:
        """Where to sample, (x, y) in -1..1: `(B, a, H, W) -> (B, H' * N, W', 2)`."""
        down, right = rearrange(self.offset(x), "b (two n) h w -> two b h n w", two=2)
        rows, points, columns = down.shape[1:]
        row, point, column = (torch.arange(n, device=x.device) for n in (rows, points, columns))
        base = round(points**0.5)
        top = self.stride[0] * row[:, None, None] + (point // base)[:, None]
        left = self.stride[1] * column + (point % base)[:, None]
        height, width = x.shape[2:]
        # Pixel i's centre is at (2 * i + 1) / n - 1, also where n is 1.
        y = (2 * (top + down) + 1) / height - 1
        across = (2 * (left + right) + 1) / width - 1
        grid: Tensor = rearrange([across, y], "two b h n w -> b (h n) w two")
        return grid.to(x.dtype)
