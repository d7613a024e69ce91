"""Depthwise-separable convolution: one k x k filter per channel, then a 1 x 1 convolution.

Paper: Howard et al., MobileNets, 2017, arXiv:1704.04861
Family: conv
Shape: (B, a, H, W) -> (B, b, H', W')
Parameters: k*k*a + a*b
"""

from collections.abc import Callable

from torch import Tensor, nn

__all__ = ["DWConv"]

CONV: dict[int, Callable[..., nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


class DWConv(nn.Module):
    """Depthwise, then pointwise convolution: `(B, a, H, W) -> (B, b, H', W')`; arXiv:1704.04861.

    Neither has a bias, and no norm stands between them, so that it takes the place of one plain
    convolution. `padding=None` keeps H and W at stride 1 for an odd kernel; `padding` may also be
    "same" or "valid". `ndim` is the number of spatial dimensions: 1, 2 or 3.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...] = 3,
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] | str | None = None,
        dilation: int | tuple[int, ...] = 1,
        padding_mode: str = "zeros",
        ndim: int = 2,
    ) -> None:
        super().__init__()
        self.depthwise = CONV[ndim](
            in_channels,
            in_channels,
            kernel_size,
            stride=stride,
            padding=centred(kernel_size, dilation, ndim) if padding is None else padding,
            dilation=dilation,
            groups=in_channels,
            bias=False,
            padding_mode=padding_mode,
        )
        self.pointwise = CONV[ndim](in_channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, H', W')`."""
        out: Tensor = self.pointwise(self.depthwise(x))
        return out


def centred(
    kernel_size: int | tuple[int, ...], dilation: int | tuple[int, ...], ndim: int
) -> tuple[int, ...]:
    """The padding per axis that centres an odd kernel on each pixel."""
    kernels = (kernel_size,) * ndim if isinstance(kernel_size, int) else kernel_size
    steps = (dilation,) * ndim if isinstance(dilation, int) else dilation
    return tuple(d * (k - 1) // 2 for k, d in zip(kernels, steps, strict=True))
