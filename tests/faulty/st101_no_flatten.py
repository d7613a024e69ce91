# stitch inspect st101_no_flatten.py:Classifier --input 2x3x32x32
# wrong: ST101 self.fc(x)
from torch import nn


class Classifier(nn.Module):
    """Forgets to flatten."""

    def __init__(self, width=32, classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, stride=2, padding=1), nn.ReLU())
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(width, classes)

    def forward(self, x):
        x = self.pool(self.stem(x))
        return self.fc(x)
