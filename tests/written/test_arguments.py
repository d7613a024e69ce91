"""A constructor's argument is followed to where it is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stitchcli.records import Target
from stitchcli.sources.load import load
from stitchcli.written.arguments import argument_of, writing

HEAD = """
from functools import partial
from torch import nn

WIDTH = 48
CONFIG = {"width": 24, "depth": 2}

def conv(*args, **kwargs):
    return nn.Conv2d(*args, **kwargs)

def conv_bn(cin, cout, k=3):
    return nn.Sequential(nn.Conv2d(cin, cout, k, padding=k // 2), nn.BatchNorm2d(cout))

class Own(nn.Conv2d):
    def __init__(self, i, o):
        super().__init__(i, o, 3)

class Old(nn.Module):
    def __init__(self, i, o):
        nn.Module.__init__(self)
        self.c = nn.Conv2d(i, o, 1)

class Child(Old):
    def __init__(self, i):
        Old.__init__(self, i, 2 * i)

class Block(nn.Module):
    def __init__(self, cin, cout, **more):
        super().__init__()
        hidden = cin * 2
        self.a = nn.Conv2d(cin, hidden, 1, **more)
        self.b = nn.Conv2d(in_channels=hidden, out_channels=cout, kernel_size=1)

class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.m = BODY
"""


@pytest.mark.parametrize(
    ("body", "path", "argument", "text", "names"),
    [
        ("nn.Conv2d(3, width // 2, 1)", "m", "out_channels", "width // 2", {"width": 16}),
        ("conv(3, 7, 1)", "m", "out_channels", "7", {}),
        ("conv(3, 7, kernel_size=5)", "m", "kernel_size", "5", {}),
        ("conv_bn(3, 12)", "m.1", "num_features", "12", {}),
        ("conv_bn(3, 12)", "m.0", "kernel_size", "k", {"k": 3}),
        ("Own(5, width)", "m", "in_channels", "5", {}),
        ("Child(6)", "m.c", "out_channels", "2 * i", {"i": 6}),
        ("Child(6)", "m.c", "in_channels", "6", {}),
        ("Block(3, 9, groups=1)", "m.a", "groups", "1", {}),
        ("Block(3, 9)", "m.b", "in_channels", "hidden", {"hidden": 6}),
        ("Block(*(3, 9))", "m.b", "out_channels", "9", {}),
        ("Block(**{'cin': 3, 'cout': 9})", "m.b", "out_channels", "9", {}),
        ('nn.Conv2d(3, CONFIG["width"], 1)', "m", "out_channels", 'CONFIG["width"]', {}),
        ("nn.Conv2d(3, WIDTH, 1)", "m", "out_channels", "WIDTH", {"WIDTH": 48}),
        ("nn.ModuleList([Block(c, c + 1) for c in (4, 8)])", "m.1.b", "out_channels", "c + 1",
         {"c": 8}),
        ("nn.ModuleList([conv_bn(width, c) for c in (4, 8)])", "m.1.0", "out_channels", "c",
         {"c": 8}),
        ("nn.TransformerEncoderLayer(width * 2, 4, 99)", "m.linear1", "out_features", "99", {}),
        ("nn.GRU(width, 5)", "m", "input_size", "width", {"width": 16}),
        ("nn.MultiheadAttention(32, num_heads=4)", "m", "num_heads", "4", {}),
        ("nn.GroupNorm(4, width * 4)", "m", "num_channels", "width * 4", {"width": 16}),
    ],
)  # fmt: skip
def test_where_it_is_written(
    write: Callable[[str, str], Path], body: str, path: str, argument: str, text: str,
    names: dict[str, int],
) -> None:  # fmt: skip
    file = write(HEAD.replace("BODY", body), "model.py")
    network = load(Target(f"{file}:Net"), "meta")
    found = writing(argument_of(network.routes[path], argument))
    assert found is not None
    assert (found.text, dict(found.names)) == (text, names)
    line = file.read_text("utf-8").splitlines()[found.site.line - 1]
    assert line.encode()[found.site.col : found.site.end_col].decode() == text


def test_what_is_left_to_torch_is_not_written(write: Callable[[str, str], Path]) -> None:
    file = write(HEAD.replace("BODY", "nn.Conv2d(3, 4, 1)"), "model.py")
    network = load(Target(f"{file}:Net"), "meta")
    assert writing(argument_of(network.routes["m"], "stride")) is None
