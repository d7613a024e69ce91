# stitch inspect spans_inherited.py:Segmenter --input 1x3x64x64
# wrong: ST101 64
from torch import nn


class Head(nn.Module):
    def __init__(self, in_channels, num_classes, dropout=0.1):
        super().__init__()
        self.dropout = nn.Dropout2d(dropout)
        self.conv = nn.Conv2d(in_channels, num_classes, 1)

    def forward(self, x):
        return self.conv(self.dropout(x))


class AuxHead(Head):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, dropout=0.0, **kwargs)


class BigHead(Head):
    def __init__(self, num_classes):
        super().__init__(64, num_classes)
        self.upsample = nn.Upsample(scale_factor=4)

    def forward(self, x):
        return self.upsample(super().forward(x))


class Segmenter(nn.Module):
    class Backbone(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.c1 = nn.Conv2d(3, width, 3, stride=2, padding=1)
            self.c2 = nn.Conv2d(width, width * 2, 3, stride=2, padding=1)

        def forward(self, x):
            low = self.c1(x).relu()
            return low, self.c2(low).relu()

    def __init__(self, width=24):
        super().__init__()
        self.backbone = self.Backbone(width)
        self.head = BigHead(5)
        self.aux = AuxHead(width, num_classes=5)

    def forward(self, x):
        low, high = self.backbone(x)
        return self.head(high), self.aux(low)
