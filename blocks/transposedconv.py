"""Transposed convolution: each pixel is spread over s x s new ones by a learnt kernel.

Paper: Zeiler et al., Deconvolutional Networks, 2010, doi:10.1109/CVPR.2010.5539957
Family: up
Shape: (B, a, H, W) -> (B, b, s*H, s*W)
Parameters: s*s*a*b + b
"""

from torch import Tensor, nn

__all__ = ["TransposedConv"]


class TransposedConv(nn.Module):
    """Transposed convolution: `(B, a, H, W) -> (B, b, s*H, s*W)`; doi:10.1109/CVPR.2010.5539957.

    `kernel_size=None` takes the scale, so that the kernels do not overlap. A larger one is padded
    such that the size is still exactly s times the input's.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        scale: int = 2,
        kernel_size: int | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        kernel = scale if kernel_size is None else kernel_size
        if kernel < scale:
            raise ValueError(f"kernel_size must be at least the scale {scale}, got {kernel}")
        excess = kernel - scale
        self.conv = nn.ConvTranspose2d(
            in_channels,
            out_channels,
            kernel,
            stride=scale,
            padding=(excess + 1) // 2,
            output_padding=excess % 2,
            bias=bias,
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, s*H, s*W)`."""
        out: Tensor = self.conv(x)
        return out
