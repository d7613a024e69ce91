# stitch inspect st208.py:Net --input 1x3x32x32
# wrong: ST208 channels
from torch import nn


class ECA(nn.Module):
    """Takes a kernel size."""

    def __init__(self, k_size=3):
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.conv = nn.Conv1d(1, 1, kernel_size=k_size, padding=k_size // 2, bias=False)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x):
        y = self.avg_pool(x)
        y = self.conv(y.squeeze(-1).transpose(-1, -2)).transpose(-1, -2).unsqueeze(-1)
        return x * self.sigmoid(y)


class Stage(nn.Module):
    def __init__(self, cin, channels):
        super().__init__()
        self.conv = nn.Conv2d(cin, channels, 3, padding=1)
        self.attn = ECA(channels)

    def forward(self, x):
        return self.attn(self.conv(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stage1 = Stage(3, 31)
        self.stage2 = Stage(31, 63)

    def forward(self, x):
        return self.stage2(self.stage1(x))
