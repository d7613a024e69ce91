"""DySample: bilinear upsampling whose sampling points are moved by a learnt offset.

Paper: Liu et al., Learning to Upsample by Learning to Sample, 2023, arXiv:2308.15085
Family: up
Shape: (B, a, H, W) -> (B, b, s*H, s*W)
Parameters: 2*g*s*s*(a + 1) + (a*b + b if a != b else 0)
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

__all__ = ["DySample"]


class DySample(nn.Module):
    """Dynamic upsampling: `(B, a, H, W) -> (B, b, s*H, s*W)`; arXiv:2308.15085.

    The offsets are computed at the input's size ("lp") or at the output's from the pixel-shuffled
    map ("pl", needs a width that scale**2 divides, else ValueError); `dyscope` computes their range
    too. At first they are almost 0: bilinear interpolation. `groups` is reduced to the largest
    divisor of `in_channels` that is not above it. A 1 x 1 convolution follows where `out_channels`
    differs from `in_channels`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int | None = None,
        scale: int = 2,
        groups: int = 4,
        style: str = "lp",
        dyscope: bool = False,
    ) -> None:
        super().__init__()
        if groups < 1:
            raise ValueError(f"groups must be at least 1, got {groups}")
        if style not in ("lp", "pl"):
            raise ValueError(f"style must be 'lp' or 'pl', got {style!r}")
        if style == "pl" and in_channels % scale**2:
            raise ValueError(f"style 'pl' needs in_channels divisible by {scale**2}")
        self.groups = max(d for d in range(1, groups + 1) if in_channels % d == 0)
        self.scale, self.shuffled = scale, style == "pl"
        cell = scale**2
        widths = (in_channels // cell, 2 * self.groups)
        widths = widths if self.shuffled else (in_channels, 2 * self.groups * cell)
        self.offset = nn.Conv2d(*widths, 1)
        nn.init.normal_(self.offset.weight, std=0.001)
        nn.init.zeros_(self.offset.bias)  # type: ignore[arg-type]
        self.scope = nn.Conv2d(*widths, 1, bias=False) if dyscope else None
        if self.scope is not None:
            nn.init.zeros_(self.scope.weight)
        width = in_channels if out_channels is None else out_channels
        same = width == in_channels
        self.project = nn.Identity() if same else nn.Conv2d(in_channels, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, s*H, s*W)`."""
        height, width = x.shape[2:]
        rows, columns = (
            torch.linspace(1 / n - 1, 1 - 1 / n, n, dtype=x.dtype, device=x.device)
            for n in (height * self.scale, width * self.scale)
        )
        across, down = self.offsets(x)
        # In grid_sample's units the map is 2 wide and 2 high.
        across, down = columns + across * (2 / width), rows[:, None] + down * (2 / height)
        points = torch.stack([across, down], dim=-1)
        grouped = rearrange(x, "b (g c) h w -> (b g) c h w", g=self.groups)
        moved = F.grid_sample(grouped, points, padding_mode="border", align_corners=False)
        out: Tensor = self.project(rearrange(moved, "(b g) c h w -> b (g c) h w", g=self.groups))
        return out

    def offsets(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The points' way in source pixels, across and down: two of `(B*g, s*H, s*W)`."""
        source = F.pixel_shuffle(x, self.scale) if self.shuffled else x
        offset = 0.25 * self.offset(source)
        if self.scope is not None:
            offset = 2 * offset * torch.sigmoid(self.scope(source))
        if not self.shuffled:
            offset = F.pixel_shuffle(offset, self.scale)
        across, down = rearrange(offset, "b (two g) h w -> two (b g) h w", two=2)
        return across, down
