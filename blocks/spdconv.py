"""Space-to-depth convolution: each 2 x 2 cell becomes channels, then a convolution mixes them.

Paper: Sunkara, Luo, No More Strided Convolutions or Pooling, 2022, arXiv:2208.03641
Family: down
Shape: (B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))
Parameters: 4*k*k*a*b + 2*b
"""

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

__all__ = ["SPDConv"]


class SPDConv(nn.Module):
    """Cells, then convolution: `(B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))`; arXiv:2208.03641.

    With batch norm and SiLU, as the paper has it in YOLOv5. An odd height or width gets a row or
    column of zeros behind it.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int | tuple[int, int] = 3
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            4 * in_channels, out_channels, kernel_size, padding="same", bias=False
        )
        self.norm = nn.BatchNorm2d(out_channels)
        self.act = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))`."""
        x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
        cells = rearrange(x, "b c (h p) (w q) -> b (q p c) h w", p=2, q=2)
        out: Tensor = self.act(self.norm(self.conv(cells)))
        return out
