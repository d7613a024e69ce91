# stitch inspect st105.py:Net --input 1x3x32x32
# wrong: ST105 32
from torch import nn


class ConvGN(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.GroupNorm(32, cout)
        self.act = nn.SiLU()

    def forward(self, x):
        return self.act(self.norm(self.conv(x)))


class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.stem = ConvGN(3, 32)
        self.stage1 = ConvGN(32, 48, stride=2)
        self.stage2 = ConvGN(48, 96, stride=2)
        self.head = nn.Conv2d(96, classes, 1)

    def forward(self, x):
        return self.head(self.stage2(self.stage1(self.stem(x))))
