"""Large separable kernel attention: a gate per value, from strip convolutions of a large kernel.

Paper: Lau, Po, Rehman, Large Separable Kernel Attention, 2023, arXiv:2309.01439
Family: attention
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: C*C + 17*C
"""

from torch import Tensor, nn

__all__ = ["LSKA"]

# The paper's kernels, and the dilation of each one's outer strips.
DILATION = {7: 2, 11: 2, 23: 3, 35: 3, 41: 3, 53: 3}


class LSKA(nn.Module):
    """Large-kernel gate: `(B, C, H, W) -> (B, C, H, W)`; arXiv:2309.01439.

    `kernel_size` is what one value of the gate sees along each axis: 7, 11, 23, 35, 41 or 53. It
    is built from strips of `2 * dilation - 1` and, dilated, of `kernel_size / dilation` pixels.
    """

    def __init__(self, channels: int, kernel_size: int = 7) -> None:
        super().__init__()
        if kernel_size not in DILATION:
            raise ValueError(f"kernel_size must be one of {[*DILATION]}, got {kernel_size}")
        dilation = DILATION[kernel_size]
        near = 2 * dilation - 1
        far = (kernel_size - near) // dilation + 1
        self.gate = nn.Sequential(
            strip(channels, (1, near), 1),
            strip(channels, (near, 1), 1),
            strip(channels, (1, far), dilation),
            strip(channels, (far, 1), dilation),
            nn.Conv2d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        out: Tensor = x * self.gate(x)
        return out


def strip(channels: int, kernel_size: tuple[int, int], dilation: int) -> nn.Conv2d:
    """A centred depthwise convolution: `(B, C, H, W) -> (B, C, H, W)`."""
    padding = (dilation * (kernel_size[0] // 2), dilation * (kernel_size[1] // 2))
    return nn.Conv2d(
        channels, channels, kernel_size, padding=padding, dilation=dilation, groups=channels
    )
