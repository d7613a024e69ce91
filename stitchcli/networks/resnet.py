"""ResNet-18 and ResNet-50 with named stages.

Paper: He et al., Deep Residual Learning for Image Recognition, 2016, arXiv:1512.03385
"""

from torch import Tensor, nn


class Stem(nn.Sequential):
    """7 x 7 convolution and max-pool: `(B, i, H, W) -> (B, o, H/4, W/4)`."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 7, stride=2, padding=3, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.act = nn.ReLU()
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)


class Head(nn.Sequential):
    """Global average pool and classifier: `(B, C, H, W) -> (B, num_classes)`."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten(1)
        self.fc = nn.Linear(in_channels, num_classes)


class Projection(nn.Sequential):
    """1 x 1 convolution on a shortcut: `(B, i, H, W) -> (B, o, H/s, W/s)`."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)


def shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """The identity, or a projection where the shape changes."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return Projection(in_channels, out_channels, stride)


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions with a shortcut: `(B, i, H, W) -> (B, width, H/s, W/s)`."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.act1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.shortcut = shortcut(in_channels, width, stride)
        self.act2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """`(B, i, H, W) -> (B, width, H/s, W/s)`."""
        out = self.act1(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        result: Tensor = self.act2(out + self.shortcut(x))
        return result


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3, 1 x 1 with a shortcut: `(B, i, H, W) -> (B, 4 * width, H/s, W/s)`.

    The stride stands on the 3 x 3 convolution, as in most trained versions.
    """

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        out_channels = self.expansion * width
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.act1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.act2 = nn.ReLU()
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(out_channels)
        self.shortcut = shortcut(in_channels, out_channels, stride)
        self.act3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """`(B, i, H, W) -> (B, 4 * width, H/s, W/s)`."""
        out = self.act1(self.norm1(self.conv1(x)))
        out = self.act2(self.norm2(self.conv2(out)))
        out = self.norm3(self.conv3(out))
        result: Tensor = self.act3(out + self.shortcut(x))
        return result


class Layer(nn.Sequential):
    """A stage of residual blocks, the first with the stride: `(B, i, H, W) -> (B, o, H/s, W/s)`."""

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        in_channels: int,
        width: int,
        depth: int,
        stride: int,
    ) -> None:
        out_channels = block.expansion * width
        rest = (block(out_channels, width) for _ in range(depth - 1))
        super().__init__(block(in_channels, width, stride), *rest)


class ResNet(nn.Module):
    """Residual classifier: `(B, in_channels, H, W) -> (B, num_classes)`; arXiv:1512.03385."""

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        depths: tuple[int, int, int, int],
        in_channels: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        grow = block.expansion
        self.stem = Stem(in_channels, 64)
        self.layer1 = Layer(block, 64, 64, depths[0], stride=1)
        self.layer2 = Layer(block, 64 * grow, 128, depths[1], stride=2)
        self.layer3 = Layer(block, 128 * grow, 256, depths[2], stride=2)
        self.layer4 = Layer(block, 256 * grow, 512, depths[3], stride=2)
        self.head = Head(512 * grow, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, in_channels, H, W) -> (B, num_classes)`."""
        x = self.stem(x)
        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer3(x)
        x = self.layer4(x)
        out: Tensor = self.head(x)
        return out


def resnet18(in_channels: int = 3, num_classes: int = 1000) -> ResNet:
    """ResNet-18: `(B, in_channels, H, W) -> (B, num_classes)`; arXiv:1512.03385."""
    return ResNet(BasicBlock, (2, 2, 2, 2), in_channels, num_classes)


def resnet50(in_channels: int = 3, num_classes: int = 1000) -> ResNet:
    """ResNet-50: `(B, in_channels, H, W) -> (B, num_classes)`; arXiv:1512.03385."""
    return ResNet(Bottleneck, (3, 4, 6, 3), in_channels, num_classes)
