# stitch inspect st301.py:Net --input 1x3x32x32 --set head.stride=2
# wrong: ST301 -
from torch import nn


class Net(nn.Module):
    def __init__(self, classes=2):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        self.head = nn.Conv2d(8, classes, 1)

    def forward(self, x):
        return self.head(self.body(x))
