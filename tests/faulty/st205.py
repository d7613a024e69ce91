# stitch inspect st205.py:TwoHeads --input 1x3x32x32 --backward
# wrong: ST205 nn.Conv2d(8, 8, 3, padding=1)
from torch import nn


class TwoHeads(nn.Module):
    """Distillation: the teacher's features must not move, the adapter's should."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.adapter = nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        x = self.stem(x)
        hint = self.adapter(x).detach()
        return self.head(x) + self.head(hint)
