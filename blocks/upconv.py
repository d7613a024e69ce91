"""Up-convolution: upsampling by interpolation, then a convolution.

Paper: Odena, Dumoulin, Olah, Deconvolution and Checkerboards, 2016, doi:10.23915/distill.00003
Family: up
Shape: (B, a, H, W) -> (B, b, s*H, s*W)
Parameters: k*k*a*b + b
"""

from torch import Tensor, nn

__all__ = ["UpConv"]


class UpConv(nn.Module):
    """Interpolate, then convolve: `(B, a, H, W) -> (B, b, s*H, s*W)`; doi:10.23915/distill.00003.

    `mode` is "nearest", or "bilinear", which does not align corners.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        scale: int = 2,
        kernel_size: int | tuple[int, int] = 3,
        mode: str = "nearest",
    ) -> None:
        super().__init__()
        self.upsample = nn.Upsample(scale_factor=scale, mode=mode)
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding="same")

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, s*H, s*W)`."""
        out: Tensor = self.conv(self.upsample(x))
        return out
