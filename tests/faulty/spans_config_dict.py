# stitch inspect spans_config_dict.py:build --input 1x3x32x32
# wrong: ST101 96
from torch import nn

config = {
    "stem": dict(in_channels=3, out_channels=64, kernel_size=3, padding=1),
    "body": dict(in_channels=64, out_channels=128, kernel_size=3, stride=2, padding=1),
    "neck": dict(in_channels=96, out_channels=64, kernel_size=1),
}


class FromConfig(nn.Module):
    def __init__(self, config, classes):
        super().__init__()
        self.stem = nn.Conv2d(**config["stem"])
        self.body = nn.Conv2d(**config["body"])
        self.neck = nn.Conv2d(**config["neck"])
        self.act = nn.ReLU()
        self.head = nn.Linear(64, classes)

    def forward(self, x):
        for layer in (self.stem, self.body, self.neck):
            x = self.act(layer(x))
        return self.head(x.mean((-2, -1)))


def build():
    return FromConfig(config, classes=10)
