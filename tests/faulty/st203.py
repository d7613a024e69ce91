# stitch inspect st203.py:MultiScale --input 1x3x32x32
# wrong: ST203 nn.Conv2d(cin, width, 3, padding=d, dilation=d)
import torch
from torch import nn


class MultiScale(nn.Module):
    def __init__(self, cin=3, width=8, dilations=(1, 2, 4)):
        super().__init__()
        self.branches = [nn.Conv2d(cin, width, 3, padding=d, dilation=d) for d in dilations]
        self.fuse = nn.Conv2d(width * len(dilations), width, 1)

    def forward(self, x):
        x = torch.cat([branch(x) for branch in self.branches], dim=1)
        return self.fuse(x)
