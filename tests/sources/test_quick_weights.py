"""Weights made quickly are spread as those made one by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from stitchcli.records import Target
from stitchcli.sources.load import load
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


def test_no_two_rows_are_alike() -> None:
    with quick_weights():
        weight = nn.Linear(1024, 1024).weight.detach()
    assert torch.linalg.matrix_rank(weight) == 1024


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


def test_what_a_constructor_imports_has_numbers(tmp_path: Path) -> None:
    (tmp_path / "shared_part.py").write_text(
        "import torch\nfrom torch import nn\n"
        "class Part(nn.Module):\n    table = torch.arange(4)\n"
        "    def forward(self, x):\n        return x + int(self.table[2])\n"
    )
    (tmp_path / "net.py").write_text(
        "def net():\n    from shared_part import Part\n    return Part()\n"
    )
    module = load(Target(f"{tmp_path}/net.py:net"), "meta").module
    assert type(module).table.tolist() == [0, 1, 2, 3]  # type: ignore[attr-defined]
