# stitch inspect st101_layer_norm.py:ConvNeXtBlock --input 1x16x16x16
# wrong: ST101 self.norm(self.dwconv(x))
from torch import nn


class ConvNeXtBlock(nn.Module):
    """Forgets to put the channels last before the norm, and first again behind the second Linear."""

    def __init__(self, dim=16, mlp_ratio=4):
        super().__init__()
        self.dwconv = nn.Conv2d(dim, dim, 5, padding=0, groups=dim)
        self.norm = nn.LayerNorm(dim)
        self.pwconv1 = nn.Conv2d(dim, dim * mlp_ratio, 1)
        self.act = nn.GELU()
        self.pwconv2 = nn.Conv2d(dim * mlp_ratio, dim, 1)

    def forward(self, x):
        x = self.norm(self.dwconv(x))
        return self.pwconv2(self.act(self.pwconv1(x)))
