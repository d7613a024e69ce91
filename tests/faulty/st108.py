# stitch inspect st108.py:Net --input 1x3x64x64 --replace down2=stridedconv:out_channels=24
# wrong: ST108 -
from torch import nn


def conv_bn(cin, cout, stride=1):
    return nn.Sequential(
        nn.Conv2d(cin, cout, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(cout),
        nn.ReLU(inplace=True),
    )


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.stem = conv_bn(3, width)
        self.down1 = conv_bn(width, width * 2, stride=2)
        self.down2 = conv_bn(width * 2, width * 4, stride=2)
        self.body = conv_bn(width * 4, width * 4)
        self.head = nn.Conv2d(width * 4, 5, 1)

    def forward(self, x):
        x = self.down2(self.down1(self.stem(x)))
        return self.head(self.body(x) + x)
