# stitch inspect st100_attribute.py:Net --input 1x3x32x32
# wrong: ST100 self.act
from torch import nn


class Net(nn.Module):
    """Calls what it does not have."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.bn = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))
