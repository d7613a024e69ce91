"""Efficient channel attention: a gate per channel, from the means of its neighbour channels.

Paper: Wang et al., ECA-Net, 2020, arXiv:1910.03151
Family: attention
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: max(3, int(abs((log2(C) + 1) / 2)) // 2 * 2 + 1)
"""

from math import log2

from einops import rearrange, reduce
from torch import Tensor, nn

__all__ = ["ECA"]


class ECA(nn.Module):
    """Channel attention without reduction: `(B, C, *spatial) -> (B, C, *spatial)`.

    arXiv:1910.03151. `kernel_size=None` takes the odd kernel that the paper derives from the width,
    `(log2(C) + beta) / gamma`, and at least 3.
    """

    def __init__(
        self, channels: int, kernel_size: int | None = None, gamma: float = 2, beta: float = 1
    ) -> None:
        super().__init__()
        if kernel_size is None:
            nearest = int(abs((log2(channels) + beta) / gamma))
            kernel_size = max(3, nearest // 2 * 2 + 1)
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {kernel_size}")
        self.conv = nn.Conv1d(1, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.act = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, *spatial) -> (B, C, *spatial)`."""
        means = reduce(x, "b c ... -> b 1 c", "mean")
        gate = rearrange(self.act(self.conv(means)), "b 1 c -> b c")
        scaled: Tensor = x * gate.reshape(*gate.shape, *[1] * (x.ndim - 2))
        return scaled
