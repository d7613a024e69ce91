"""Grouped convolution: the channels are convolved in g independent groups.

Paper: Xie et al., ResNeXt, 2017, arXiv:1611.05431
Family: conv
Shape: (B, a, H, W) -> (B, b, H', W')
Parameters: k*k*a*b//g + b
"""

from collections.abc import Callable

from torch import Tensor, nn

__all__ = ["GroupConv"]

CONV: dict[int, Callable[..., nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


class GroupConv(nn.Module):
    """Grouped convolution: `(B, a, H, W) -> (B, b, H', W')`; arXiv:1611.05431.

    `groups` is reduced to the largest divisor of both widths that is not above it, so that the
    block fits everywhere; the attribute `groups` holds the number in force, g in the formula.
    `padding=None` keeps H and W at stride 1 for an odd kernel; `padding` may also be "same" or
    "valid". `ndim` is the number of spatial dimensions: 1, 2 or 3.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...] = 3,
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] | str | None = None,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 4,
        bias: bool = True,
        padding_mode: str = "zeros",
        ndim: int = 2,
    ) -> None:
        super().__init__()
        self.groups = common_divisor(in_channels, out_channels, groups)
        self.conv = CONV[ndim](
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=centred(kernel_size, dilation, ndim) if padding is None else padding,
            dilation=dilation,
            groups=self.groups,
            bias=bias,
            padding_mode=padding_mode,
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, H', W')`."""
        out: Tensor = self.conv(x)
        return out


def common_divisor(first: int, second: int, limit: int) -> int:
    """The largest number up to `limit` that divides both."""
    if limit < 1:
        raise ValueError(f"groups must be at least 1, got {limit}")
    return max(d for d in range(1, limit + 1) if first % d == 0 and second % d == 0)


def centred(
    kernel_size: int | tuple[int, ...], dilation: int | tuple[int, ...], ndim: int
) -> tuple[int, ...]:
    """The padding per axis that centres an odd kernel on each pixel."""
    kernels = (kernel_size,) * ndim if isinstance(kernel_size, int) else kernel_size
    steps = (dilation,) * ndim if isinstance(dilation, int) else dilation
    return tuple(d * (k - 1) // 2 for k, d in zip(kernels, steps, strict=True))
