# stitch inspect st203_forward.py:Net --input 1x3x32x32
# wrong: ST203 nn.Conv2d(x.shape[1], self.width, 1)
from torch import nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.width = width
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x):
        x = self.conv(x)
        if x.shape[1] != self.width:
            x = nn.Conv2d(x.shape[1], self.width, 1)(x)
        return self.head(x)
