# stitch inspect st201.py:Net --input 1x3x32x32
# wrong: ST201 channels // reduction
from torch import nn


class SELayer(nn.Module):
    def __init__(self, channels, reduction=16):
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channels, channels // reduction, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(channels // reduction, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x):
        b, c, _, _ = x.size()
        y = self.avg_pool(x).view(b, c)
        y = self.fc(y).view(b, c, 1, 1)
        return x * y.expand_as(x)


class Net(nn.Module):
    def __init__(self, widths=(8, 32, 64)):
        super().__init__()
        layers, cin = [], 3
        for width in widths:
            layers += [nn.Conv2d(cin, width, 3, stride=2, padding=1), nn.ReLU(), SELayer(width)]
            cin = width
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(cin, 10)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))
