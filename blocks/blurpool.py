"""Blur pooling: a fixed low-pass filter before every second pixel is taken.

Paper: Zhang, Making Convolutional Networks Shift-Invariant Again, 2019, arXiv:1904.11486
Family: down
Shape: (B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))
Parameters: a*b + b if a != b else 0
"""

from math import comb

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["BlurPool"]


class BlurPool(nn.Module):
    """Blur, then subsample: `(B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))`; arXiv:1904.11486.

    The filter of `filter_size` taps per axis is binomial and not trained. Borders are reflected, or
    repeated where the map is too small for that. A 1 x 1 convolution follows where `out_channels`
    differs from `in_channels`.
    """

    filter: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int | None = None,
        filter_size: int = 4,
        stride: int = 2,
    ) -> None:
        super().__init__()
        taps = torch.tensor([comb(filter_size - 1, i) for i in range(filter_size)])
        taps = taps / 2 ** (filter_size - 1)
        self.register_buffer("filter", taps[:, None] * taps)
        self.before, self.after = (filter_size - 1) // 2, filter_size // 2
        self.stride = stride
        width = in_channels if out_channels is None else out_channels
        same = width == in_channels
        self.project = nn.Identity() if same else nn.Conv2d(in_channels, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))`."""
        channels = x.shape[1]
        mode = "reflect" if min(x.shape[2:]) > self.after else "replicate"
        x = F.pad(x, (self.before, self.after) * 2, mode=mode)
        kernel = self.filter.expand(channels, 1, -1, -1)
        out: Tensor = self.project(F.conv2d(x, kernel, stride=self.stride, groups=channels))
        return out
