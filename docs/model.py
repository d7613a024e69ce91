import torch
from torch import nn


class DoubleConv(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(cin, cout, 3, padding=1),
            nn.BatchNorm2d(cout),
            nn.ReLU(),
            nn.Conv2d(cout, cout, 3, padding=1),
            nn.BatchNorm2d(cout),
            nn.ReLU(),
        )

    def forward(self, x):
        return self.net(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inc, self.pool = DoubleConv(3, 64), nn.MaxPool2d(2)
        self.down = DoubleConv(64, 128)
        self.up = nn.ConvTranspose2d(128, 64, 2, stride=2)
        self.fuse = DoubleConv(64, 64)
        self.head = nn.Conv2d(64, 2, 1)

    def forward(self, x):
        skip = self.inc(x)
        x = self.up(self.down(self.pool(skip)))
        x = torch.cat([skip, x], dim=1)
        return self.head(self.fuse(x))
