"""Attention in all its forms, ops that take functions, ops of other libraries: closed formulas."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import register_flop_formula

from stitchcli.records import TensorSpec, Trace
from stitchcli.tracing.trace import trace

B, H, KV, Q, K, D = 2, 8, 2, 12, 20, 16
HEADS, FEWER = (B, H, Q, D), (B, KV, K, D)
#: Queries with keys, and scores with values.
BOTH = B * H * Q * K * 2 * D


def run(module: nn.Module, *shapes: tuple[int, ...], device: str = "cpu") -> Trace:
    found = trace(module.to(device), [TensorSpec(shape) for shape in shapes], device=device)
    assert not found.problems
    return found


class Dot(nn.Module):
    def __init__(self, causal: bool = False, mask: bool = False, heads: bool = False) -> None:
        super().__init__()
        self.causal, self.mask, self.heads = causal, mask, heads

    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        mask = torch.ones(q.shape[-2], k.shape[-2], device=q.device).tril() if self.mask else None
        return F.scaled_dot_product_attention(
            q, k, k, mask, is_causal=self.causal, enable_gqa=self.heads
        )


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize(("causal", "mask"), [(False, False), (True, False), (False, True)])
def test_masks_save_nothing(device: str, causal: bool, mask: bool) -> None:
    key = (B, H, K, D)
    assert run(Dot(causal, mask), HEADS, key, device=device).macs == BOTH


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_grouped_queries_cost_as_many_products(device: str) -> None:
    assert run(Dot(heads=True), HEADS, FEWER, device=device).macs == BOTH


class Flex(nn.Module):
    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        from torch.nn.attention.flex_attention import create_block_mask, flex_attention

        mask = create_block_mask(
            lambda b, h, i, j: i >= j, None, None, q.shape[-2], k.shape[-2], device=q.device.type
        )
        return flex_attention(  # type: ignore[return-value]
            q, k, k, score_mod=lambda s, b, h, i, j: s + i - j, block_mask=mask, enable_gqa=True
        )


@pytest.mark.filterwarnings("ignore:flex_attention called without")
def test_flex_attention() -> None:
    found = run(Flex(), HEADS, FEWER)
    assert found.macs == BOTH and not found.uncounted


class Spelt(nn.Module):
    """Attention by einsum."""

    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        scores = torch.einsum("bhqd,bhkd->bhqk", q, k).softmax(-1)
        return torch.einsum("bhqk,bhkd->bhqd", scores, k)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_attention_by_einsum(device: str) -> None:
    assert run(Spelt(), HEADS, (B, H, K, D), device=device).macs == BOTH


class Branch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cond(  # type: ignore[no-any-return]
            x.sum() < 1e9, lambda x: self.layer(self.layer(x)), lambda x: self.layer(x), (x,)
        )


def test_the_branch_that_is_taken_is_counted() -> None:
    assert run(Branch(), (3, 8)).macs == 2 * 3 * 8 * 8


class Inference(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(8, 8, batch_first=True)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    @torch.inference_mode()
    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x)[0] @ self.rnn(x)[0].mT  # type: ignore[no-any-return]


def test_inference_mode_hides_nothing() -> None:
    found = run(Inference(), (2, 5, 8))
    rows = 2 * 5
    products = rows * (4 * 8 * 8 + 2 * 5 * 8) + rows * 3 * 8 * 16 + rows * 5 * 8
    assert found.macs == products and not found.uncounted


@pytest.mark.parametrize("how", ["module", "method"])
def test_compiled_parts_are_counted_as_written(how: str) -> None:
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    if how == "module":
        network = nn.Sequential(torch.compile(network))  # type: ignore[arg-type]
    else:
        network.compile()
    found = run(network, (2, 8))
    assert found.macs == 2 * (8 * 16 + 16 * 4) and found.params == 8 * 16 + 16 + 16 * 4 + 4


@torch.library.custom_op("stitchtest::double_product", mutates_args=())
def double_product(x: Tensor, y: Tensor) -> Tensor:
    return 2 * (x @ y)


@double_product.register_fake
def _(x: Tensor, y: Tensor) -> Tensor:
    return x.new_empty(x.shape[0], y.shape[1])


@torch.library.custom_op("stitchtest::unknown", mutates_args=())
def unknown(x: Tensor) -> Tensor:
    return x.clone()


@unknown.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


class Custom(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return unknown(double_product(x, x.mT)) + 1


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_custom_ops(device: str) -> None:
    packet = torch.ops.stitchtest.double_product

    from torch.utils.flop_counter import flop_registry

    if packet not in flop_registry:
        register_flop_formula(packet)(
            lambda x, y, *args, out_shape=None, **kwargs: 2 * 2 * x[0] * x[1] * y[1]
        )
    found = run(Custom(), (3, 5), device=device)
    assert found.macs == 2 * 3 * 5 * 3
    assert found.uncounted == (("stitchtest::unknown", 1),) and found.operations >= 3


class Unknown(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return late(x) + 1


@torch.library.custom_op("stitchtest::late", mutates_args=())
def late(x: Tensor) -> Tensor:
    return x.clone()


def test_a_formula_may_be_registered_after_a_trace() -> None:
    assert run(Unknown(), (3, 5)).uncounted == (("stitchtest::late", 1),)
    register_flop_formula(torch.ops.stitchtest.late)(lambda x, *rest, **kwargs: 2 * x[0] * 7)
    found = run(Unknown(), (3, 5))
    assert found.macs == 3 * 7 and not found.uncounted


def test_deformable_convolution() -> None:
    library = torch.library.Library("torchvision", "FRAGMENT")
    name = "deform_conv2d"
    if not hasattr(torch.ops.torchvision, name):
        library.define(
            f"{name}(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, "
            "SymInt stride_h, SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, "
            "SymInt dilation_w, SymInt groups, SymInt offset_groups, bool use_mask) -> Tensor"
        )
        library.impl(
            name, lambda x, w, *rest: x.new_zeros(x.shape[0], w.shape[0], *x.shape[2:]), "Meta"
        )

    class Deformed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(6, 4 // 2, 3, 3))

        def forward(self, x: Tensor) -> Tensor:
            none = x.new_zeros(1)
            return torch.ops.torchvision.deform_conv2d(  # type: ignore[no-any-return]
                x, self.weight, none, none, none, 1, 1, 1, 1, 1, 1, 2, 1, False
            )

    found = run(Deformed(), (2, 4, 7, 9), device="meta")
    assert found.macs == 2 * 7 * 9 * 6 * 2 * 9 and not found.uncounted
