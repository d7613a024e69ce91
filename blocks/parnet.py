"""ParNet attention: the sum of 1 x 1 and 3 x 3 convolutions and the input, gated by its means.

Paper: Goyal et al., Non-deep Networks, 2021, arXiv:2110.07641
Family: attention
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: 11*C*C + 7*C
"""

from einops import rearrange, reduce
from torch import Tensor, nn

__all__ = ["ParNet"]


class ParNet(nn.Module):
    """Three parallel branches, then SiLU: `(B, C, H, W) -> (B, C, H, W)`; arXiv:2110.07641.

    The paper's form: every branch has a batch norm, the gated one before its gate, and so no
    convolution needs a bias.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm3 = nn.BatchNorm2d(channels)
        self.norm0 = nn.BatchNorm2d(channels)
        self.gate = nn.Linear(channels, channels)
        self.act = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        skip = self.norm0(x)
        gate = self.gate(reduce(skip, "b c h w -> b c", "mean")).sigmoid()
        skip = skip * rearrange(gate, "b c -> b c 1 1")
        out: Tensor = self.act(self.norm1(self.conv1(x)) + self.norm3(self.conv3(x)) + skip)
        return out
