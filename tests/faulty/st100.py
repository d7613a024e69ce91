# stitch inspect st100.py --input 1x3x32x32
# wrong: ST100 torch.einsum("bchw,cd->bdhw", x, self.mix)
import torch
from torch import nn


class ChannelMixer(nn.Module):
    def __init__(self, cin, cout, rank=6):
        super().__init__()
        self.reduce = nn.Conv2d(cin, 8, 3, padding=1)
        self.mix = nn.Parameter(torch.eye(rank))
        self.out = nn.Conv2d(rank, cout, 1)

    def forward(self, x):
        x = torch.relu(self.reduce(x))
        x = torch.einsum("bchw,cd->bdhw", x, self.mix)
        return self.out(x)


model = ChannelMixer(3, 10)
