# stitch inspect spans_norm_width.py:Net --input 1x3x32x32
# wrong: ST101 cin
from torch import nn


class ConvNormAct(nn.Module):
    def __init__(self, cin, cout, k=3):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, k, padding=k // 2)
        self.norm = nn.BatchNorm2d(cin)
        self.act = nn.ReLU()

    def forward(self, x):
        return self.act(self.norm(self.conv(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(ConvNormAct(3, 16), ConvNormAct(16, 16), ConvNormAct(16, 32))

    def forward(self, x):
        return self.body(x)
