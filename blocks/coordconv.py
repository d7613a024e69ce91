"""CoordConv: a convolution that also sees where it is, by two channels of coordinates.

Paper: Liu et al., An Intriguing Failing of Convolutional Neural Networks, 2018, arXiv:1807.03247
Family: conv
Shape: (B, a, H, W) -> (B, b, H', W')
Parameters: k*k*(a + 2)*b + b
"""

import torch
from einops import repeat
from torch import Tensor, nn

__all__ = ["CoordConv"]

Pair = tuple[int, int]


class CoordConv(nn.Module):
    """Convolution on x with its coordinates: `(B, a, H, W) -> (B, b, H', W')`; arXiv:1807.03247.

    Row and column run from -1 to 1, and are 0 where the map has only one; `with_r` adds the
    distance from the map's centre. `padding=None` keeps H and W at stride 1 for an odd kernel;
    `padding` may also be "same" or "valid".
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair = 3,
        stride: int | Pair = 1,
        padding: int | Pair | str | None = None,
        dilation: int | Pair = 1,
        bias: bool = True,
        with_r: bool = False,
    ) -> None:
        super().__init__()
        self.with_r = with_r
        if padding is None:
            padding = centred(kernel_size, dilation)
        self.conv = nn.Conv2d(
            in_channels + 2 + with_r,
            out_channels,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            bias=bias,
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, H', W')`."""
        batch, _, height, width = x.shape
        row = repeat(coordinates(height, x), "h -> b 1 h w", b=batch, w=width)
        column = repeat(coordinates(width, x), "w -> b 1 h w", b=batch, h=height)
        seen = [x, row, column]
        if self.with_r:
            seen.append((row * row + column * column).sqrt())
        out: Tensor = self.conv(torch.cat(seen, dim=1))
        return out


def coordinates(length: int, like: Tensor) -> Tensor:
    """`length` numbers evenly from -1 to 1; one alone is in the middle."""
    if length == 1:
        return torch.zeros(1, device=like.device, dtype=like.dtype)
    return torch.linspace(-1, 1, length, device=like.device, dtype=like.dtype)


def centred(kernel_size: int | Pair, dilation: int | Pair) -> Pair:
    """The padding per axis that centres an odd kernel on each pixel."""
    kernel, reach = pair(kernel_size), pair(dilation)
    return reach[0] * (kernel[0] - 1) // 2, reach[1] * (kernel[1] - 1) // 2


def pair(value: int | Pair) -> Pair:
    """One number for both axes, or a pair as it is: (rows, columns)."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])
