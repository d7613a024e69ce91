# stitch inspect st103_gate.py:Net --input 1x3x32x32
# wrong: ST103 x * self.gate(x)
from torch import nn


class SEBlock(nn.Module):
    def __init__(self, channels, gated, hidden=8):
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, hidden, 1),
            nn.ReLU(),
            nn.Conv2d(hidden, gated, 1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return x * self.gate(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 32, 3, padding=1)
        self.se = SEBlock(32, 16)

    def forward(self, x):
        return self.se(self.conv(x))
