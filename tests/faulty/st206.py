# stitch inspect st206.py:Net --input 1x3x16x16 --device cpu
# wrong: ST206 torch.sqrt(variance - mean**2)
import torch
from torch import nn


class ContrastGate(nn.Module):
    def forward(self, x):
        mean = x.mean((2, 3), keepdim=True)
        variance = x.abs().mean((2, 3), keepdim=True) - 1
        return x * torch.sqrt(variance - mean**2)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.gate = ContrastGate()
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        return self.head(self.gate(self.conv(x)))
