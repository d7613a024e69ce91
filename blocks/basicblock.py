"""ResNet basic block: two 3 x 3 convolutions with a shortcut.

Paper: He et al., Deep Residual Learning, 2016, arXiv:1512.03385
Family: block
Shape: (B, a, H, W) -> (B, b, H', W')
Parameters: 9*a*b + 9*b*b + 4*b + (a*b + 2*b if a != b else 0)
"""

from torch import Tensor, nn

__all__ = ["BasicBlock"]


class BasicBlock(nn.Module):
    """Two convolutions and a shortcut: `(B, a, H, W) -> (B, b, H', W')`; arXiv:1512.03385.

    H' = ceil(H / stride). The shortcut is a 1 x 1 convolution with batch norm where the width or
    the size changes.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int | tuple[int, int] = 1
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.act1 = nn.ReLU()
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.shortcut = shortcut(in_channels, out_channels, stride)
        self.act2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, H', W')`."""
        out = self.act1(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        summed: Tensor = self.act2(out + self.shortcut(x))
        return summed


def shortcut(in_channels: int, out_channels: int, stride: int | tuple[int, int]) -> nn.Module:
    """The input itself, or its projection: `(B, a, H, W) -> (B, b, H', W')`."""
    if in_channels == out_channels and stride in (1, (1, 1)):
        return nn.Identity()
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
    )
