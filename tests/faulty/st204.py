# stitch inspect st204.py:Net --input 1x3x32x32 --replace conv=dwconv
# wrong: ST204 -
from torch import nn


class Bottleneck(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.reduce = nn.Conv2d(width, width // 4, 1)
        self.conv = nn.Conv2d(width // 4, width // 4, 3, padding=1)
        self.expand = nn.Conv2d(width // 4, width, 1)
        self.act = nn.ReLU()

    def forward(self, x):
        return x + self.expand(self.act(self.conv(self.act(self.reduce(x)))))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 3, padding=1)
        self.body = nn.Sequential(Bottleneck(64), Bottleneck(64))

    def forward(self, x):
        return self.body(self.stem(x))
