"""U-Net with unpadded convolutions.

Paper: Ronneberger, Fischer, Brox, U-Net, 2015, arXiv:1505.04597
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def cat(x1: Tensor, x2: Tensor) -> Tensor:
    """Pad x2 to x1's size and concatenate: `(B, a, H, W)`, `(B, b, h, w)` -> `(B, a + b, H, W)`."""
    rows = x1.shape[2] - x2.shape[2]
    columns = x1.shape[3] - x2.shape[3]
    left, top = columns // 2, rows // 2
    x2 = F.pad(x2, [left, columns - left, top, rows - top])
    return torch.cat([x1, x2], dim=1)


class ValidConvs(nn.Sequential):
    """Two unpadded 3 x 3 convolutions, norm, ReLU: `(B, i, H, W) -> (B, o, H - 4, W - 4)`."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.act1 = nn.ReLU()
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.act2 = nn.ReLU()


class OutConv(ValidConvs):
    """`ValidConvs`, then an unpadded 3 x 3 convolution: `(B, i, H, W) -> (B, o, H - 6, W - 6)`."""

    def __init__(self, in_channels: int, mid_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, mid_channels)
        self.conv3 = nn.Conv2d(mid_channels, out_channels, 3)


class UNetValid(nn.Module):
    """Unpadded U-Net: `(B, in_channels, 572, 572) -> (B, num_classes, 562, 562)`; arXiv:1505.04597.

    `up_conv4` is built and never called, as in the version whose parameter counts are published.
    """

    def __init__(self, in_channels: int = 3, num_classes: int = 2) -> None:
        super().__init__()
        self.down_sample1 = ValidConvs(in_channels, 64)
        self.down_sample2 = ValidConvs(64, 128)
        self.down_sample3 = ValidConvs(128, 256)
        self.down_sample4 = ValidConvs(256, 512)
        self.down_sample5 = ValidConvs(512, 1024)
        self.pooling = nn.MaxPool2d(3, stride=2, padding=1)
        self.up_sample1 = nn.ConvTranspose2d(1024, 512, 2, stride=2)
        self.up_sample2 = nn.ConvTranspose2d(512, 256, 2, stride=2)
        self.up_sample3 = nn.ConvTranspose2d(256, 128, 2, stride=2)
        self.up_sample4 = nn.ConvTranspose2d(128, 64, 2, stride=2)
        self.up_conv1 = ValidConvs(1024, 512)
        self.up_conv2 = ValidConvs(512, 256)
        self.up_conv3 = ValidConvs(256, 128)
        self.up_conv4 = ValidConvs(128, 64)
        self.out_conv = OutConv(128, 64, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, in_channels, H, W) -> (B, num_classes, H', W')`; H and W >= 125."""
        x1 = self.down_sample1(x)
        x2 = self.down_sample2(self.pooling(x1))
        x3 = self.down_sample3(self.pooling(x2))
        x4 = self.down_sample4(self.pooling(x3))
        x5 = self.down_sample5(self.pooling(x4))
        x = self.up_conv1(cat(x4, self.up_sample1(x5)))
        x = self.up_conv2(cat(x3, self.up_sample2(x)))
        x = self.up_conv3(cat(x2, self.up_sample3(x)))
        out: Tensor = self.out_conv(cat(x1, self.up_sample4(x)))
        return out
