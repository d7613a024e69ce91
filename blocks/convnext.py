"""ConvNeXt block: a 7 x 7 depthwise convolution, then an MLP per pixel, with a shortcut.

Paper: Liu et al., A ConvNet for the 2020s, 2022, arXiv:2201.03545
Family: block
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: 8*C*C + 58*C
Init: identity
"""

import torch
from einops import rearrange
from torch import Tensor, nn

__all__ = ["ConvNeXt"]


class ConvNeXt(nn.Module):
    """Depthwise convolution and MLP: `(B, C, H, W) -> (B, C, H, W)`; arXiv:2201.03545.

    What is added to the input is scaled by `layer_scale` per channel, which is learnt and so small
    at first that the block gives its input back.
    """

    def __init__(self, channels: int, expansion: int = 4, layer_scale: float = 1e-6) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(channels, expansion * channels),
            nn.GELU(),
            nn.Linear(expansion * channels, channels),
        )
        self.scale = nn.Parameter(torch.full((channels,), layer_scale))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        pixels = rearrange(self.depthwise(x), "b c h w -> b h w c")
        pixels = self.scale * self.mlp(self.norm(pixels))
        out: Tensor = x + rearrange(pixels, "b h w c -> b c h w")
        return out
