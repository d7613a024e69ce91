"""Fast spatial pyramid pooling: three max poolings in a chain, every stage kept.

Paper: He et al., Spatial Pyramid Pooling, 2014, arXiv:1406.4729
Family: block
Shape: (B, a, H, W) -> (B, b, H, W)
Parameters: (a + 2 + 4*b)*max(1, a//2) + 2*b
"""

import torch
from torch import Tensor, nn

__all__ = ["SPPF"]


class SPPF(nn.Module):
    """Chained max pooling: `(B, a, H, W) -> (B, b, H, W)`; arXiv:1406.4729.

    The form of YOLOv5, which gives what parallel windows of 5, 9 and 13 pixels would. The hidden
    width is `max(1, in_channels // 2)`; `pool_size` is odd.
    """

    def __init__(self, in_channels: int, out_channels: int, pool_size: int = 5) -> None:
        super().__init__()
        if pool_size % 2 == 0:
            raise ValueError(f"pool_size must be odd, got {pool_size}")
        hidden = max(1, in_channels // 2)
        self.reduce = conv_norm_act(in_channels, hidden)
        self.pool = nn.MaxPool2d(pool_size, stride=1, padding=pool_size // 2)
        self.mix = conv_norm_act(4 * hidden, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, H, W)`."""
        stages = [self.reduce(x)]
        for _ in range(3):
            stages.append(self.pool(stages[-1]))
        out: Tensor = self.mix(torch.cat(stages, dim=1))
        return out


def conv_norm_act(in_channels: int, out_channels: int) -> nn.Sequential:
    """1 x 1 convolution, batch norm and SiLU: `(B, a, H, W) -> (B, b, H, W)`."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.SiLU(),
    )
