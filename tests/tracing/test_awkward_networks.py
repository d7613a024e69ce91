"""What networks do beside calling layers one after the other: threads, scripts, sparse, nested and
packed tensors, gradients in the forward. Closed formulas."""

from __future__ import annotations

import gc
import json
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

from stitchcli import inspect
from stitchcli.errors import StitchError
from stitchcli.formats import FORMATS
from stitchcli.records import Target
from stitchcli.sources.load import load

DEVICES = pytest.mark.parametrize("device", ["cpu", "meta"])


class Pool(nn.Module):
    """Calls three layers in threads, one of them once more."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
        self.c = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 4))

    def forward(self, x: Tensor) -> Tensor:
        with ThreadPoolExecutor(2) as pool:
            a, b, c = pool.map(lambda layer: layer(x), [self.a, self.b, self.c])
        return self.a(a + b + c)  # type: ignore[no-any-return]


@DEVICES
def test_layers_in_threads_are_counted_where_they_are(device: str) -> None:
    report = inspect(Pool(), input="2x4", device=device)
    macs = {row.path: 0 for row in report.stages}
    for row in report.stages:
        macs[row.path] += row.macs.result
    assert macs == {"a": 2 * 2 * 16, "b": 2 * 16, "c": 2 * 64, "": 0}
    assert report.result.macs == 2 * (3 * 16 + 64) and not report.diagnostics


def test_threads_may_inspect_at_once() -> None:
    before = nn.Module.__call__, nn.Module.__init__, torch.compile
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda n: inspect(nn.Linear(n, 3), input=(2, n)).result.macs, range(1, 9))
        assert list(found) == [2 * n * 3 for n in range(1, 9)]
    assert before == (nn.Module.__call__, nn.Module.__init__, torch.compile)


def test_a_small_stack_is_not_overrun() -> None:
    class Forever(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return self(x)  # type: ignore[no-any-return]

    raised: list[BaseException] = []

    def run() -> None:
        try:
            inspect(Forever(), input="1x4")
        except StitchError as error:
            raised.append(error)

    before = threading.stack_size(2 * 2**20)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert "RecursionError" in str(raised[0])


compiled: Any = None


class Compiles(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        global compiled
        if compiled is None:
            compiled = torch.compile(lambda y: y @ y.T, backend="eager")
        return compiled(x)  # type: ignore[no-any-return]


def test_what_a_forward_compiles_is_compiled_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    global compiled
    compiled = None
    assert inspect(Compiles(), input="2x4").result.macs == 2 * 4 * 2
    compiled = None
    handed: list[Any] = []

    def compiler(function: Any, **options: Any) -> Any:
        handed.append(options)
        return function

    monkeypatch.setattr(torch, "compile", compiler)
    inspect(Compiles(), input="2x4")
    assert not handed and torch.compile is compiler
    for _ in range(2):
        assert torch.equal(compiled(torch.eye(3)), torch.eye(3))
    assert handed == [{"backend": "eager"}]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.conv(x)).mean((2, 3)))  # type: ignore[no-any-return]


OF_NET = 2 * (64 * 8 * 27 + 8 * 5)


@DEVICES
def test_scripted_and_traced_networks(device: str) -> None:
    for network in (
        torch.jit.script(Net()),
        torch.jit.trace(Net().eval(), torch.randn(1, 3, 10, 10)),
        nn.Sequential(torch.jit.script(Net())),
    ):
        report = inspect(network, input="2x3x10x10", device=device)
        assert report.result.macs == OF_NET and report.result.params == 269
        assert not report.diagnostics


def test_a_constructor_may_trace(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import torch\nfrom torch import nn\n"
        "def net():\n    big = nn.Sequential(nn.Linear(600, 600), nn.ReLU())\n"
        "    return torch.jit.trace(big, torch.randn(1, 600))\n"
    )
    module = load(Target(f"{tmp_path}/net.py:net"), quick=True).module
    weight = next(module.parameters())
    assert 0.9 < weight.std().item() * (3 * 600) ** 0.5 < 1.1


class Lazily(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used, self.spare = nn.LazyLinear(4), nn.LazyLinear(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.used(x)  # type: ignore[no-any-return]


@DEVICES
def test_a_lazy_layer_that_never_runs(device: str) -> None:
    report = inspect(Lazily(), input="2x6", device=device)
    assert report.result.params == 6 * 4 + 4 and report.result.macs == 2 * 24
    assert not any(each.code == "ST201" for each in report.diagnostics)
    assert {row.path: row.note for row in report.stages}["spare"] == "never ran"


class Nested(nn.Module):
    def __init__(self, layout: torch.layout) -> None:
        super().__init__()
        self.layout, self.linear = layout, nn.Linear(4, 5)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        rows = torch.nested.as_nested_tensor([a, b], layout=self.layout)
        return self.linear(rows)  # type: ignore[no-any-return]


@pytest.mark.parametrize("layout", [torch.jagged, torch.strided])
def test_nested_tensors(layout: torch.layout) -> None:
    report = inspect(Nested(layout), input=["6x4", "3x4"])
    assert report.result.macs == (6 + 3) * 4 * 5
    assert json.loads(FORMATS["json"](report))["models"][0]["result"]["macs"] == 180


class Packed(nn.Module):
    """Takes lengths that it makes itself, which torch wants to have numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(3, 6, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        lengths = torch.tensor([5, 7, 2])
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.rnn(packed)[0].data  # type: ignore[no-any-return]


def test_packed_sequences_on_meta(tmp_path: Path) -> None:
    reports = [inspect(Packed(), input="3x7x3", device=device) for device in ("cpu", "meta")]
    for report in reports:
        assert report.result.macs == (5 + 7 + 2) * 3 * 6 * (3 + 6) and not report.diagnostics


class Reflected(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.__rmatmul__(torch.ones(3, 4, device=x.device))  # type: ignore[operator, no-any-return]


@DEVICES
def test_a_reflected_product(device: str) -> None:
    report = inspect(Reflected(), input="4x5", device=device)
    assert report.result.macs == 3 * 4 * 5 and not report.diagnostics


class Gradient(nn.Module):
    """Gives the gradient of its own output by its input, as energies and penalties do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1, groups=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            return torch.autograd.grad(self.conv(x).square().sum(), x)[0]


@DEVICES
def test_a_gradient_in_the_forward(device: str) -> None:
    network = Gradient()
    network.conv.weight.requires_grad_(False)
    report = inspect(network, input="2x3x8x8", device=device)
    once = 2 * 64 * 4 * 27
    assert report.result.macs == 2 * once and not report.result.uncounted


class Sparse(nn.Module):
    def __init__(self, to: str) -> None:
        super().__init__()
        self.to_sparse, self.linear = to, nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        graph = getattr(torch.eye(6).roll(1, 0) + torch.eye(6), self.to_sparse)()
        return graph @ self.linear(x)  # type: ignore[no-any-return]


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize("to", ["to_sparse", "to_sparse_csr"])
def test_sparse_products_cost_what_is_held(to: str) -> None:
    report = inspect(Sparse(to), input="6x8")
    assert report.result.macs == 6 * 8 * 3 + 12 * 3 and not report.result.uncounted


class Profiled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        with torch.profiler.record_function("part"):
            return self.linear(x)  # type: ignore[no-any-return]


def test_a_label_for_a_profiler_is_no_op() -> None:
    report = inspect(Profiled(), input="2x4")
    assert report.result.macs == 2 * 16 and not report.result.uncounted


def test_beside_a_scripted_part_edits_are_carried_out(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import torch\nfrom torch import nn\n"
        "def net():\n    part = torch.jit.script(nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU()))\n"
        "    return nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), part)\n"
    )
    network = load(Target(f"{tmp_path}/net.py:net")).module
    for target in (network, f"{tmp_path}/net.py:net"):
        report = inspect(target, ["--replace 0=pointwise"], input="2x3x10x10")
        assert report.base.params - report.result.params == 3 * 3 * 8 and not report.has_errors


def test_classes_of_the_users_are_let_go() -> None:
    def once() -> weakref.ref[type]:
        class Mine(nn.Linear):
            pass

        inspect(Mine(4, 4), input="2x4")
        return weakref.ref(Mine)

    once()
    kinds = [once() for _ in range(3)]
    gc.collect()
    assert sum(kind() is not None for kind in kinds) <= 1  # what a last error or frame holds on to
