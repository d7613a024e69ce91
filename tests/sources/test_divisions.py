"""What a model's own checks refuse to build is a finding too, and nothing else changes."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from stitchcli import inspect
from stitchcli.errors import ModelError
from stitchcli.sources.divisions import noting_divisions

ATTENTION = """
from torch import nn

class Attention(nn.Module):
    def __init__(self, dim, heads=8):
        super().__init__()
        {check}
        self.heads, self.proj = heads, nn.Linear(dim, dim)

    def forward(self, x):
        b, n, c = x.shape
        return self.proj(x.view(b, n, self.heads, c // self.heads).reshape(b, n, c))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = Attention(64), Attention(60, heads=7)
        self.mid = nn.Linear(64, 60)

    def forward(self, x):
        return self.b(self.mid(self.a(x)))
"""
CHECKS = [
    "assert dim % heads == 0, 'heads'",
    "if dim % heads: raise ValueError('heads')",
    "if dim % heads != 0: raise ValueError('heads')",
]


@pytest.mark.parametrize("check", CHECKS)
def test_the_layer_is_named_with_a_number_that_divides(
    write: Callable[[str, str], Path], check: str
) -> None:
    file = write(ATTENTION.format(check=check), "model.py")
    report = inspect(f"{file}:Net", input="1x10x64", device="meta")
    (fault,) = (each for each in report.diagnostics if each.severity == "error")
    assert (fault.code, fault.path, fault.phase) == ("ST105", "b", "build")
    assert fault.title == "heads=7 does not divide 60 (dim)"
    for fix in fault.fixes:
        assert fix.verification is not None and fix.verification.ran
        assert fix.patch is not None and fix.patch.verification.ran
        (change,) = fix.patch.changes
        assert 60 % int(change.after) == 0


def test_other_checks_still_end_the_building(write: Callable[[str, str], Path]) -> None:
    file = write(ATTENTION.format(check="assert dim < 64"), "model.py")
    with pytest.raises(ModelError, match="AssertionError"):
        inspect(f"{file}:Net", input="1x10x64", device="meta")


@pytest.mark.parametrize(
    "source",
    [
        "def forward(self, x):\n    assert x % 2 == 0",
        "class A:\n    def __init__(self, a):\n        assert a > 0",
        "class A:\n    def __init__(self, a, b):\n        if a % b:\n            b = 1",
        "class A:\n def __init__(self, a, b):\n  if a % b:\n   raise X\n  else:\n   b = 2",
    ],
)
def test_what_is_no_such_check_stays(source: str) -> None:
    assert ast.dump(noting_divisions(ast.parse(source))) == ast.dump(ast.parse(source))
