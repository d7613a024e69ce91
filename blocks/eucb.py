"""Efficient up-convolution block: nearest upsampling, a depthwise convolution, a pointwise one.

Paper: Rahman, Munir, Marculescu, EMCAD, 2024, arXiv:2405.06880
Family: up
Shape: (B, a, H, W) -> (B, b, s*H, s*W)
Parameters: k*k*a + 2*a + a*b + b
"""

from torch import Tensor, nn

__all__ = ["EUCB"]


class EUCB(nn.Module):
    """Upsample, then separable convolution: `(B, a, H, W) -> (B, b, s*H, s*W)`; arXiv:2405.06880.

    The authors' code shuffles the channels in groups of one before the 1 x 1 convolution, which
    changes nothing and is left out.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        scale: int = 2,
        kernel_size: int | tuple[int, int] = 3,
    ) -> None:
        super().__init__()
        self.upsample = nn.Upsample(scale_factor=scale)
        self.depthwise = nn.Conv2d(
            in_channels, in_channels, kernel_size, padding="same", groups=in_channels, bias=False
        )
        self.norm = nn.BatchNorm2d(in_channels)
        self.act = nn.ReLU()
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, s*H, s*W)`."""
        x = self.act(self.norm(self.depthwise(self.upsample(x))))
        out: Tensor = self.pointwise(x)
        return out
