# stitch inspect spans_followers.py:Net --input 1x3x32x32
# wrong: ST101 cin
# wrong: ST101 classes * 2
from torch import nn


class MBConv(nn.Module):
    def __init__(self, cin, cout, expand=4):
        super().__init__()
        width = cin * expand
        self.expand = nn.Sequential(nn.Conv2d(cin, width, 1), nn.BatchNorm2d(width), nn.SiLU())
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.squeeze = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(cin, width // 8, 1), nn.SiLU(),
            nn.Conv2d(width // 8, width, 1), nn.Sigmoid(),
        )
        self.project = nn.Sequential(nn.Conv2d(width, cout, 1), nn.BatchNorm2d(cout))

    def forward(self, x):
        x = self.depthwise(self.expand(x))
        return self.project(x * self.squeeze(x))


class Net(nn.Module):
    def __init__(self, classes=4):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.blocks = nn.Sequential(MBConv(8, 16), MBConv(16, 16))
        self.head = nn.Conv2d(classes * 2, classes, 1)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)))
