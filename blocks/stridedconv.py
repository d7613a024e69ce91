"""Strided convolution: a 3 x 3 convolution that moves on by two pixels.

Paper: Springenberg et al., Striving for Simplicity, 2015, arXiv:1412.6806
Family: down
Shape: (B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))
Parameters: k*k*a*b + b
"""

from torch import Tensor, nn

__all__ = ["StridedConv"]

Pair = tuple[int, int]


class StridedConv(nn.Module):
    """Strided convolution: `(B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))`; arXiv:1412.6806.

    `padding=None` centres an odd kernel, which gives ceil(H / stride).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair = 3,
        stride: int | Pair = 2,
        padding: int | Pair | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if padding is None:
            rows, columns = (kernel_size,) * 2 if isinstance(kernel_size, int) else kernel_size
            padding = ((rows - 1) // 2, (columns - 1) // 2)
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))`."""
        out: Tensor = self.conv(x)
        return out
