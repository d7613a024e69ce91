"""Content-guided attention fusion: a weight per value divides it between x and the skip.

Paper: Chen et al., DEA-Net, 2024, arXiv:2301.04805
Family: fusion
Shape: (B, C, H, W), (B, C, H, W) -> (B, C, H, W)
Parameters: C*C + 2*C*max(1, C//r) + max(1, C//r) + 101*C + 99
"""

import torch
import torch.nn.functional as F
from einops import rearrange, reduce
from torch import Tensor, nn

__all__ = ["CGAFusion"]


class CGAFusion(nn.Module):
    """Content-guided mixing: `(B, C, H, W), (B, C, H, W) -> (B, C, H, W)`; arXiv:2301.04805.

    The weight passes one sigmoid, as in the paper; the authors' code applies a second one, which
    keeps the weight between 0.5 and 0.73. Borders are reflected, or repeated where the map is too
    small for that. The hidden width is `max(1, channels // reduction)`.
    """

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.channel = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, hidden, 1),
            nn.ReLU(),
            nn.Conv2d(hidden, channels, 1),
        )
        self.spatial = nn.Conv2d(2, 1, 7)
        self.pixel = nn.Conv2d(2 * channels, channels, 7, groups=channels)
        self.mix = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """`(B, C, H, W), (B, C, H, W) -> (B, C, H, W)`."""
        both = x + skip
        mean = reduce(both, "b c h w -> b 1 h w", "mean")
        maximum = reduce(both, "b c h w -> b 1 h w", "max")
        coarse = self.channel(both) + self.spatial(padded(torch.cat([mean, maximum], dim=1)))
        # Side by side, so that each group sees one channel and its own coarse weights.
        pairs = rearrange([both, coarse], "two b c h w -> b (c two) h w")
        weight = torch.sigmoid(self.pixel(padded(pairs)))
        out: Tensor = self.mix(both + weight * x + (1 - weight) * skip)
        return out


def padded(x: Tensor) -> Tensor:
    """Three pixels more on every side: `(B, C, H, W) -> (B, C, H + 6, W + 6)`."""
    return F.pad(x, (3, 3, 3, 3), mode="reflect" if min(x.shape[2:]) > 3 else "replicate")
