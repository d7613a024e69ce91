# stitch inspect st102.py:Inception --input 1x3x32x32
# wrong: ST102 torch.cat([self.branch1(x), self.branch3(x), self.branch5(x)], 1)
import torch
from torch import nn
from torch.nn import functional as F


class BasicConv(nn.Module):
    def __init__(self, cin, cout, **kwargs):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, bias=False, **kwargs)
        self.bn = nn.BatchNorm2d(cout)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    def __init__(self, cin=3):
        super().__init__()
        self.branch1 = BasicConv(cin, 16, kernel_size=1)
        self.branch3 = BasicConv(cin, 24, kernel_size=3, padding=1)
        self.branch5 = BasicConv(cin, 8, kernel_size=5, padding=1)
        self.project = BasicConv(48, 32, kernel_size=1)

    def forward(self, x):
        x = torch.cat([self.branch1(x), self.branch3(x), self.branch5(x)], 1)
        return self.project(x)
