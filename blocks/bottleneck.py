"""ResNet bottleneck: 1 x 1, 3 x 3 and 1 x 1 convolutions through a quarter of the width.

Paper: He et al., Deep Residual Learning, 2016, arXiv:1512.03385
Family: block
Shape: (B, a, H, W) -> (B, b, H', W')
Parameters: (a + b + 4)*max(1, b//4) + 9*max(1, b//4)**2 + 2*b + (a*b + 2*b if a != b else 0)
"""

from torch import Tensor, nn

__all__ = ["Bottleneck"]


class Bottleneck(nn.Module):
    """Three convolutions and a shortcut: `(B, a, H, W) -> (B, b, H', W')`; arXiv:1512.03385.

    H' = ceil(H / stride); the 3 x 3 convolution strides. The shortcut is a 1 x 1 convolution with
    batch norm where the width or the size changes. The hidden width is `max(1, out_channels // 4)`.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int | tuple[int, int] = 1
    ) -> None:
        super().__init__()
        hidden = max(1, out_channels // 4)
        self.conv1 = nn.Conv2d(in_channels, hidden, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(hidden)
        self.act1 = nn.ReLU()
        self.conv2 = nn.Conv2d(hidden, hidden, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(hidden)
        self.act2 = nn.ReLU()
        self.conv3 = nn.Conv2d(hidden, out_channels, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(out_channels)
        self.shortcut = shortcut(in_channels, out_channels, stride)
        self.act3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, H', W')`."""
        out = self.act1(self.norm1(self.conv1(x)))
        out = self.act2(self.norm2(self.conv2(out)))
        out = self.norm3(self.conv3(out))
        summed: Tensor = self.act3(out + self.shortcut(x))
        return summed


def shortcut(in_channels: int, out_channels: int, stride: int | tuple[int, int]) -> nn.Module:
    """The input itself, or its projection: `(B, a, H, W) -> (B, b, H', W')`."""
    if in_channels == out_channels and stride in (1, (1, 1)):
        return nn.Identity()
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
    )
