"""Concatenation and 1 x 1 convolution: the plain way to bring two maps to one width.

Paper: none, it is the common baseline
Family: fusion
Shape: (B, a, H, W), (B, s, H, W) -> (B, b, H, W)
Parameters: (a + s)*b + b
"""

import torch
from torch import Tensor, nn

__all__ = ["ConcatConv"]


class ConcatConv(nn.Module):
    """Concatenate, then mix: `(B, a, H, W), (B, s, H, W) -> (B, b, H, W)`."""

    def __init__(
        self, in_channels: int, skip_channels: int, out_channels: int, bias: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels + skip_channels, out_channels, 1, bias=bias)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """`(B, a, H, W), (B, s, H, W) -> (B, b, H, W)`; the skip's channels come first."""
        out: Tensor = self.conv(torch.cat([skip, x], dim=1))
        return out
