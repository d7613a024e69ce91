# stitch inspect spans_self_attribute.py:Net --input 1x3x64x64
# wrong: ST101 self.planes
from torch import nn


class Net(nn.Module):
    """As torchvision's ResNet keeps count of its planes, and forgets to at the end of a stage."""

    def __init__(self, blocks=(2, 2)):
        super().__init__()
        self.planes = 16
        self.stem = nn.Conv2d(3, 16, 7, stride=2, padding=3)
        self.layer1 = self._make_layer(16, blocks[0])
        self.layer2 = self._make_layer(32, blocks[1], stride=2)
        self.fc = nn.Linear(32, 10)

    def _make_layer(self, planes, count, stride=1):
        layers = []
        for i in range(count):
            layers.append(nn.Conv2d(self.planes, planes, 3, stride=stride if i == 0 else 1, padding=1))
            layers.append(nn.BatchNorm2d(planes))
            layers.append(nn.ReLU(inplace=True))
        return nn.Sequential(*layers)

    def forward(self, x):
        x = self.layer2(self.layer1(self.stem(x)))
        return self.fc(x.mean((2, 3)))
