# stitch inspect spans_two_widths.py:FPN --input 1x3x64x64
# wrong: ST101 out_channels * 2
import torch
from torch import nn
from torch.nn import functional as F


class FPN(nn.Module):
    def __init__(self, in_channels=(16, 32, 64), out_channels=24):
        super().__init__()
        self.stem = nn.Conv2d(3, in_channels[0], 3, padding=1)
        self.downs = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip(in_channels, in_channels[1:])
        )
        self.laterals = nn.ModuleList([nn.Conv2d(c, out_channels, 1) for c in in_channels])
        self.smooth = nn.Conv2d(out_channels * 2, out_channels, 3, padding=1)
        self.head = nn.Conv2d(out_channels, 2, 1)

    def forward(self, x):
        feats = [self.stem(x)]
        for down in self.downs:
            feats.append(F.relu(down(feats[-1])))
        tops = [lateral(f) for lateral, f in zip(self.laterals, feats)]
        size = tops[0].shape[2:]
        x = torch.cat([F.interpolate(t, size=size) for t in tops], dim=1)
        return self.head(self.smooth(x))
