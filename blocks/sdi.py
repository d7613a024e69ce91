"""Semantic and detail infusion: two maps, each smoothed by a convolution, are multiplied.

Paper: Peng, Sonka, Chen, U-Net v2, 2023, arXiv:2311.17791
Family: fusion
Shape: (B, C, H, W), (B, C, H, W) -> (B, C, H, W)
Parameters: 18*C*C + 2*C
"""

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["SDI"]


class SDI(nn.Module):
    """Product of two maps: `(B, C, H, W), (B, C, H', W') -> (B, C, H, W)`; arXiv:2311.17791.

    The paper's module for two levels. A skip of another size is brought to x's by adaptive average
    pooling where it is larger, else by bilinear interpolation with aligned corners; by its height
    and its width, where the authors' code takes every map for a square.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.of_x = nn.Conv2d(channels, channels, 3, padding=1)
        self.of_skip = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """`(B, C, H, W), (B, C, H', W') -> (B, C, H, W)`."""
        out: Tensor = self.of_x(x) * self.of_skip(resized(skip, x.shape[2], x.shape[3]))
        return out


def resized(x: Tensor, height: int, width: int) -> Tensor:
    """The map at another size: `(B, C, H', W') -> (B, C, H, W)`."""
    if (x.shape[2], x.shape[3]) == (height, width):
        return x
    if x.shape[2] >= height and x.shape[3] >= width:
        return F.adaptive_avg_pool2d(x, (height, width))
    return F.interpolate(x, (height, width), mode="bilinear", align_corners=True)
