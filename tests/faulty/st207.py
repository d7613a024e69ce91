# stitch inspect st207.py:Net --input 1x3x32x32 --after conv=st207.py:Gate
# wrong: ST207 -
from torch import nn

_projections = {}


def projection(channels):
    """Made once for each width, so that building is fast."""
    if channels not in _projections:
        _projections[channels] = nn.Conv2d(channels, channels, 1)
    return _projections[channels]


class Gate(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.project = projection(channels)

    def forward(self, x):
        return x * self.project(x).sigmoid()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x):
        return self.b(self.a(x))
