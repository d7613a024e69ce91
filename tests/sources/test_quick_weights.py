"""Weights made quickly are spread as those made one by one."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stitchcli.records import Target
from stitchcli.sources.load import load
from stitchcli.sources.quick_weights import _PERIOD as PERIOD
from stitchcli.sources.quick_weights import quick_weights

INITS: dict[str, Callable[[Tensor], object]] = {
    "kaiming": nn.init.kaiming_uniform_,
    "xavier": nn.init.xavier_normal_,
    "truncated": lambda w: nn.init.trunc_normal_(w, std=0.02),
    "tails": lambda w: nn.init.trunc_normal_(w, mean=1.0, std=1.0, a=1.5, b=3.0),
    "data": lambda w: w.data.normal_(0.5, 0.25),
    "scaled": lambda w: w.uniform_(-1, 1).mul_(0.5).add_(2.0).clamp_(1.6, 2.4),
    "read": lambda w: w.normal_().copy_(w * 2 + w.mean()),
    "ones": lambda w: w.normal_().fill_(1.0),
    "part": lambda w: w.normal_()[:10].zero_(),
    "transposed": lambda w: w.t().normal_(),
}


@pytest.mark.parametrize("name", INITS)
def test_the_spread_is_the_same(name: str) -> None:
    def made() -> Tensor:
        torch.manual_seed(0)
        weight = torch.full((700, 600), 7.0)
        with torch.no_grad():
            INITS[name](weight)
        return weight

    with quick_weights():
        quick = made()
    exact = made()
    assert quick.std().item() == pytest.approx(exact.std().item(), rel=0.02, abs=1e-9)
    assert quick.mean().item() == pytest.approx(exact.mean().item(), abs=0.02 * exact.std().item())
    assert quick.min().item() >= exact.min().item() - exact.std().item()
    assert quick.max().item() <= exact.max().item() + exact.std().item()
    flat = quick.flatten()
    repeats = torch.equal(flat[7000:8000], flat[7000 + PERIOD : 8000 + PERIOD])
    assert repeats is (name != "transposed")  # which is filled number by number


def test_a_weight_may_be_turned_while_it_waits() -> None:
    with quick_weights():
        linear, conv = nn.Linear(700, 600), nn.Conv2d(256, 128, 3)
        linear.weight.data = linear.weight.data.t()
        conv.weight.data = conv.weight.data.transpose(0, 1)
    assert linear.weight.shape == (700, 600) and conv.weight.shape == (256, 128, 3, 3)
    for weight, fan_in in ((linear.weight, 700), (conv.weight, 256 * 9)):
        assert weight.std().item() == pytest.approx((3 * fan_in) ** -0.5, rel=0.05)


def test_tensors_of_somebody_else_are_left_alone() -> None:
    mine = torch.full((700, 600), 3.0)
    with quick_weights():
        for _ in range(200):
            nn.Linear(700, 600).weight.data = mine
            torch.empty(700, 600).normal_()
    assert torch.equal(mine, torch.full((700, 600), 3.0))


def test_weights_of_inference_mode() -> None:
    with quick_weights(), torch.inference_mode():
        weight = torch.empty(700, 600).normal_()
    assert weight.is_inference() and weight.std().item() == pytest.approx(1, rel=0.05)


def saved(weight: Tensor) -> Tensor:
    file = io.BytesIO()
    torch.save(weight, file)
    file.seek(0)
    return torch.load(file)  # type: ignore[no-any-return]


LOOKS: dict[str, Callable[[Tensor], Any]] = {
    "numpy": lambda w: w.numpy(),
    "array": np.asarray,
    "tolist": lambda w: w.tolist(),
    "saved": saved,
    "copied": copy.deepcopy,
    "dlpack": torch.from_dlpack,
    "storage": lambda w: list(w.untyped_storage().cpu())[:0] or w.storage().tolist(),
}


@pytest.mark.filterwarnings("ignore:TypedStorage")
@pytest.mark.parametrize("name", LOOKS)
def test_whoever_looks_sees_numbers(name: str) -> None:
    with quick_weights():
        seen = LOOKS[name](torch.empty(700, 600).normal_())
        spread = float(np.std(np.asarray(seen)))
    assert spread == pytest.approx(1, rel=0.05)


def test_what_is_written_past_torch_stays() -> None:
    with quick_weights():
        weight = torch.empty(700, 600).normal_()
        weight.numpy()[:] = 5
        weight.mul_(2)
    assert torch.equal(weight, torch.full((700, 600), 10.0))


def test_no_two_rows_are_alike() -> None:
    with quick_weights():
        weight = nn.Linear(1024, 1024).weight.detach()
    likeness = nn.functional.normalize(weight) @ nn.functional.normalize(weight).T
    assert (likeness - torch.eye(1024)).abs().max() < 8 / 1024**0.5  # in standard deviations


def test_small_weights_are_those_of_the_seed() -> None:
    torch.manual_seed(3)
    exact = nn.Conv2d(16, 16, 3).weight
    torch.manual_seed(3)
    with quick_weights():
        quick = nn.Conv2d(16, 16, 3).weight
    assert torch.equal(exact, quick)


def test_a_loaded_network_has_exact_weights_unless_it_may_not(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import torch\nfrom torch import nn\n"
        "def net():\n    torch.manual_seed(0)\n    return nn.Linear(600, 600)\n"
    )
    target = Target(f"{tmp_path}/net.py:net")
    weights = [load(target, quick=quick).module.weight for quick in (False, True)]
    torch.manual_seed(0)
    assert torch.equal(weights[0], nn.Linear(600, 600).weight)  # type: ignore[arg-type]
    assert not torch.equal(*weights)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "line", ["from shared_part import Part", "Part = import_module('shared_part').Part"]
)
def test_what_a_constructor_imports_has_numbers(tmp_path: Path, line: str) -> None:
    (tmp_path / "shared_part.py").write_text(
        "import torch\nfrom torch import nn\n"
        "class Part(nn.Module):\n    table = torch.arange(4)\n"
        "    def forward(self, x):\n        return x + int(self.table[2])\n"
    )
    (tmp_path / "net.py").write_text(
        f"from importlib import import_module\ndef net():\n    {line}\n    return Part()\n"
    )
    module = load(Target(f"{tmp_path}/net.py:net"), "meta").module
    assert type(module).table.tolist() == [0, 1, 2, 3]  # type: ignore[attr-defined]
