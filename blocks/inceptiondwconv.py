"""Inception depthwise convolution: square, row and column filters, each on an eighth.

Paper: Yu et al., InceptionNeXt, 2024, arXiv:2303.16900
Family: conv
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: 10*max(1, C//8) + 12*min(max(1, C//8), C - 1) + 12*min(max(1, C//8), max(0, C - 2))
"""

import torch
from torch import Tensor, nn

__all__ = ["InceptionDWConv"]


class InceptionDWConv(nn.Module):
    """Depthwise k x k, 1 x n and n x 1 side by side: `(B, C, H, W) -> (B, C, H, W)`.

    arXiv:2303.16900. Each filters `max(1, int(channels * branch_ratio))` channels, counted from
    the end of those that pass; where fewer than three channels come in, the last branches are
    left out.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int = 3,
        band_kernel_size: int = 11,
        branch_ratio: float = 0.125,
    ) -> None:
        super().__init__()
        for name, size in [("kernel_size", kernel_size), ("band_kernel_size", band_kernel_size)]:
            if size % 2 == 0:
                raise ValueError(f"{name} must be odd, got {size}")
        width = max(1, int(channels * branch_ratio))
        shapes = [(kernel_size, kernel_size), (1, band_kernel_size), (band_kernel_size, 1)]
        self.branches = nn.ModuleList()
        self.sizes = [channels]
        for rows, columns in shapes:
            part = min(width, self.sizes[0])
            if part == 0:
                break
            self.sizes = [self.sizes[0] - part, *self.sizes[1:], part]
            padding = (rows // 2, columns // 2)
            self.branches.append(
                nn.Conv2d(part, part, (rows, columns), padding=padding, groups=part)
            )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        passed, *parts = torch.split(x, self.sizes, dim=1)
        filtered = [branch(part) for branch, part in zip(self.branches, parts, strict=True)]
        return torch.cat([passed, *filtered], dim=1)
