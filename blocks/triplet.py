"""Triplet attention: three gates, each over a different pair of the axes C, H and W.

Paper: Misra et al., Rotate to Attend (Triplet Attention), 2021, arXiv:2010.03045
Family: attention
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: 6*k*k + 6
"""

import torch
from einops import rearrange, reduce
from torch import Tensor, nn

__all__ = ["Triplet"]


class Triplet(nn.Module):
    """The mean of three gated maps: `(B, C, H, W) -> (B, C, H, W)`; arXiv:2010.03045."""

    def __init__(self, kernel_size: int = 7) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {kernel_size}")
        self.over_h = Gate(kernel_size)
        self.over_w = Gate(kernel_size)
        self.over_c = Gate(kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        across_h = self.over_h(rearrange(x, "b c h w -> b h c w"))
        across_w = self.over_w(rearrange(x, "b c h w -> b w h c"))
        total = rearrange(across_h, "b h c w -> b c h w") + rearrange(
            across_w, "b w h c -> b c h w"
        )
        out: Tensor = (total + self.over_c(x)) / 3
        return out


class Gate(nn.Module):
    """Gated by the maximum and mean over the first axis: `(B, P, Q, R) -> (B, P, Q, R)`."""

    def __init__(self, kernel_size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.norm = nn.BatchNorm2d(1, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, P, Q, R) -> (B, P, Q, R)`."""
        maximum = reduce(x, "b p q r -> b 1 q r", "max")
        mean = reduce(x, "b p q r -> b 1 q r", "mean")
        return x * torch.sigmoid(self.norm(self.conv(torch.cat([maximum, mean], dim=1))))
