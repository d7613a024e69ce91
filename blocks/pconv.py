"""Partial convolution: the first quarter of the channels is convolved, the rest passes.

Paper: Chen et al., Run, Don't Walk (FasterNet), 2023, arXiv:2303.03667
Family: conv
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: k*k*max(1, C//4)**2
"""

import torch
from torch import Tensor, nn

__all__ = ["PConv"]


class PConv(nn.Module):
    """A convolution on a part of the channels: `(B, C, H, W) -> (B, C, H, W)`; arXiv:2303.03667.

    The part is the first `max(1, channels // divisor)` channels; no bias, no norm.
    """

    def __init__(self, channels: int, kernel_size: int = 3, divisor: int = 4) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {kernel_size}")
        part = max(1, channels // divisor)
        self.sizes = [part, channels - part]
        self.conv = nn.Conv2d(part, part, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        part, rest = torch.split(x, self.sizes, dim=1)
        return torch.cat([self.conv(part), rest], dim=1)
