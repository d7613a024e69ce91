# stitch inspect st102_dilations.py:ASPP --input 1x3x32x32
# wrong: ST102 torch.cat([branch(x) for branch in self.branches], dim=1)
import torch
from torch import nn


class ASPP(nn.Module):
    """The padding does not follow the dilation."""

    def __init__(self, cin=3, width=8, rates=(1, 2, 4)):
        super().__init__()
        self.branches = nn.ModuleList(
            [nn.Conv2d(cin, width, 3, padding=1, dilation=rate) for rate in rates]
        )
        self.project = nn.Conv2d(width * len(rates), 16, 1)

    def forward(self, x):
        x = torch.cat([branch(x) for branch in self.branches], dim=1)
        return self.project(x)
