"""Self-attention over pixels: each gathers from all others, in several heads.

Paper: Vaswani et al., Attention Is All You Need, 2017, arXiv:1706.03762
Family: attention
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: 4*C*C + C
"""

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

__all__ = ["SelfAttention"]


class SelfAttention(nn.Module):
    """Multi-head attention with shortcut: `(B, C, H, W) -> (B, C, H, W)`; arXiv:1706.03762.

    `head_dim=None` splits the channels over the heads; their number is then reduced to the largest
    divisor of the width that is not above it. There is no norm and no code of position. Memory may
    grow with the square of H * W.
    """

    def __init__(
        self,
        channels: int,
        heads: int = 4,
        head_dim: int | None = None,
        shortcut: bool = True,
    ) -> None:
        super().__init__()
        if heads < 1:
            raise ValueError(f"heads must be at least 1, got {heads}")
        if head_dim is None:
            heads = max(d for d in range(1, heads + 1) if channels % d == 0)
            head_dim = channels // heads
        self.heads = heads
        self.shortcut = shortcut
        self.qkv = nn.Conv2d(channels, 3 * heads * head_dim, 1, bias=False)
        self.project = nn.Conv2d(heads * head_dim, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        query, key, value = rearrange(
            self.qkv(x), "b (three n d) h w -> three b n (h w) d", three=3, n=self.heads
        )
        seen = F.scaled_dot_product_attention(query, key, value)
        seen = rearrange(seen, "b n (h w) d -> b (n d) h w", h=x.shape[2])
        out: Tensor = self.project(seen)
        return x + out if self.shortcut else out
