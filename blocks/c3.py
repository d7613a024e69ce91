"""C3: one half of the width passes n bottlenecks, the other goes past them.

Paper: Wang et al., CSPNet, 2020, arXiv:1911.11929
Family: block
Shape: (B, a, H, W) -> (B, b, H, W)
Parameters: (2*a + 4 + 2*b)*max(1, b//2) + 2*b + n*(10*max(1, b//2)**2 + 4*max(1, b//2))
"""

import torch
from torch import Tensor, nn

__all__ = ["C3"]


class C3(nn.Module):
    """Cross-stage partial block: `(B, a, H, W) -> (B, b, H, W)`; arXiv:1911.11929.

    As in YOLOv5, with three 1 x 1 convolutions around the bottlenecks. The hidden width is
    `max(1, int(out_channels * expansion))`; `repeats` is the number of bottlenecks.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        repeats: int = 1,
        shortcut: bool = True,
        expansion: float = 0.5,
    ) -> None:
        super().__init__()
        hidden = max(1, int(out_channels * expansion))
        self.enter = conv_norm_act(in_channels, hidden, 1)
        self.past = conv_norm_act(in_channels, hidden, 1)
        self.chain = nn.Sequential(*(Bottleneck(hidden, shortcut) for _ in range(repeats)))
        self.reduce = conv_norm_act(2 * hidden, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, H, W)`."""
        halves = [self.chain(self.enter(x)), self.past(x)]
        out: Tensor = self.reduce(torch.cat(halves, dim=1))
        return out


class Bottleneck(nn.Module):
    """1 x 1, then 3 x 3 convolution: `(B, C, H, W) -> (B, C, H, W)`."""

    def __init__(self, channels: int, shortcut: bool) -> None:
        super().__init__()
        self.conv1 = conv_norm_act(channels, channels, 1)
        self.conv2 = conv_norm_act(channels, channels, 3)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        out: Tensor = self.conv2(self.conv1(x))
        return x + out if self.shortcut else out


def conv_norm_act(in_channels: int, out_channels: int, kernel_size: int) -> nn.Sequential:
    """Convolution, batch norm and SiLU: `(B, a, H, W) -> (B, b, H, W)`."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.SiLU(),
    )
