"""C2f: half of the channels pass n bottlenecks in a chain, and every stage of it is kept.

Paper: none, Ultralytics YOLOv8
Family: block
Shape: (B, a, H, W) -> (B, b, H, W)
Parameters: (2*a + 4 + (2 + n)*b)*max(1, b//2) + 2*b + n*(18*max(1, b//2)**2 + 4*max(1, b//2))
"""

import torch
from torch import Tensor, nn

__all__ = ["C2f"]


class C2f(nn.Module):
    """Cross-stage partial block, every stage kept: `(B, a, H, W) -> (B, b, H, W)`.

    The hidden width is `max(1, int(out_channels * expansion))`; `repeats` is the number of
    bottlenecks.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        repeats: int = 1,
        shortcut: bool = False,
        expansion: float = 0.5,
    ) -> None:
        super().__init__()
        hidden = max(1, int(out_channels * expansion))
        self.expand = conv_norm_act(in_channels, 2 * hidden, 1)
        self.chain = nn.ModuleList(Bottleneck(hidden, shortcut) for _ in range(repeats))
        self.reduce = conv_norm_act((2 + repeats) * hidden, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, H, W)`."""
        stages = list(self.expand(x).chunk(2, dim=1))
        for bottleneck in self.chain:
            stages.append(bottleneck(stages[-1]))
        out: Tensor = self.reduce(torch.cat(stages, dim=1))
        return out


class Bottleneck(nn.Module):
    """Two 3 x 3 convolutions: `(B, C, H, W) -> (B, C, H, W)`."""

    def __init__(self, channels: int, shortcut: bool) -> None:
        super().__init__()
        self.conv1 = conv_norm_act(channels, channels, 3)
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
