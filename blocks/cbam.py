"""Convolutional block attention: a gate per channel, then a gate per pixel.

Paper: Woo et al., CBAM, 2018, arXiv:1807.06521
Family: attention
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: 2*C*max(1, C//r) + max(1, C//r) + C + 2*k*k + 2
"""

import torch
from einops import rearrange, reduce
from torch import Tensor, nn

__all__ = ["CBAM"]


class CBAM(nn.Module):
    """Channel, then spatial attention: `(B, C, H, W) -> (B, C, H, W)`; arXiv:1807.06521.

    The MLP has biases and the spatial gate a batch norm. The hidden width is
    `max(1, channels // reduction)`; `kernel_size` is the spatial gate's, and odd.
    """

    def __init__(self, channels: int, reduction: int = 16, kernel_size: int = 7) -> None:
        super().__init__()
        self.channel = ChannelGate(channels, max(1, channels // reduction))
        self.spatial = SpatialGate(kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        out: Tensor = self.spatial(self.channel(x))
        return out


class ChannelGate(nn.Module):
    """One MLP on the mean and the maximum of each channel: `(B, C, H, W) -> (B, C, H, W)`."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        mean = self.mlp(reduce(x, "b c h w -> b c", "mean"))
        maximum = self.mlp(reduce(x, "b c h w -> b c", "max"))
        return x * rearrange(torch.sigmoid(mean + maximum), "b c -> b c 1 1")


class SpatialGate(nn.Module):
    """A convolution on the maximum and mean over the channels: `(B, C, H, W) -> (B, C, H, W)`."""

    def __init__(self, kernel_size: int) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {kernel_size}")
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.norm = nn.BatchNorm2d(1, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        maximum = reduce(x, "b c h w -> b 1 h w", "max")
        mean = reduce(x, "b c h w -> b 1 h w", "mean")
        return x * torch.sigmoid(self.norm(self.conv(torch.cat([maximum, mean], dim=1))))
