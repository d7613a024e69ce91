"""Coordinate attention: a gate per row and a gate per column, from the means along them.

Paper: Hou, Zhou, Feng, Coordinate Attention, 2021, arXiv:2103.02907
Family: attention
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: 3*max(8, C//r)*(C + 1) + 2*C
"""

import torch
from einops import rearrange, reduce
from torch import Tensor, nn

__all__ = ["CoordAtt"]


class CoordAtt(nn.Module):
    """Gates along both axes: `(B, C, H, W) -> (B, C, H, W)`; arXiv:2103.02907.

    Both axes share one hidden layer of `max(8, channels // reduction)` channels.
    """

    def __init__(self, channels: int, reduction: int = 32) -> None:
        super().__init__()
        hidden = max(8, channels // reduction)
        self.shared = nn.Sequential(
            nn.Conv1d(channels, hidden, 1), nn.BatchNorm1d(hidden), nn.Hardswish()
        )
        self.rows = nn.Conv1d(hidden, channels, 1)
        self.columns = nn.Conv1d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        height, width = x.shape[2:]
        means = [reduce(x, "b c h w -> b c h", "mean"), reduce(x, "b c h w -> b c w", "mean")]
        shared = self.shared(torch.cat(means, dim=2))
        along_rows, along_columns = torch.split(shared, [height, width], dim=2)
        row = rearrange(self.rows(along_rows).sigmoid(), "b c h -> b c h 1")
        column = rearrange(self.columns(along_columns).sigmoid(), "b c w -> b c 1 w")
        out: Tensor = x * row * column
        return out
