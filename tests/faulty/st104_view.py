# stitch inspect st104_view.py:Classifier --input 2x3x64x64
# wrong: ST104 512
from torch import nn

cfg = {"widths": [32, 64, 128], "hidden": 64}


def conv_block(cin, cout):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))


class Classifier(nn.Module):
    def __init__(self, classes=5):
        super().__init__()
        blocks, cin = [], 3
        for width in cfg["widths"]:
            blocks.append(conv_block(cin, width))
            cin = width
        self.features = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.head = nn.Sequential(nn.Linear(512, cfg["hidden"]), nn.ReLU(), nn.Linear(cfg["hidden"], classes))

    def forward(self, x):
        x = self.pool(self.features(x))
        x = x.view(x.size(0), -1)
        return self.head(x)
