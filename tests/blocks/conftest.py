"""Every test with a `block` argument runs once for each file in the folder of blocks.

One with a `resampler` argument does for each that halves or scales a map and may keep its width.
"""

import ast
import importlib.util
import inspect
import math
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

FOLDER = Path(__file__).parents[2] / "blocks"
FIELD = re.compile(r"^(Paper|Family|Shape|Parameters|Init): *(.+)$", re.MULTILINE)
MAP = re.compile(r"\(B, ([^,]+), ([^,]+), ([^,]+?)\)(?= *(?:,|->|$))")
FUNCTIONS = {
    "min": min,
    "max": max,
    "abs": abs,
    "int": int,
    "log2": math.log2,
    "ceil": math.ceil,
}
# What the letters of the formulas stand for; s is the scale of an up block, and the skip
# connection's width in a fusion block.
LETTERS = {
    "in_channels": "a",
    "out_channels": "b",
    "channels": "C",
    "skip_channels": "s",
    "kernel_size": "k",
    "groups": "g",
    "reduction": "r",
    "scale": "s",
    "repeats": "n",
}
RESIZED = (9, 6)


def evaluate(formula: str, values: dict[str, Any]) -> int:
    return int(eval(formula, {"__builtins__": {}}, {**FUNCTIONS, **values}))


def variables(formula: str) -> set[str]:
    names = {n.id for n in ast.walk(ast.parse(formula, mode="eval")) if isinstance(n, ast.Name)}
    return names - set(FUNCTIONS)


@dataclass(frozen=True)
class Block:
    """A block's file, read and imported."""

    path: Path
    module: ModuleType

    @cached_property
    def cls(self) -> type[nn.Module]:
        (name,) = self.module.__all__
        found: type[nn.Module] = getattr(self.module, name)
        return found

    @cached_property
    def fields(self) -> dict[str, str]:
        return dict(FIELD.findall(self.module.__doc__ or ""))

    @property
    def family(self) -> str:
        return self.fields["Family"]

    @property
    def starts_as_identity(self) -> bool:
        return self.fields.get("Init") == "identity"

    @cached_property
    def parameters(self) -> dict[str, inspect.Parameter]:
        return dict(inspect.signature(self.cls).parameters)

    @cached_property
    def maps(self) -> list[tuple[str, str, str]]:
        """Width, height and width of each map in the Shape line; what comes out stands last."""
        plain = self.fields["Shape"].replace("'", "")
        return [tuple(part.strip() for part in found) for found in MAP.findall(plain)]

    @cached_property
    def formula_letters(self) -> set[str]:
        return variables(self.fields["Parameters"])

    def arguments(self, a: int, b: int, skip: int) -> dict[str, Any]:
        """The arguments that make the block take a channels, and give b where it can."""
        known = {"in_channels": a, "out_channels": b, "channels": a, "skip_channels": skip}
        chosen: dict[str, Any] = {n: v for n, v in known.items() if n in self.parameters}
        return {**chosen, "size": RESIZED} if "size" in self.parameters else chosen

    def values(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The letters' values, of these arguments and of the defaults of the others."""
        defaults = {n: p.default for n, p in self.parameters.items()}
        full = {**defaults, **arguments}
        return {LETTERS[name]: value for name, value in full.items() if name in LETTERS}

    @property
    def may_keep_width(self) -> bool:
        """A down or up block whose output may have as many channels as its input, by default."""
        out = self.parameters.get("out_channels")
        return self.family in ("down", "up") and out is not None and out.default is None

    def letter(self, argument: str) -> str:
        """What the argument is called in the formulas."""
        return LETTERS[argument]

    def count(self, arguments: dict[str, Any], built: nn.Module) -> int:
        """The number of parameters, by the formula; g is the number of groups in force."""
        values = self.values(arguments)
        values["g"] = getattr(built, "groups", values.get("g"))
        return evaluate(self.fields["Parameters"], values)

    def build(self, device: str, a: int = 16, b: int = 24, skip: int = 12) -> nn.Module:
        with torch.device(device):
            return self.cls(**self.arguments(a, b, skip))

    def inputs(
        self,
        size: tuple[int, int],
        a: int = 16,
        b: int = 24,
        skip: int = 12,
        batch: int = 2,
        device: str = "cpu",
    ) -> list[Tensor]:
        """Random maps, one for each that the Shape line says goes in."""
        values = {"a": a, "C": a, **self.values(self.arguments(a, b, skip))}
        widths = [evaluate(channels, values) for channels, _, _ in self.maps[:-1]]
        return [torch.randn(batch, width, *size, device=device) for width in widths]

    def expected(
        self, size: tuple[int, int], a: int = 16, b: int = 24, skip: int = 12, batch: int = 2
    ) -> tuple[int, ...]:
        """The output's shape, by the Shape line; H' is H with the default arguments."""
        values = {"a": a, "C": a, **self.values(self.arguments(a, b, skip))}
        values |= {"H": size[0], "W": size[1]}
        channels, *spatial = (evaluate(part, values) for part in self.maps[-1])
        return (batch, channels, *(RESIZED if "size" in self.parameters else spatial))


def load(path: Path) -> Block:
    spec = importlib.util.spec_from_file_location(f"block_under_test_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Block(path, module)


BLOCKS = {path.stem: load(path) for path in sorted(FOLDER.glob("*.py")) if path.stem != "__init__"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "block" in metafunc.fixturenames:
        metafunc.parametrize("block", BLOCKS.values(), ids=BLOCKS.keys())
    if "resampler" in metafunc.fixturenames:
        found = {name: block for name, block in BLOCKS.items() if block.may_keep_width}
        metafunc.parametrize("resampler", found.values(), ids=found.keys())


@pytest.fixture(scope="session")
def blocks() -> dict[str, Block]:
    """Every block, by its file's name."""
    return BLOCKS
