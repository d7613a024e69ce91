"""Every test with a `block` argument runs once for each file in the folder of blocks."""

import importlib.util
import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

FOLDER = Path(__file__).parents[2] / "blocks"
FIELD = re.compile(r"^(Paper|Family|Shape|Parameters): *(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block's file, read and imported."""

    path: Path
    module: ModuleType

    @property
    def cls(self) -> type[nn.Module]:
        (name,) = self.module.__all__
        found: type[nn.Module] = getattr(self.module, name)
        return found

    @property
    def fields(self) -> dict[str, str]:
        return dict(FIELD.findall(self.module.__doc__ or ""))

    @property
    def arguments(self) -> set[str]:
        return set(inspect.signature(self.cls).parameters)

    def widths(self, a: int, b: int) -> dict[str, Any]:
        """The arguments that make the block take a channels, and give b where it can."""
        match self.arguments:
            case names if "out_channels" in names:
                return {"in_channels": a, "out_channels": b}
            case names if "channels" in names:
                return {"channels": a}
            case _:
                return {"size": (9, 6)}

    def expected(self, x: Tensor, b: int) -> tuple[int, ...]:
        """The output's shape, by the contract of the block's kind and default arguments."""
        batch, a, *spatial = x.shape
        channels = b if "out_channels" in self.arguments else a
        return (batch, channels, *((9, 6) if "size" in self.arguments else spatial))

    def build(self, device: str, a: int = 16, b: int = 24, **kwargs: Any) -> nn.Module:
        with torch.device(device):
            return self.cls(**self.widths(a, b), **kwargs)


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


@pytest.fixture(scope="session")
def blocks() -> dict[str, Block]:
    """Every block, by its file's name."""
    return BLOCKS
