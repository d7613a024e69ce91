"""MACs against closed formulas and against torch's own counter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import torch_macs
from torch import Tensor, nn
from torch.nn import functional as F

from stitchcli.records import Target, TensorSpec, Trace
from stitchcli.sources.load import load
from stitchcli.tracing.trace import trace

NETWORKS = ["unet", "unet-transposed", "unet-valid", "resnet18", "resnet50", "vit", "csp"]


def macs(
    module: nn.Module, *shapes: tuple[int, ...], device: str = "meta", mode: str = "eval"
) -> int:
    inputs = [TensorSpec(shape) for shape in shapes]
    found = trace(module.to(device), inputs, device=device, mode=mode)  # type: ignore[arg-type]
    assert not found.problems
    return found.macs


@given(
    ndim=st.integers(1, 3), groups=st.sampled_from([1, 2, 4]), k=st.integers(1, 3),
    stride=st.integers(1, 2), dilation=st.integers(1, 2), transposed=st.booleans(),
    batch=st.integers(1, 3),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_convolutions_follow_the_formula(
    ndim: int, groups: int, k: int, stride: int, dilation: int, transposed: bool, batch: int
) -> None:
    kinds = {False: (nn.Conv1d, nn.Conv2d, nn.Conv3d),
             True: (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)}  # fmt: skip
    with torch.device("meta"):
        layer = kinds[transposed][ndim - 1](
            8, 12, k, stride=stride, dilation=dilation, groups=groups
        )
    size = 9
    out = (size - dilation * (k - 1) - 1) // stride + 1
    positions = (size if transposed else out) ** ndim
    expected = batch * positions * k**ndim * 8 * 12 // groups
    assert macs(layer, (batch, 8, *(size,) * ndim)) == expected


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.Linear(16, 32), (4, 16), 4 * 16 * 32),
        (nn.Linear(16, 32), (2, 10, 16), 20 * 16 * 32),
        (nn.LSTM(8, 16, 2, bidirectional=True, batch_first=True), (3, 5, 8),
         15 * 2 * (4 * 16 * (8 + 16) + 4 * 16 * (32 + 16))),
        (nn.GRU(8, 16, batch_first=True), (3, 5, 8), 15 * 3 * 16 * (8 + 16)),
        (nn.RNN(8, 16), (5, 3, 8), 15 * 16 * (8 + 16)),
        (nn.BatchNorm2d(8), (1, 8, 4, 4), 0),
        (nn.Sequential(nn.ReLU(), nn.MaxPool2d(2), nn.Softmax(1)), (1, 8, 4, 4), 0),
    ],
)  # fmt: skip
def test_layers_by_hand(
    layer: nn.Module, shape: tuple[int, ...], expected: int, device: str
) -> None:
    assert macs(layer.to_empty(device=device), shape, device=device) == expected


class Attention(nn.Module):
    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, is_causal=False)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_attention_counts_both_products(device: str) -> None:
    q, k, v = (2, 4, 6, 8), (2, 4, 10, 8), (2, 4, 10, 8)
    assert macs(Attention(), q, k, v, device=device) == 2 * 4 * 6 * 10 * (8 + 8)


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("need_weights", [True, False])
def test_multi_head_attention_off_the_fast_path(device: str, need_weights: bool) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(32, 4, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.attention(x, x, x, need_weights=need_weights)[0]

    tokens = 2 * 7
    assert macs(Net(), (2, 7, 32), device=device) == tokens * (4 * 32 * 32 + 2 * 7 * 32)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_as_torch_counts_them(name: str, traced: Callable[..., Trace]) -> None:
    shape = (1, 3, 224, 224) if name in ("vit",) else (1, 3, 188, 188)
    network = load(Target(name), "cpu")
    expected = torch_macs(network.module, torch.randn(shape))
    assert traced(name, "meta", shape).macs == expected
    assert traced(name, "cpu", shape).macs == expected


@pytest.mark.parametrize("name", NETWORKS)
def test_twice_the_batch_is_twice_the_macs(name: str, traced: Callable[..., Trace]) -> None:
    size = 224 if name == "vit" else 188
    one, two = (traced(name, "meta", (batch, 3, size, size)) for batch in (1, 2))
    assert two.macs == 2 * one.macs and two.params == one.params


def test_train_mode_counts_the_same() -> None:
    network = load(Target("resnet18"), "meta")
    shape = (2, 3, 64, 64)
    assert macs(network.module, shape) == macs(network.module, shape, mode="train")


def test_the_total_is_the_sum_over_calls(traced: Callable[..., Trace]) -> None:
    found = traced("unet")
    assert found.macs == sum(call.macs for call in found.calls) and found.flops == 2 * found.macs


def test_ops_without_a_formula_are_named() -> None:
    class Spectrum(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.linalg.inv(torch.fft.rfft2(x).abs()[..., :4, :4]) + x.relu()[..., :4, :4]

    found = trace(Spectrum(), [TensorSpec((1, 3, 8, 8))], device="cpu")
    assert dict(found.uncounted).keys() == {"_fft_r2c", "linalg_inv_ex"}
