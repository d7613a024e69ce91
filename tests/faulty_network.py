"""A small network with two faults and a warning, in a file of its own."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from pathlib import Path

import pytest

from stitchcli import inspect
from stitchcli.records import Report

FAULTY = """
import torch
from torch import nn


class Fuse(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.up = nn.ConvTranspose2d(cin, cin // 2, 2, stride=2)
        self.conv = nn.Conv2d(cin // 2, cout, 3, padding=1)

    def forward(self, x, skip):
        return self.conv(torch.cat([skip, self.up(x)], dim=1))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.down = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.fuse = Fuse(32, 16)
        self.unused = nn.Linear(4, 4)
        self.head = nn.Conv2d(17, 2, 1)

    def forward(self, x):
        skip = self.stem(x)
        return self.head(self.fuse(self.down(skip), skip))
"""


def faulty(
    write: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch, above: str = ""
) -> Report:
    """Its report, made where it lies; ``above`` are lines to begin the file with."""
    file = write(above + FAULTY, "model.py")
    linecache.checkcache()
    monkeypatch.chdir(file.parent)
    return inspect("model.py", input="1x3x32x32", device="meta")
