"""Factorised convolution: 1 x k, then k x 1, each with batch norm and ReLU.

Paper: Szegedy et al., Rethinking the Inception Architecture, 2016, arXiv:1512.00567
Family: conv
Shape: (B, a, H, W) -> (B, b, H', W')
Parameters: k*a*b + k*b*b + 4*b
"""

from torch import Tensor, nn

__all__ = ["FactorConv"]

Pair = tuple[int, int]


class FactorConv(nn.Module):
    """1 x k and k x 1 in sequence: `(B, a, H, W) -> (B, b, H', W')`; arXiv:1512.00567.

    H' and W' are those of the k x k convolution with the same arguments: what concerns the columns
    (kernel, stride, padding, dilation) goes to the first convolution, what concerns the rows to
    the second. `padding=None` keeps H and W at stride 1 for an odd kernel; `padding` may also be
    "same" or "valid".
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair = 3,
        stride: int | Pair = 1,
        padding: int | Pair | str | None = None,
        dilation: int | Pair = 1,
    ) -> None:
        super().__init__()
        kernel, step, reach = pair(kernel_size), pair(stride), pair(dilation)
        if padding is None:
            padding = (reach[0] * (kernel[0] - 1) // 2, reach[1] * (kernel[1] - 1) // 2)
        along_row: str | Pair
        along_column: str | Pair
        if isinstance(padding, str):
            along_row = along_column = padding
        else:
            along_row, along_column = (0, pair(padding)[1]), (pair(padding)[0], 0)
        self.conv1 = nn.Conv2d(
            in_channels,
            out_channels,
            (1, kernel[1]),
            stride=(1, step[1]),
            padding=along_row,
            dilation=(1, reach[1]),
            bias=False,
        )
        self.norm1 = nn.BatchNorm2d(out_channels, eps=1e-3)
        self.act1 = nn.ReLU()
        self.conv2 = nn.Conv2d(
            out_channels,
            out_channels,
            (kernel[0], 1),
            stride=(step[0], 1),
            padding=along_column,
            dilation=(reach[0], 1),
            bias=False,
        )
        self.norm2 = nn.BatchNorm2d(out_channels, eps=1e-3)
        self.act2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, H', W')`."""
        x = self.act1(self.norm1(self.conv1(x)))
        out: Tensor = self.act2(self.norm2(self.conv2(x)))
        return out


def pair(value: int | Pair) -> Pair:
    """One number for both axes, or a pair as it is: (rows, columns)."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])
