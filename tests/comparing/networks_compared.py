"""Networks to compare, written as people write them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from stitchcli.comparing import Comparison, compare
from stitchcli.records import TensorSpec, Trace
from stitchcli.tracing.trace import trace


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))


class Encoder(nn.Module):
    def __init__(self, depths: Sequence[int], name: str = "layer") -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 7, 2, 3)
        for index, depth in enumerate(depths):
            blocks = [Block(64 * 2**index) for _ in range(depth)]
            widen = [nn.Conv2d(64 * 2**index, 128 * 2**index, 2, 2)] if index < 3 else []
            setattr(self, f"{name}{index + 1}", nn.Sequential(*blocks))
            setattr(self, f"down{index + 1}", nn.Sequential(*widen))
        self.names = [f"{part}{i + 1}" for i in range(len(depths)) for part in (name, "down")]
        self.head = nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for name in self.names:
            x = getattr(self, name)(x)
        return self.head(x.mean((2, 3)))


class DoubleConv(nn.Module):
    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(cin, cout, 3, padding=1), nn.BatchNorm2d(cout), nn.ReLU(),
            nn.Conv2d(cout, cout, 3, padding=1), nn.BatchNorm2d(cout), nn.ReLU(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class Up(nn.Module):
    def __init__(self, cin: int, cout: int, join: str) -> None:
        super().__init__()
        self.join = join
        self.up = nn.ConvTranspose2d(cin, cin // 2, 2, stride=2)
        self.conv = DoubleConv(cin if join == "cat" else cin // 2, cout)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = self.up(x)
        return self.conv(torch.cat([skip, x], dim=1) if self.join == "cat" else skip + x)


class UNet(nn.Module):
    def __init__(self, w: int = 64, join: str = "cat") -> None:
        super().__init__()
        self.inc = DoubleConv(3, w)
        self.pool = nn.MaxPool2d(2)
        self.down1 = DoubleConv(w, 2 * w)
        self.down2 = DoubleConv(2 * w, 4 * w)
        self.up1 = Up(4 * w, 2 * w, join)
        self.up2 = Up(2 * w, w, join)
        self.outc = nn.Conv2d(w, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x1 = self.inc(x)
        x2 = self.down1(self.pool(x1))
        x3 = self.down2(self.pool(x2))
        return self.outc(self.up2(self.up1(x3, x2), x1))


def sequence(extra: nn.Module | None = None) -> nn.Sequential:
    """19 convolutions, norms and activations, a pool, and a head; ``extra`` behind the seventh."""
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, padding=1)]
    for _ in range(6):
        layers += [nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU()]
    if extra is not None:
        layers.insert(7, extra)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 16, 10))


def with_depthwise(module: nn.Module) -> nn.Module:
    """Every 3×3 convolution as a depthwise and a pointwise one."""
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d) and child.kernel_size == (3, 3):
            cin, cout = child.in_channels, child.out_channels
            depthwise = nn.Conv2d(cin, cin, 3, padding=1, groups=cin, bias=False)
            setattr(module, name, nn.Sequential(depthwise, nn.Conv2d(cin, cout, 1)))
        else:
            with_depthwise(child)
    return module


def traced(module: nn.Module, shape: Sequence[int] = (1, 3, 32, 32)) -> Trace:
    return trace(module.to("meta"), [TensorSpec(tuple(shape))], device="meta")


def compared(
    base: nn.Module, head: nn.Module, shape: Sequence[int] = (1, 3, 32, 32), **moved: str
) -> Comparison:
    """Both networks aligned; what must hold of every comparison is checked on the way."""
    one, other = traced(base, shape), traced(head, shape)
    found = compare(one, other, moved)
    assert_adds_up(found, one, other)
    return found


def assert_adds_up(found: Comparison, base: Trace, head: Trace) -> None:
    assert sum(each.delta_params for each in found.changes) == head.params - base.params
    assert sum(each.delta_macs for each in found.changes) == head.macs - base.macs
    keys = [each.key for each in found.checkpoint.tensors]
    saved = [n for w in base.weights if w.is_saved for n in (w.path, *w.aliases)]
    assert sorted(keys) == sorted(saved)
    targets = [each.head for each in found.checkpoint.tensors if each.head]
    assert len(targets) == len(set(targets))
    others = [n for w in head.weights if w.is_saved for n in (w.path, *w.aliases)]
    assert sorted([*targets, *found.checkpoint.new]) == sorted(others)
