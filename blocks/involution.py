"""Involution: every pixel makes its own k x k kernel, shared by the channels of a group.

Paper: Li et al., Involution, 2021, arXiv:2103.06255
Family: conv
Shape: (B, C, H, W) -> (B, C, H', W')
Parameters: max(1, C//r)*(C + 2 + k*k*g) + k*k*g
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

__all__ = ["Involution"]


class Involution(nn.Module):
    """Kernels that vary in space, not over channels: `(B, C, H, W) -> (B, C, H', W')`.

    arXiv:2103.06255. H' = ceil(H / stride). `groups=None` takes one group per 16 channels, as the
    paper does; either way the number is reduced to the largest divisor of the width that is not
    above it, and the attribute `groups` holds it. The pooling before a stride keeps the last row
    of an odd map, which the public code drops and then fails on.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int = 7,
        stride: int = 1,
        groups: int | None = None,
        reduction: int = 4,
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {kernel_size}")
        self.kernel_size = kernel_size
        self.stride = stride
        self.groups = largest_divisor(
            channels, max(1, channels // 16 if groups is None else groups)
        )
        hidden = max(1, channels // reduction)
        self.pool = nn.AvgPool2d(stride, stride, ceil_mode=True) if stride > 1 else nn.Identity()
        self.kernel = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.Conv2d(hidden, kernel_size**2 * self.groups, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H', W')`."""
        kernel = self.kernel(self.pool(x))
        height, width = kernel.shape[2:]
        kernel = rearrange(kernel, "b (g k) h w -> b g k (h w)", g=self.groups)
        patches = F.unfold(x, self.kernel_size, padding=self.kernel_size // 2, stride=self.stride)
        patches = rearrange(patches, "b (g c k) p -> b g c k p", g=self.groups, k=kernel.shape[2])
        out = torch.einsum("b g k p, b g c k p -> b g c p", kernel, patches)
        return rearrange(out, "b g c (h w) -> b (g c) h w", h=height, w=width)


def largest_divisor(number: int, limit: int) -> int:
    """The largest divisor of `number` up to `limit`."""
    return max(d for d in range(1, limit + 1) if number % d == 0)
