"""CARAFE: each new pixel is a weighted mean of its neighbourhood, with weights from the content.

Paper: Wang et al., CARAFE, 2019, arXiv:1905.02188
Family: up
Shape: (B, a, H, W) -> (B, b, s*H, s*W)
Parameters: 64*a + 64 + 577*25*s*s + (a*b + b if a != b else 0)
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

__all__ = ["CARAFE"]


class CARAFE(nn.Module):
    """Content-aware reassembly: `(B, a, H, W) -> (B, b, s*H, s*W)`; arXiv:1905.02188.

    A neighbourhood is `up_kernel` pixels wide and high, and zero beyond the border. A 1 x 1
    convolution follows where `out_channels` differs from `in_channels`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int | None = None,
        scale: int = 2,
        up_kernel: int = 5,
        encoder_kernel: int = 3,
        compressed_channels: int = 64,
    ) -> None:
        super().__init__()
        if up_kernel % 2 == 0 or encoder_kernel % 2 == 0:
            raise ValueError(f"kernels must be odd, got {up_kernel} and {encoder_kernel}")
        self.scale, self.up_kernel = scale, up_kernel
        self.compress = nn.Conv2d(in_channels, compressed_channels, 1)
        self.encode = nn.Conv2d(
            compressed_channels,
            up_kernel**2 * scale**2,
            encoder_kernel,
            padding=encoder_kernel // 2,
        )
        # Near 0, so that the weights start almost equal.
        nn.init.normal_(self.encode.weight, std=0.001)
        nn.init.zeros_(self.encode.bias)  # type: ignore[arg-type]
        width = in_channels if out_channels is None else out_channels
        same = width == in_channels
        self.project = nn.Identity() if same else nn.Conv2d(in_channels, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, s*H, s*W)`."""
        k, s = self.up_kernel, self.scale
        weights = self.encode(self.compress(x))
        weights = rearrange(weights, "b (k i j) h w -> b k h i w j", i=s, j=s).softmax(dim=1)
        around = F.unfold(x, k, padding=k // 2)
        around = rearrange(around, "b (c k) (h w) -> b c k h w", k=k * k, h=x.shape[2])
        pixels = torch.einsum("bckhw,bkhiwj->bchiwj", around, weights)
        out: Tensor = self.project(rearrange(pixels, "b c h i w j -> b c (h i) (w j)"))
        return out
