"""Bytes alive and bytes moved, against counts by hand and against what the allocator saw."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from stitchcli.networks.vit import VisionTransformer
from stitchcli.records import TensorSpec, Trace
from stitchcli.tracing.trace import trace


def metered(module: nn.Module, *inputs: TensorSpec, device: str = "meta") -> Trace:
    return trace(module.to(device), inputs, device=device, metered=True)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_three_layers_by_hand(device: str) -> None:
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    found = metered(network, TensorSpec((2, 8)), device=device)
    given, wide, out = 2 * 8 * 4, 2 * 16 * 4, 2 * 4 * 4
    assert found.peak == given + wide + wide  # the input is held by whoever gave it
    first, act, last = (found.module_calls[path][0] for path in ("0", "1", "2"))
    assert (first.peak, act.peak, last.peak) == (
        given + wide, given + wide + wide, given + wide + out,
    )  # fmt: skip
    assert first.moved == given + 16 * 8 * 4 + 16 * 4 + wide
    assert act.moved == 2 * wide and last.moved == wide + 16 * 4 * 4 + 4 * 4 + out
    assert found.moved == first.moved + act.moved + last.moved


def test_products_of_batches_are_written_once() -> None:
    for device in ("cpu", "meta"):
        found = metered(nn.Linear(8, 16, bias=False), TensorSpec((2, 3, 8)), device=device)
        assert found.moved == (2 * 3 * 8 + 8 * 16 + 2 * 3 * 16) * 4


class Flex(nn.Module):
    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        from torch.nn.attention.flex_attention import flex_attention

        return flex_attention(q, k, k)  # type: ignore[return-value]


@pytest.mark.filterwarnings("ignore:flex_attention called without")
def test_an_op_that_takes_functions_moves_its_operands() -> None:
    found = metered(Flex(), TensorSpec((1, 2, 8, 16)), TensorSpec((1, 2, 8, 16)), device="cpu")
    one = 2 * 8 * 16 * 4
    assert found.moved >= 4 * one and found.peak >= 3 * one


class Views(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.view(4, 4).t()[1:].unsqueeze(0).relu_()


def test_views_move_nothing_and_are_not_alive_twice() -> None:
    found = metered(Views(), TensorSpec((16,)))
    assert found.peak == 64 and found.moved == 3 * 4 * 4 * 2


def test_an_embedding_reads_the_rows_that_it_gives() -> None:
    found = metered(nn.Embedding(1000, 32), TensorSpec((2, 5), "int64"))
    assert found.moved == 2 * (10 * 32 * 4) + 10 * 8


class Skips(nn.Module):
    """Holds its first activation until the end."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(64, 64) for _ in range(5))

    def forward(self, x: Tensor) -> Tensor:
        kept = x = self.layers[0](x)
        for layer in self.layers[1:]:
            x = layer(x)
        return torch.cat([kept, x])


def test_what_a_skip_holds_is_alive() -> None:
    found = metered(Skips(), TensorSpec((1, 64)))
    row = 64 * 4
    # given, kept, a layer's input and its output; at the end: given, kept, the last, and both again
    assert found.module_calls["layers.4"][0].peak == 4 * row and found.peak == 5 * row


def test_as_the_allocator_sees_it() -> None:
    network, x = VisionTransformer(depth=2).eval(), torch.randn(1, 3, 224, 224)
    ours = metered(network, TensorSpec(tuple(x.shape)), device="cpu").peak
    with torch.no_grad():
        network(x)
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
            network(x)
    alive = peak = x.nbytes
    events = seen.profiler.kineto_results.events()  # type: ignore[union-attr]
    for event in sorted(events, key=lambda each: each.start_ns()):
        if event.name() == "[memory]":
            alive += event.nbytes()
            peak = max(peak, alive)
    assert ours == peak


def test_weights_by_dtype() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).half()
    found = metered(network, TensorSpec((1, 3, 8, 8), "float16"))
    assert found.weight_bytes == {"float16": 2 * (3 * 8 * 9 + 8 + 4 * 8), "int64": 8}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_as_the_cuda_allocator_sees_it() -> None:
    network, x = VisionTransformer(depth=2).eval().cuda(), torch.randn(1, 3, 224, 224).cuda()
    ours = metered(network, TensorSpec(tuple(x.shape)), device="cuda").peak
    with torch.no_grad():
        network(x)
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated() - x.nbytes
        torch.cuda.reset_peak_memory_stats()
        network(x)
    assert ours == pytest.approx(torch.cuda.max_memory_allocated() - before, rel=0.01)
