"""Networks whose forwards call functions in the ways that people write them."""

import functools
from torch import Tensor, cat as join, nn
import torch
import torch.nn.functional as F

WEIGHT = 1


def fuse(a: Tensor, b: Tensor, *, dim: int = 1) -> Tensor:
    """A helper outside any module."""
    if a.shape[2:] != b.shape[2:]:
        b = F.interpolate(b, size=a.shape[2:])
    return join([a, b], dim=dim)


def twice(a, b):
    return fuse(fuse(a, b), b, dim=1)


def scaled(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs) * 1.0

    return wrapper


class Helper(nn.Module):
    """A function in a function."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, padding=1)
        self.b = nn.Conv2d(3, 4, 3, padding=1, stride=2)
        self.out = nn.Conv2d(16, 2, 1)

    def forward(self, x):
        return self.out(twice(self.a(x), self.b(x)))


class Method(nn.Module):
    """A method of its own, private names, keyword arguments, a decorator, an alias."""

    SCALE = 2

    def __init__(self):
        super().__init__()
        self.__enc = nn.Conv2d(3, 8, 3, padding=1)
        self.dec = nn.Conv2d(8, 8, 3, padding=1)
        self.out = nn.Conv2d(16, 2, 1)

    @scaled
    def forward(self, x, scale=SCALE, *, mode: "str" = "nearest"):
        enc = self.__enc(x)
        dec = F.max_pool2d(enc, scale)
        dec = F.interpolate(self.dec(dec), scale_factor=scale, mode=mode)
        return self.out(self._merge(enc, dec))

    def _merge(self, enc, dec):
        return torch.concat(tensors=(enc, dec), dim=1)


class Loop(nn.Module):
    """One line of source, run at several widths and in a comprehension."""

    def __init__(self, widths=(8, 16, 32)):
        super().__init__()
        self.enc = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip((3, *widths), widths)
        )
        self.dec = nn.ModuleList(
            nn.Conv2d(a + b, b, 3, padding=1) for b, a in zip(widths, widths[1:])
        )
        self.out = nn.Conv2d(widths[0], 2, 1)

    def forward(self, x):
        feats = []
        for layer in self.enc:
            x = F.relu(layer(x))
            feats.append(x)
        for layer, skip in list(zip(self.dec, feats))[::-1]:
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear")
            x = layer(torch.cat([x, skip], 1))
        return [F.relu(each) for each in [self.out(x)]][0]


class Residual(nn.Module):
    """Sums in all their spellings."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.convs = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(5))

    def forward(self, x):
        x = self.stem(x)
        x = x + self.convs[0](x)
        y = self.convs[1](x)
        y += x
        x = y
        x = torch.add(x, self.convs[2](x))
        x = x.add(self.convs[3](x))
        out = self.convs[4](x) + x + 1
        return out.mul(2.0)


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x):
        return torch.cat([self.conv(x), x], 1)


class Inherited(Base):
    """The forward stands in the base class."""


class Super(Base):
    """The call stands in a forward that is reached by super()."""

    def forward(self, x):
        return super().forward(x) * 2


class Hidden(nn.Module):
    """The call stands in a lambda that was made elsewhere."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.join = lambda a, b: torch.cat([a, b], 1)

    def forward(self, x):
        return self.join(self.conv(x), x)


class Same(nn.Module):
    """One line of source, run twice at one width."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(8, 4, 3, padding=1) for _ in range(2))
        self.stem = nn.Conv2d(3, 4, 1)

    def forward(self, x):
        x = y = self.stem(x)
        for conv in self.convs:
            x = conv(torch.cat([x, y], 1))
        return x


class Closure(nn.Module):
    """super() without arguments, and a function of the closure."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def extra_repr(self):
        return super().extra_repr()

    def forward(self, x):
        name = super().extra_repr()
        return F.relu(self.conv(x)) if name is not None else x
