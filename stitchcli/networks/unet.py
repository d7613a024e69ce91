"""U-Net with padded convolutions, in three widths.

Paper: Ronneberger, Fischer, Brox, U-Net, 2015, arXiv:1505.04597
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Upsampling = Literal["bilinear", "transposed"]
Stage = tuple[int, int]  # a decoder stage's widths: between its two convolutions, and after them


class DoubleConv(nn.Sequential):
    """Two 3 x 3 convolutions with batch norm and ReLU: `(B, i, H, W) -> (B, o, H, W)`."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        mid_channels: int | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        mid = out_channels if mid_channels is None else mid_channels
        self.conv1 = nn.Conv2d(in_channels, mid, 3, padding=1, bias=bias)
        self.norm1 = nn.BatchNorm2d(mid)
        self.act1 = nn.ReLU()
        self.conv2 = nn.Conv2d(mid, out_channels, 3, padding=1, bias=bias)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.act2 = nn.ReLU()


class Down(nn.Sequential):
    """Max-pool by 2, then `DoubleConv`: `(B, i, H, W) -> (B, o, H // 2, W // 2)`."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool = True) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(2)
        self.conv = DoubleConv(in_channels, out_channels, bias=bias)


class Up(nn.Module):
    """Upsample by 2, concatenate with the skip, `DoubleConv`.

    `(B, d, h, w)` and the skip `(B, s, H, W)` give `(B, o, H, W)`.
    """

    def __init__(
        self,
        deep_channels: int,
        skip_channels: int,
        stage: Stage,
        upsampling: Upsampling = "bilinear",
        bias: bool = True,
    ) -> None:
        super().__init__()
        mid_channels, out_channels = stage
        up_channels = deep_channels
        self.up: nn.Module
        if upsampling == "transposed":
            up_channels = deep_channels // 2
            self.up = nn.ConvTranspose2d(deep_channels, up_channels, 2, stride=2)
        else:
            self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.conv = DoubleConv(skip_channels + up_channels, out_channels, mid_channels, bias)

    def forward(self, deep: Tensor, skip: Tensor) -> Tensor:
        """`(B, d, h, w)`, `(B, s, H, W)` -> `(B, o, H, W)`."""
        up = self.up(deep)
        # Pooling drops the last row or column of an odd map, so the two may differ by one.
        rows = skip.shape[2] - up.shape[2]
        columns = skip.shape[3] - up.shape[3]
        left, top = columns // 2, rows // 2
        up = F.pad(up, [left, columns - left, top, rows - top])
        out: Tensor = self.conv(torch.cat([skip, up], dim=1))
        return out


class UNet(nn.Module):
    """U-Net of four levels: `(B, in_channels, H, W) -> (B, num_classes, H, W)`, H and W >= 16.

    `decoder` holds for each of `up1..up4` the width between its convolutions and the one after.
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 2,
        bottleneck: int = 512,
        decoder: tuple[Stage, Stage, Stage, Stage] = ((256, 256), (128, 128), (64, 64), (64, 64)),
        upsampling: Upsampling = "bilinear",
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.inc = DoubleConv(in_channels, 64, bias=bias)
        self.down1 = Down(64, 128, bias)
        self.down2 = Down(128, 256, bias)
        self.down3 = Down(256, 512, bias)
        self.down4 = Down(512, bottleneck, bias)
        self.up1 = Up(bottleneck, 512, decoder[0], upsampling, bias)
        self.up2 = Up(decoder[0][1], 256, decoder[1], upsampling, bias)
        self.up3 = Up(decoder[1][1], 128, decoder[2], upsampling, bias)
        self.up4 = Up(decoder[2][1], 64, decoder[3], upsampling, bias)
        self.outc = nn.Conv2d(decoder[3][1], num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, in_channels, H, W) -> (B, num_classes, H, W)`."""
        x1 = self.inc(x)
        x2 = self.down1(x1)
        x3 = self.down2(x2)
        x4 = self.down3(x3)
        x5 = self.down4(x4)
        x = self.up1(x5, x4)
        x = self.up2(x, x3)
        x = self.up3(x, x2)
        x = self.up4(x, x1)
        out: Tensor = self.outc(x)
        return out


def unet(in_channels: int = 3, num_classes: int = 2) -> UNet:
    """The default base: bilinear upsampling, convolutions with bias.

    `(B, in_channels, H, W) -> (B, num_classes, H, W)`; arXiv:1505.04597.
    """
    return UNet(in_channels, num_classes)


def unet_transposed(in_channels: int = 3, num_classes: int = 2) -> UNet:
    """The published widths: a bottleneck of 1024 and transposed convolutions.

    `(B, in_channels, H, W) -> (B, num_classes, H, W)`; arXiv:1505.04597.
    """
    return UNet(
        in_channels,
        num_classes,
        bottleneck=1024,
        decoder=((512, 512), (256, 256), (128, 128), (64, 64)),
        upsampling="transposed",
        bias=False,
    )


def unet_narrow(in_channels: int = 3, num_classes: int = 2) -> UNet:
    """Bilinear upsampling with a bottleneck of 512; each decoder stage narrows in two steps.

    `(B, in_channels, H, W) -> (B, num_classes, H, W)`; arXiv:1505.04597.
    """
    return UNet(
        in_channels,
        num_classes,
        decoder=((512, 256), (256, 128), (128, 64), (64, 64)),
        bias=False,
    )
