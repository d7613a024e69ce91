"""Omni-dimensional dynamic convolution: a kernel made for each sample, weighted along four axes.

Paper: Li, Zhou, Yao, Omni-Dimensional Dynamic Convolution, 2022, arXiv:2209.07947
Family: conv
Shape: (B, a, H, W) -> (B, b, H', W')
Parameters: 4*k*k*a*b//g + (max(16, a//r) + 1)*(2*a + 6 + b*(g < max(a, b)) + k*k*(k > 1)) - a - 2
"""

import torch
import torch.nn.functional as F
from einops import rearrange, reduce
from torch import Tensor, nn

__all__ = ["ODConv"]

Pair = tuple[int, int]


class ODConv(nn.Module):
    """A mixture of kernels, one per sample: `(B, a, H, W) -> (B, b, H', W')`; arXiv:2209.07947.

    From the channels' means come gates over input channels, output channels and positions in the
    kernel, and the shares of `kernels` kernels; a gate of one number, and the output's where the
    convolution is depthwise, is left out. `groups` is reduced to the largest divisor of both widths
    that is not above it. A batch norm follows the means, so training takes two samples or more.
    `padding=None` keeps H and W at stride 1 for an odd kernel.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair = 3,
        stride: int | Pair = 1,
        padding: int | Pair | str | None = None,
        dilation: int | Pair = 1,
        groups: int = 1,
        reduction: int = 16,
        kernels: int = 4,
    ) -> None:
        super().__init__()
        if groups < 1 or kernels < 1:
            raise ValueError(f"groups and kernels must be at least 1, got {groups} and {kernels}")
        self.groups = max(
            d for d in range(1, groups + 1) if in_channels % d == 0 and out_channels % d == 0
        )
        self.stride = stride
        self.dilation = dilation
        self.padding = centred(kernel_size, dilation) if padding is None else padding
        rows, columns = pair(kernel_size)
        self.weight = nn.Parameter(
            torch.empty(kernels, out_channels, in_channels // self.groups, rows, columns)
        )
        for kernel in self.weight:
            nn.init.kaiming_normal_(kernel, mode="fan_out", nonlinearity="relu")
        hidden = max(16, in_channels // reduction)
        self.squeeze = nn.Sequential(
            nn.Linear(in_channels, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU()
        )
        depthwise = self.groups == in_channels == out_channels
        self.inputs = nn.Linear(hidden, in_channels)
        self.outputs = None if depthwise else nn.Linear(hidden, out_channels)
        self.positions = nn.Linear(hidden, rows * columns) if rows * columns > 1 else None
        self.shares = nn.Linear(hidden, kernels) if kernels > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, H', W')`."""
        batch = x.shape[0]
        means = self.squeeze(reduce(x, "b c h w -> b c", "mean"))
        x = x * rearrange(self.inputs(means).sigmoid(), "b i -> b i 1 1")
        # One convolution with a group of kernels per sample does the whole batch.
        out = F.conv2d(
            rearrange(x, "b i h w -> 1 (b i) h w"),
            rearrange(self.kernel(means), "b o i k l -> (b o) i k l"),
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=batch * self.groups,
        )
        out = rearrange(out, "1 (b o) h w -> b o h w", b=batch)
        if self.outputs is not None:
            out = out * rearrange(self.outputs(means).sigmoid(), "b o -> b o 1 1")
        return out

    def kernel(self, means: Tensor) -> Tensor:
        """The kernel of each sample: `(B, hidden) -> (B, b, a / groups, k, k)`."""
        if self.shares is None:
            mixed = self.weight.expand(means.shape[0], -1, -1, -1, -1)
        else:
            shares = self.shares(means).softmax(dim=1)
            mixed = torch.einsum("b n, n o i k l -> b o i k l", shares, self.weight)
        if self.positions is None:
            return mixed
        gate = self.positions(means).sigmoid()
        kernel: Tensor = mixed * rearrange(gate, "b (k l) -> b 1 1 k l", k=self.weight.shape[3])
        return kernel


def centred(kernel_size: int | Pair, dilation: int | Pair) -> Pair:
    """The padding per axis that centres an odd kernel on each pixel."""
    kernel, reach = pair(kernel_size), pair(dilation)
    return reach[0] * (kernel[0] - 1) // 2, reach[1] * (kernel[1] - 1) // 2


def pair(value: int | Pair) -> Pair:
    """One number for both axes, or a pair as it is: (rows, columns)."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])
