"""InceptionNeXt block: depthwise square and strip convolutions, then an MLP, with a shortcut.

Paper: Yu et al., InceptionNeXt, 2024, arXiv:2303.16900
Family: block
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: 34*max(1, C//8) + 8*C*C + 8*C
Init: identity
"""

import torch
from einops import rearrange
from torch import Tensor, nn

__all__ = ["InceptionNeXt"]


class InceptionNeXt(nn.Module):
    """Inception mixing and MLP: `(B, C, H, W) -> (B, C, H, W)`; arXiv:2303.16900.

    Three branches of `max(1, channels // 8)` channels each are convolved, the other channels are
    not; a width below 3 has no room for them and raises ValueError. What is added to the input is
    scaled by `layer_scale` per channel, which is learnt and so small at first that the block gives
    its input back.
    """

    def __init__(self, channels: int, expansion: int = 4, layer_scale: float = 1e-6) -> None:
        super().__init__()
        if channels < 3:
            raise ValueError(f"channels must be at least 3, got {channels}")
        self.mixer = InceptionMixer(channels)
        self.norm = nn.BatchNorm2d(channels)
        self.mlp = nn.Sequential(
            nn.Conv2d(channels, expansion * channels, 1),
            nn.GELU(),
            nn.Conv2d(expansion * channels, channels, 1),
        )
        self.scale = nn.Parameter(torch.full((channels,), layer_scale))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        scale = rearrange(self.scale, "c -> c 1 1")
        out: Tensor = x + scale * self.mlp(self.norm(self.mixer(x)))
        return out


class InceptionMixer(nn.Module):
    """3 x 3, 1 x 11 and 11 x 1 depthwise on a part each: `(B, C, H, W) -> (B, C, H, W)`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        part = max(1, channels // 8)
        self.parts = [channels - 3 * part, part, part, part]
        self.square = nn.Conv2d(part, part, 3, padding=1, groups=part)
        self.row = nn.Conv2d(part, part, (1, 11), padding=(0, 5), groups=part)
        self.column = nn.Conv2d(part, part, (11, 1), padding=(5, 0), groups=part)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        rest, square, row, column = torch.split(x, self.parts, dim=1)
        mixed = [rest, self.square(square), self.row(row), self.column(column)]
        return torch.cat(mixed, dim=1)
