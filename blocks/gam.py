"""Global attention mechanism: a gate from each pixel's channels, then from its surroundings.

Paper: Liu, Shao, Hoffmann, Global Attention Mechanism, 2021, arXiv:2112.05561
Family: attention
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: 100*C*max(1, C//r) + 4*max(1, C//r) + 4*C
"""

from torch import Tensor, nn

__all__ = ["GAM"]


class GAM(nn.Module):
    """Channel, then spatial attention without pooling: `(B, C, H, W) -> (B, C, H, W)`.

    arXiv:2112.05561. The hidden width of both is `max(1, channels // reduction)`. Both gates end in
    a sigmoid, which much public code leaves out of the first.
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.channel = nn.Sequential(
            nn.Conv2d(channels, hidden, 1),
            nn.ReLU(),
            nn.Conv2d(hidden, channels, 1),
            nn.Sigmoid(),
        )
        self.spatial = nn.Sequential(
            nn.Conv2d(channels, hidden, 7, padding=3),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.Conv2d(hidden, channels, 7, padding=3),
            nn.BatchNorm2d(channels),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        x = x * self.channel(x)
        out: Tensor = x * self.spatial(x)
        return out
