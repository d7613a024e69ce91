"""Sub-pixel convolution: a convolution computes s*s values per pixel, which are laid out as pixels.

Paper: Shi et al., Real-Time Super-Resolution with a Sub-Pixel Convolution, 2016, arXiv:1609.05158
Family: up
Shape: (B, a, H, W) -> (B, b, s*H, s*W)
Parameters: k*k*a*b*s*s + b*s*s
"""

import torch
from torch import Tensor, nn

__all__ = ["PixelShuffle"]


class PixelShuffle(nn.Module):
    """Convolution, then depth to space: `(B, a, H, W) -> (B, b, s*H, s*W)`; arXiv:1609.05158.

    The kernels of the s*s values start equal (ICNR, arXiv:1707.02937): at first the block is a
    convolution with nearest upsampling behind it, without a checkerboard.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        scale: int = 2,
        kernel_size: int | tuple[int, int] = 3,
    ) -> None:
        super().__init__()
        cell = scale**2
        self.conv = nn.Conv2d(in_channels, out_channels * cell, kernel_size, padding="same")
        with torch.no_grad():
            self.conv.weight.copy_(self.conv.weight[::cell].repeat_interleave(cell, dim=0))
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, s*H, s*W)`."""
        out: Tensor = self.shuffle(self.conv(x))
        return out
