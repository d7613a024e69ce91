"""Networks to operate on, without numbers unless a test wants them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import torch
from torch import nn

from stitchcli.catalog import Catalog
from stitchcli.records import Applied, Edit, Target, Trace
from stitchcli.sources.load import load
from stitchcli.sources.network import Network
from stitchcli.surgery.apply import apply
from stitchcli.surgery.copies import full_copy, meta_copy
from stitchcli.words.edits import parse_edit
from stitchcli.words.shapes import parse_spec
from stitchcli.workbench import Workbench

SMALL: dict[str, dict[str, Any]] = {
    "csp": {"width": 8},
    "vit": {"embed_dim": 24, "depth": 2, "num_heads": 2, "img_size": 32},
    "resnet18": {"num_classes": 5},
}


@dataclass(frozen=True)
class Patient:
    """A network that is never changed, its trace, and a way to edit copies of it."""

    network: Network
    base: Trace

    @property
    def module(self) -> nn.Module:
        return self.network.module

    def edit(self, *flags: str | Edit) -> tuple[nn.Module, tuple[Applied, ...]]:
        """An edited copy, and what was done to it."""
        copy = meta_copy if self.network.device == "meta" else full_copy
        module = copy(self.module)
        edits: Sequence[Edit] = [parse_edit(f) if isinstance(f, str) else f for f in flags]
        return module, apply(module, edits, self.base, Catalog(), self.network.arguments)


@cache
def builtin(name: str, device: str = "meta") -> Patient:
    """A built-in network; a small one where it is to have numbers."""
    arguments = SMALL.get(name, {}) if device == "cpu" else {}
    network = load(Target(name, tuple(arguments.items())), device)
    base, _ = Workbench(network).attempt((), network.inputs or (), None)
    return Patient(network, base)


def live(module: nn.Module, *inputs: str) -> Patient:
    """A module that a test made itself, on its own device."""
    network = Network("net", "net", module, "cpu", owned=False)
    base, _ = Workbench(network).attempt((), [parse_spec(each) for each in inputs], None)
    return Patient(network, base)


@pytest.fixture(scope="session", name="builtin")
def _builtin() -> Callable[..., Patient]:
    return builtin


@pytest.fixture(scope="session", name="live")
def _live() -> Callable[..., Patient]:
    return live


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
