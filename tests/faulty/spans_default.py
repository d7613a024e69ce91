# stitch inspect spans_default.py:Tower --input 1x16x32x32
# wrong: ST101 Reduce()
from torch import nn


class Reduce(nn.Module):
    def __init__(self, cin=32, cout=8):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 1)
        self.bn = nn.BatchNorm2d(cout)

    def forward(self, x):
        return self.bn(self.conv(x))


class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(16, 24, 3, padding=1)
        self.reduce = Reduce()

    def forward(self, x):
        return self.reduce(self.body(x))
