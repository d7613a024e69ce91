"""MBConv: expand, convolve depthwise, gate the channels, and reduce again.

Paper: Tan, Le, EfficientNet, 2019, arXiv:1905.11946
Family: block
Shape: (B, a, H, W) -> (B, b, H', W')
Parameters: 4*a*a + (k*k + 5 + b)*4*a + (8*a + 1)*max(1, a//4) + 2*b
"""

from einops import reduce
from torch import Tensor, nn

__all__ = ["MBConv"]

Pair = tuple[int, int]


class MBConv(nn.Module):
    """Inverted residual with a channel gate: `(B, a, H, W) -> (B, b, H', W')`; arXiv:1905.11946.

    H' = ceil(H / stride). The hidden width is `expansion * in_channels`, without a convolution for
    an expansion of 1; the gate's is `max(1, in_channels // 4)`. The shortcut is there where neither
    width nor size changes. Raises ValueError for an even kernel.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair = 3,
        stride: int | Pair = 1,
        expansion: int = 4,
    ) -> None:
        super().__init__()
        kernel = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
        if kernel[0] % 2 == 0 or kernel[1] % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {kernel_size}")
        hidden = expansion * in_channels
        self.expand: nn.Module = nn.Identity()
        if expansion != 1:
            self.expand = nn.Sequential(
                nn.Conv2d(in_channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.SiLU()
            )
        padding = (kernel[0] // 2, kernel[1] // 2)
        self.depthwise = nn.Sequential(
            nn.Conv2d(hidden, hidden, kernel, stride, padding, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.SiLU(),
        )
        squeezed = max(1, in_channels // 4)
        self.gate = nn.Sequential(
            nn.Conv2d(hidden, squeezed, 1), nn.SiLU(), nn.Conv2d(squeezed, hidden, 1), nn.Sigmoid()
        )
        self.reduce = nn.Sequential(
            nn.Conv2d(hidden, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)
        )
        self.shortcut = in_channels == out_channels and stride in (1, (1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, H', W')`."""
        hidden = self.depthwise(self.expand(x))
        gate = self.gate(reduce(hidden, "b c h w -> b c 1 1", "mean"))
        out: Tensor = self.reduce(hidden * gate)
        return x + out if self.shortcut else out
