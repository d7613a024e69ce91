"""Non-local block: adds to each pixel a mean over the whole map, weighted by likeness.

Paper: Wang et al., Non-local Neural Networks, 2018, arXiv:1711.07971
Family: attention
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: 4*C*max(1, C//2) + 3*max(1, C//2) + 3*C
Init: identity
"""

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

__all__ = ["NonLocal2d"]


class NonLocal2d(nn.Module):
    """Embedded Gaussian form, with shortcut: `(B, C, H, W) -> (B, C, H, W)`; arXiv:1711.07971.

    The pixels that are looked at are max-pooled 2 x 2, where an odd last row or column is kept.
    The last batch norm starts at zero, so that a network with this block added gives what it gave.
    Memory grows with the square of H * W.
    """

    def __init__(self, channels: int, hidden: int | None = None) -> None:
        super().__init__()
        if hidden is None:
            hidden = max(1, channels // 2)
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.query = nn.Conv2d(channels, hidden, 1)
        self.key = nn.Conv2d(channels, hidden, 1)
        self.value = nn.Conv2d(channels, hidden, 1)
        self.project = nn.Conv2d(hidden, channels, 1)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        query = rearrange(self.query(x), "b c h w -> b 1 (h w) c")
        key = rearrange(self.pool(self.key(x)), "b c h w -> b 1 (h w) c")
        value = rearrange(self.pool(self.value(x)), "b c h w -> b 1 (h w) c")
        # The paper's likeness is the plain product, not divided by a root of the width.
        seen = F.scaled_dot_product_attention(query, key, value, scale=1.0)
        seen = rearrange(seen, "b 1 (h w) c -> b c h w", h=x.shape[2])
        out: Tensor = x + self.norm(self.project(seen))
        return out
