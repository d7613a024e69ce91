"""YOLO bottleneck: two 3 x 3 convolutions through half the width, with a shortcut.

Paper: none, Ultralytics YOLOv5 and YOLOv8
Family: block
Shape: (B, a, H, W) -> (B, b, H, W)
Parameters: 9*a*max(1, b//2) + 2*max(1, b//2) + 9*max(1, b//2)*b + 2*b
"""

from torch import Tensor, nn

__all__ = ["YOLOBottleneck"]


class YOLOBottleneck(nn.Module):
    """Two convolutions and a shortcut: `(B, a, H, W) -> (B, b, H, W)`.

    The shortcut is there where both widths are equal. The hidden width is
    `max(1, int(out_channels * expansion))`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        shortcut: bool = True,
        expansion: float = 0.5,
    ) -> None:
        super().__init__()
        hidden = max(1, int(out_channels * expansion))
        self.conv1 = conv_norm_act(in_channels, hidden)
        self.conv2 = conv_norm_act(hidden, out_channels)
        self.shortcut = shortcut and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, H, W)`."""
        out: Tensor = self.conv2(self.conv1(x))
        return x + out if self.shortcut else out


def conv_norm_act(in_channels: int, out_channels: int) -> nn.Sequential:
    """3 x 3 convolution, batch norm and SiLU: `(B, a, H, W) -> (B, b, H, W)`."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.SiLU(),
    )
