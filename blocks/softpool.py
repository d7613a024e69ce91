"""Soft pooling: the mean of each 2 x 2 window, weighted by the exponentials of its values.

Paper: Stergiou, Poppe, Kalliatakis, SoftPool, 2021, arXiv:2101.00440
Family: down
Shape: (B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))
Parameters: a*b + b if a != b else 0
"""

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

__all__ = ["SoftPool"]


class SoftPool(nn.Module):
    """Softmax-weighted pooling: `(B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))`; arXiv:2101.00440.

    Each channel by itself, as in the paper; the authors' code for the CPU takes one set of weights
    for all. At an odd height or width the last windows hold fewer values. A 1 x 1 convolution
    follows where `out_channels` differs from `in_channels`.
    """

    def __init__(self, in_channels: int, out_channels: int | None = None) -> None:
        super().__init__()
        width = in_channels if out_channels is None else out_channels
        same = width == in_channels
        self.project = nn.Identity() if same else nn.Conv2d(in_channels, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))`."""
        # What is added to an odd map has the weight exp(-inf) = 0.
        weights = windows(x, float("-inf")).softmax(dim=-1)
        out: Tensor = self.project((windows(x, 0.0) * weights).sum(dim=-1))
        return out


def windows(x: Tensor, fill: float) -> Tensor:
    """The values of each 2 x 2 window: `(B, C, H, W) -> (B, C, ceil(H/2), ceil(W/2), 4)`."""
    x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2), value=fill)
    return rearrange(x, "b c (h p) (w q) -> b c h w (p q)", p=2, q=2)
