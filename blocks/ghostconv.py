"""Ghost convolution: half of the channels by a convolution, the rest by cheap filters of those.

Paper: Han et al., GhostNet, 2020, arXiv:1911.11907
Family: conv
Shape: (B, a, H, W) -> (B, b, H', W')
Parameters: k*k*a*((b + 1)//2) + 9*(b//2) + 2*b
"""

import torch
from torch import Tensor, nn

__all__ = ["GhostConv"]

Pair = tuple[int, int]


class GhostConv(nn.Module):
    """A convolution and its ghosts: `(B, a, H, W) -> (B, b, H', W')`; arXiv:1911.11907.

    The convolution makes ceil(b / 2) channels, one depthwise filter each makes the other b // 2 of
    them; both with batch norm and ReLU. For an odd b the filter whose output would be cut off is
    not built. `padding=None` keeps H and W at stride 1 for an odd kernel.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair = 1,
        stride: int | Pair = 1,
        padding: int | Pair | str | None = None,
        dilation: int | Pair = 1,
        cheap_kernel_size: int = 3,
    ) -> None:
        super().__init__()
        if cheap_kernel_size % 2 == 0:
            raise ValueError(f"cheap_kernel_size must be odd, got {cheap_kernel_size}")
        self.ghosts = out_channels // 2
        kept = out_channels - self.ghosts
        if padding is None:
            padding = centred(kernel_size, dilation)
        self.primary = nn.Sequential(
            nn.Conv2d(in_channels, kept, kernel_size, stride, padding, dilation, bias=False),
            nn.BatchNorm2d(kept),
            nn.ReLU(),
        )
        self.cheap = cheap(self.ghosts, cheap_kernel_size) if self.ghosts else None

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, H', W')`."""
        kept: Tensor = self.primary(x)
        if self.cheap is None:
            return kept
        return torch.cat([kept, self.cheap(kept[:, : self.ghosts])], dim=1)


def cheap(channels: int, kernel_size: int) -> nn.Sequential:
    """One filter per channel, batch norm and ReLU: `(B, C, H, W) -> (B, C, H, W)`."""
    return nn.Sequential(
        nn.Conv2d(
            channels, channels, kernel_size, padding=kernel_size // 2, groups=channels, bias=False
        ),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    )


def centred(kernel_size: int | Pair, dilation: int | Pair) -> Pair:
    """The padding per axis that centres an odd kernel on each pixel."""
    kernel, reach = pair(kernel_size), pair(dilation)
    return reach[0] * (kernel[0] - 1) // 2, reach[1] * (kernel[1] - 1) // 2


def pair(value: int | Pair) -> Pair:
    """One number for both axes, or a pair as it is: (rows, columns)."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])
