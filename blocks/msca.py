"""Multi-scale convolutional attention: a gate per pixel, from strip convolutions of three lengths.

Paper: Guo et al., SegNeXt, 2022, arXiv:2209.08575
Family: attention
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: 3*C*C + 113*C
"""

from torch import Tensor, nn

__all__ = ["MSCA"]


class MSCA(nn.Module):
    """Spatial attention with its shortcut: `(B, C, H, W) -> (B, C, H, W)`; arXiv:2209.08575."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.project_in = nn.Conv2d(channels, channels, 1)
        self.act = nn.GELU()
        self.gating = GatingUnit(channels)
        self.project_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        gated = self.gating(self.act(self.project_in(x)))
        out: Tensor = x + self.project_out(gated)
        return out


class GatingUnit(nn.Module):
    """Multiplies its input by a multi-scale map of it: `(B, C, H, W) -> (B, C, H, W)`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.local = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.strip7 = Strips(channels, 7)
        self.strip11 = Strips(channels, 11)
        self.strip21 = Strips(channels, 21)
        self.mix = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        near = self.local(x)
        gate = self.mix(near + self.strip7(near) + self.strip11(near) + self.strip21(near))
        out: Tensor = x * gate
        return out


class Strips(nn.Sequential):
    """Depthwise 1 x k, then depthwise k x 1: `(B, C, H, W) -> (B, C, H, W)`."""

    def __init__(self, channels: int, length: int) -> None:
        super().__init__()
        reach = length // 2
        self.row = nn.Conv2d(channels, channels, (1, length), padding=(0, reach), groups=channels)
        self.column = nn.Conv2d(
            channels, channels, (length, 1), padding=(reach, 0), groups=channels
        )
