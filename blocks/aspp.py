"""Atrous spatial pyramid pooling: dilated convolutions of several rates and the map's mean.

Paper: Chen et al., DeepLabv3, 2017, arXiv:1706.05587
Family: block
Shape: (B, a, H, W) -> (B, b, H, W)
Parameters: 29*a*b + 5*b*b + 12*b
"""

import torch
from torch import Tensor, nn

__all__ = ["ASPP"]


class ASPP(nn.Module):
    """Parallel dilated convolutions: `(B, a, H, W) -> (B, b, H, W)`; arXiv:1706.05587.

    The batch norm behind the mean needs a batch of two in training. The paper has no dropout;
    `dropout` adds one at the end.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        rates: tuple[int, ...] = (12, 24, 36),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.near = conv_norm_act(in_channels, out_channels)
        self.far = nn.ModuleList(conv_norm_act(in_channels, out_channels, rate) for rate in rates)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.whole = conv_norm_act(in_channels, out_channels)
        self.mix = conv_norm_act((2 + len(rates)) * out_channels, out_channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, H, W)`."""
        whole = self.whole(self.pool(x)).expand(-1, -1, *x.shape[2:])
        maps = [self.near(x), *(branch(x) for branch in self.far), whole]
        out: Tensor = self.dropout(self.mix(torch.cat(maps, dim=1)))
        return out


def conv_norm_act(in_channels: int, out_channels: int, rate: int = 0) -> nn.Sequential:
    """1 x 1 or dilated 3 x 3 convolution, batch norm, ReLU: `(B, a, H, W) -> (B, b, H, W)`."""
    conv = nn.Conv2d(
        in_channels,
        out_channels,
        kernel_size=3 if rate else 1,
        padding=rate,
        dilation=max(rate, 1),
        bias=False,
    )
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels), nn.ReLU())
