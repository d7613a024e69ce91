"""Patch merging: each 2 x 2 cell becomes one normed vector, then a linear map sets the width.

Paper: Liu et al., Swin Transformer, 2021, arXiv:2103.14030
Family: down
Shape: (B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))
Parameters: 4*a*b + 8*a
"""

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

__all__ = ["PatchMerging"]


class PatchMerging(nn.Module):
    """Merge 2 x 2 cells: `(B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))`; arXiv:2103.14030.

    For maps, not tokens, and of any size; the paper has b = 2*a. An odd height or width gets a row
    or column of zeros behind it.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * in_channels)
        self.reduce = nn.Linear(4 * in_channels, out_channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))`."""
        x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
        cells = rearrange(x, "b c (h p) (w q) -> b h w (q p c)", p=2, q=2)
        merged: Tensor = self.reduce(self.norm(cells))
        return rearrange(merged, "b h w c -> b c h w")
