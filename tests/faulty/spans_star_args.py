# stitch inspect spans_star_args.py:Encoder --input 1x3x32x32
# wrong: ST101 40
from torch import nn


class ConvBNAct(nn.Sequential):
    def __init__(self, *args, act=nn.ReLU, **kwargs):
        conv = nn.Conv2d(*args, **kwargs)
        super().__init__(conv, nn.BatchNorm2d(conv.out_channels), act())


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        settings = [(3, 16, 3), (16, 32, 3), (40, 64, 3)]
        self.layers = nn.Sequential(*[ConvBNAct(*s, padding=1) for s in settings])

    def forward(self, x):
        return self.layers(x)
