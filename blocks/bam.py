"""Bottleneck attention: one gate per value, from a sum of channel and spatial attention.

Paper: Park et al., BAM, 2018, arXiv:1807.06514
Family: attention
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: 3*C*max(1, C//r) + 18*max(1, C//r)**2 + 13*max(1, C//r) + C + 1
"""

from einops import rearrange, reduce
from torch import Tensor, nn

__all__ = ["BAM"]


class BAM(nn.Module):
    """`x + x * gate`: `(B, C, H, W) -> (B, C, H, W)`; arXiv:1807.06514.

    The two branches are added, as the paper says; its public code multiplies them, and pools over
    a window that is right for square maps only. The hidden width is
    `max(1, channels // reduction)`. A batch norm follows the channels' means, so training takes two
    samples or more.
    """

    def __init__(self, channels: int, reduction: int = 16, dilation: int = 4) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.channel = nn.Sequential(
            nn.Linear(channels, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, channels),
        )
        layers: list[nn.Module] = [
            nn.Conv2d(channels, hidden, 1),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
        ]
        for _ in range(2):
            layers += [
                nn.Conv2d(hidden, hidden, 3, padding=dilation, dilation=dilation),
                nn.BatchNorm2d(hidden),
                nn.ReLU(),
            ]
        self.spatial = nn.Sequential(*layers, nn.Conv2d(hidden, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        channel = self.channel(reduce(x, "b c h w -> b c", "mean"))
        gate = (rearrange(channel, "b c -> b c 1 1") + self.spatial(x)).sigmoid()
        out: Tensor = x + x * gate
        return out
