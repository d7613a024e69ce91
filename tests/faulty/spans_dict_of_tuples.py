# stitch inspect spans_dict_of_tuples.py:Stages --input 1x3x32x32
# wrong: ST101 64
from torch import nn

SPEC = {"stem": (3, 16), "body": (16, 32), "head": (64, 8)}


class Stages(nn.Module):
    def __init__(self, spec=SPEC):
        super().__init__()
        self.layers = nn.ModuleDict({k: nn.Conv2d(i, o, 3, padding=1) for k, (i, o) in spec.items()})

    def forward(self, x):
        for layer in self.layers.values():
            x = layer(x)
        return x
