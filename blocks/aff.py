"""Attentional feature fusion: per value, how much comes from x and how much from the skip.

Paper: Dai et al., Attentional Feature Fusion, 2021, arXiv:2009.14082
Family: fusion
Shape: (B, C, H, W), (B, C, H, W) -> (B, C, H, W)
Parameters: 4*C*max(1, C//r) + 6*max(1, C//r) + 6*C
"""

from torch import Tensor, nn

__all__ = ["AFF"]


class AFF(nn.Module):
    """Weighted sum of two maps: `(B, C, H, W), (B, C, H, W) -> (B, C, H, W)`; arXiv:2009.14082.

    The two weights of a value add up to 2, so that equal weights give the plain sum, as in the
    authors' code. The hidden width is `max(1, channels // reduction)`. The batch norm
    behind the mean needs a batch of two in training.
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.weight = MultiScaleAttention(channels, max(1, channels // reduction))

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """`(B, C, H, W), (B, C, H, W) -> (B, C, H, W)`."""
        weight = self.weight(x + skip)
        out: Tensor = 2 * (x * weight + skip * (1 - weight))
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
