"""ADown: half of the channels are downsampled by a strided convolution, half by max pooling.

Paper: Wang, Yeh, Liao, YOLOv9, 2024, arXiv:2402.13616
Family: down
Shape: (B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))
Parameters: 9*(a//2)*(b//2) + (a - a//2)*(b - b//2) + 2*b
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["ADown"]


class ADown(nn.Module):
    """Two ways down at once: `(B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))`; arXiv:2402.13616.

    An odd height or width has its last row or column repeated, where the authors' code drops it.
    Raises ValueError for a width below 2, which has no halves.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        if min(in_channels, out_channels) < 2:
            raise ValueError(
                f"both widths must be at least 2, got {in_channels} and {out_channels}"
            )
        self.split = [in_channels // 2, in_channels - in_channels // 2]
        half = out_channels // 2
        self.smooth = nn.AvgPool2d(2, stride=1)
        self.strided = conv_norm_act(self.split[0], half, 3, 2)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.pointwise = conv_norm_act(self.split[1], out_channels - half, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, ceil(H/2), ceil(W/2))`."""
        x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2), mode="replicate")
        first, second = self.smooth(x).split(self.split, dim=1)
        return torch.cat([self.strided(first), self.pointwise(self.pool(second))], dim=1)


def conv_norm_act(
    in_channels: int, out_channels: int, kernel_size: int, stride: int
) -> nn.Sequential:
    """Convolution, batch norm and SiLU: `(B, a, H, W) -> (B, b, H', W')`."""
    return nn.Sequential(
        nn.Conv2d(
            in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2, bias=False
        ),
        nn.BatchNorm2d(out_channels),
        nn.SiLU(),
    )
