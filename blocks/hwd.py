"""Haar wavelet downsampling: half the size, with every detail kept in the channels.

Paper: Xu et al., Haar wavelet downsampling, 2023, doi:10.1016/j.patcog.2023.109819
Family: down
Shape: (B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))
Parameters: 4*a*b + 3*b
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["HWD"]


class HWD(nn.Module):
    """Wavelet, then 1 x 1 convolution: `(B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))`.

    doi:10.1016/j.patcog.2023.109819. An odd height or width gets a row or column of zeros behind
    it.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4 * in_channels, out_channels, 1)
        self.norm = nn.BatchNorm2d(out_channels)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))`."""
        out: Tensor = self.act(self.norm(self.conv(haar(x))))
        return out


def haar(x: Tensor) -> Tensor:
    """Mean and differences of each 2 x 2 cell: `(B, C, H, W) -> (B, 4*C, ceil(H/2), ceil(W/2))`."""
    x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
    top, bottom = x[:, :, 0::2], x[:, :, 1::2]
    both, rows = top + bottom, top - bottom
    parts = [both[..., 0::2] + both[..., 1::2], rows[..., 0::2] + rows[..., 1::2]]
    parts += [both[..., 0::2] - both[..., 1::2], rows[..., 0::2] - rows[..., 1::2]]
    return torch.cat(parts, dim=1) / 2
