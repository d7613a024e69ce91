"""Pointwise convolution: a 1 x 1 convolution changes the width and nothing else.

Paper: Lin, Chen, Yan, Network In Network, 2014, arXiv:1312.4400
Family: adapter
Shape: (B, a, H, W) -> (B, b, H', W')
Parameters: a*b + b
"""

from collections.abc import Callable

from torch import Tensor, nn

__all__ = ["Pointwise"]

CONV: dict[int, Callable[..., nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


class Pointwise(nn.Module):
    """1 x 1 convolution: `(B, a, H, W) -> (B, b, H', W')`, H' = ceil(H / stride); arXiv:1312.4400.

    `ndim` is the number of spatial dimensions: 1, 2 or 3.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int | tuple[int, ...] = 1,
        bias: bool = True,
        ndim: int = 2,
    ) -> None:
        super().__init__()
        self.conv = CONV[ndim](in_channels, out_channels, 1, stride=stride, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, H', W')`."""
        out: Tensor = self.conv(x)
        return out
