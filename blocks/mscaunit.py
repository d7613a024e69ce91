"""Multi-scale gating unit: the core of MSCA alone, without its projections and shortcut.

Paper: Guo et al., SegNeXt, 2022, arXiv:2209.08575
Family: attention
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: C*C + 111*C
"""

from torch import Tensor, nn

__all__ = ["MSCAUnit"]

STRIPS = (7, 11, 21)


class MSCAUnit(nn.Module):
    """`x` times a multi-scale map of it: `(B, C, H, W) -> (B, C, H, W)`; arXiv:2209.08575.

    The map sums a depthwise 5 x 5 convolution and strips of 7, 11 and 21 pixels behind it.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.local = depthwise(channels, (5, 5))
        self.strips = nn.ModuleList(
            nn.Sequential(depthwise(channels, (1, n)), depthwise(channels, (n, 1))) for n in STRIPS
        )
        self.mix = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        near = self.local(x)
        total = near
        for strip in self.strips:
            total = total + strip(near)
        out: Tensor = x * self.mix(total)
        return out


def depthwise(channels: int, kernel_size: tuple[int, int]) -> nn.Conv2d:
    """One centred filter per channel: `(B, C, H, W) -> (B, C, H, W)`."""
    padding = (kernel_size[0] // 2, kernel_size[1] // 2)
    return nn.Conv2d(channels, channels, kernel_size, padding=padding, groups=channels)
