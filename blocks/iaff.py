"""Iterative attentional feature fusion: a first fusion tells how the second one weighs the maps.

Paper: Dai et al., Attentional Feature Fusion, 2021, arXiv:2009.14082
Family: fusion
Shape: (B, C, H, W), (B, C, H, W) -> (B, C, H, W)
Parameters: 8*C*max(1, C//r) + 12*max(1, C//r) + 12*C
"""

from torch import Tensor, nn

__all__ = ["IAFF"]


class IAFF(nn.Module):
    """Two rounds of weighing: `(B, C, H, W), (B, C, H, W) -> (B, C, H, W)`; arXiv:2009.14082.

    Each round has weights of its own, as the paper draws it; the authors' code builds those of the
    second round's global branch and never uses them. The hidden width is
    `max(1, channels // reduction)`. The batch norm behind the mean needs a batch of two in
    training.
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.first = MultiScaleAttention(channels, hidden)
        self.second = MultiScaleAttention(channels, hidden)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """`(B, C, H, W), (B, C, H, W) -> (B, C, H, W)`."""
        weight = self.first(x + skip)
        weight = self.second(x * weight + skip * (1 - weight))
        out: Tensor = x * weight + skip * (1 - weight)
        return out


class MultiScaleAttention(nn.Module):
    """A weight per value, of its pixel and of the whole map: `(B, C, H, W) -> (B, C, H, W)`."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.local = bottleneck(channels, hidden)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.whole = bottleneck(channels, hidden)
        self.act = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        out: Tensor = self.act(self.local(x) + self.whole(self.pool(x)))
        return out


def bottleneck(channels: int, hidden: int) -> nn.Sequential:
    """Two 1 x 1 convolutions, each with batch norm: `(B, C, H, W) -> (B, C, H, W)`."""
    return nn.Sequential(
        nn.Conv2d(channels, hidden, 1),
        nn.BatchNorm2d(hidden),
        nn.ReLU(),
        nn.Conv2d(hidden, channels, 1),
        nn.BatchNorm2d(channels),
    )
