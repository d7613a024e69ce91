# stitch inspect spans_several.py:UNet --input 1x3x64x64
# wrong: ST101 f * 4
# wrong: ST103 cin
# wrong: ST101 n_filters * 2
# wrong: ST202 nn.Conv2d(n_filters * 4, n_classes, 1)
import torch
from torch import nn


class ResUnit(nn.Module):
    def __init__(self, cin, f):
        super().__init__()
        self.skip = nn.Conv2d(cin, cin, 1)
        self.conv1 = nn.Conv2d(cin, f, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(f)
        self.conv2 = nn.Conv2d(f, f, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(f)

    def forward(self, x):
        identity = x
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        return torch.relu(x + self.skip(identity))


class Decoder(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.up = nn.ConvTranspose2d(f * 2, f, 2, stride=2)
        self.fuse = nn.Conv2d(f * 4, f, 3, padding=1)

    def forward(self, x, skip):
        return self.fuse(torch.cat([self.up(x), skip], dim=1))


class UNet(nn.Module):
    def __init__(self, n_filters=16, n_classes=3):
        super().__init__()
        self.enc1 = ResUnit(3, n_filters)
        self.enc2 = ResUnit(n_filters, n_filters * 2)
        self.enc3 = ResUnit(n_filters * 2, n_filters * 4)
        self.pool = nn.MaxPool2d(2)
        self.dec2 = Decoder(n_filters * 2)
        self.dec1 = Decoder(n_filters)
        self.head = nn.Conv2d(n_filters * 2, n_classes, 1)
        self.aux = nn.Conv2d(n_filters * 4, n_classes, 1)

    def forward(self, x):
        s1 = self.enc1(x)
        s2 = self.enc2(self.pool(s1))
        x = self.enc3(self.pool(s2))
        x = self.dec2(x, s2)
        x = self.dec1(x, s1)
        return self.head(x)
