"""A small cross-stage-partial backbone of Conv, Bottleneck and CSP blocks.

Paper: Wang et al., CSPNet, 2020, arXiv:1911.11929
"""

import torch
from torch import Tensor, nn


class Conv(nn.Sequential):
    """Convolution, batch norm, SiLU: `(B, i, H, W) -> (B, o, H/s, W/s)`, odd kernel."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int = 1, stride: int = 1
    ) -> None:
        super().__init__()
        padding = kernel_size // 2
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.act = nn.SiLU()


class Bottleneck(nn.Module):
    """`x + cv2(cv1(x))`, hidden width `expansion * channels`: `(B, C, H, W) -> (B, C, H, W)`."""

    def __init__(self, channels: int, expansion: float = 0.5) -> None:
        super().__init__()
        hidden = max(1, int(expansion * channels))
        self.cv1 = Conv(channels, hidden, 3)
        self.cv2 = Conv(hidden, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        out: Tensor = x + self.cv2(self.cv1(x))
        return out


class CSP(nn.Module):
    """Half the width runs through bottlenecks, half goes past them: `(B, i, H, W) -> (B, o, H, W)`.

    arXiv:1911.11929
    """

    def __init__(
        self, in_channels: int, out_channels: int, depth: int = 1, expansion: float = 0.5
    ) -> None:
        super().__init__()
        half = max(1, out_channels // 2)
        self.cv1 = Conv(in_channels, half)
        self.cv2 = Conv(in_channels, half)
        self.m = nn.Sequential(*(Bottleneck(half, expansion) for _ in range(depth)))
        self.cv3 = Conv(2 * half, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, i, H, W) -> (B, o, H, W)`."""
        out: Tensor = self.cv3(torch.cat([self.m(self.cv1(x)), self.cv2(x)], dim=1))
        return out


class Stage(nn.Sequential):
    """A convolution of stride 2, then `CSP`: `(B, i, H, W) -> (B, o, H/2, W/2)`."""

    def __init__(self, in_channels: int, out_channels: int, depth: int, expansion: float) -> None:
        super().__init__()
        self.down = Conv(in_channels, out_channels, 3, stride=2)
        self.csp = CSP(out_channels, out_channels, depth, expansion)


class CSPBackbone(nn.Module):
    """Backbone whose output is the maps of its last three stages; arXiv:1911.11929.

    `(B, in_channels, H, W) -> (B, 4w, H/8, W/8), (B, 8w, H/16, W/16), (B, 16w, H/32, W/32)`,
    w being `width`; odd sizes are rounded up at each halving.
    """

    def __init__(
        self,
        in_channels: int = 3,
        width: int = 32,
        depths: tuple[int, int, int, int] = (1, 2, 2, 1),
        expansion: float = 0.5,
    ) -> None:
        super().__init__()
        self.stem = Conv(in_channels, width, 3, stride=2)
        self.stage1 = Stage(width, 2 * width, depths[0], expansion)
        self.stage2 = Stage(2 * width, 4 * width, depths[1], expansion)
        self.stage3 = Stage(4 * width, 8 * width, depths[2], expansion)
        self.stage4 = Stage(8 * width, 16 * width, depths[3], expansion)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`(B, in_channels, H, W)` -> maps at strides 8, 16 and 32."""
        x = self.stage1(self.stem(x))
        x2 = self.stage2(x)
        x3 = self.stage3(x2)
        x4 = self.stage4(x3)
        return x2, x3, x4
