"""What the attention blocks promise beyond the contract that all of them share."""

from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

# Counts that the papers' public code has, at these widths.
PUBLISHED: list[tuple[str, tuple[int, ...], dict[str, Any], int]] = [
    ("simam", (), {}, 0),
    ("coordatt", (64,), {}, 1_688),
    ("ema", (64,), {}, 48),
    ("ema", (64,), {"groups": 8}, 672),
    ("mscaunit", (64,), {}, 11_200),
    ("mscaunit", (128,), {}, 30_592),
    ("lska", (64,), {}, 5_184),
    ("lska", (64,), {"kernel_size": 11}, 5_440),
    ("lska", (64,), {"kernel_size": 23}, 5_952),
    ("lska", (64,), {"kernel_size": 35}, 6_464),
    ("lska", (64,), {"kernel_size": 41}, 6_720),
    ("lska", (64,), {"kernel_size": 53}, 7_232),
    ("lsk", (64,), {}, 11_334),
    ("gam", (64,), {}, 102_720),
    ("bam", (64,), {}, 1_173),
    # timm's form: no groups, and a hidden width of 8
    ("sk", (64,), {"groups": 1, "least": 8}, 75_536),
    ("triplet", (), {}, 300),
    ("shuffleattention", (64,), {}, 24),
    ("parnet", (64,), {}, 45_504),
    ("nonlocal2d", (64,), {}, 8_480),
    ("selfattention", (64,), {"heads": 4, "head_dim": 32}, 32_832),
]


def trained(module: nn.Module) -> nn.Module:
    """In eval mode, with nothing left at the 0 and 1 that norms and gates start from."""
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if tensor.is_floating_point():
            low = 0.5 if name.endswith("running_var") else -0.5
            nn.init.uniform_(tensor, low, low + 1)
    return module.eval()


def constant(layer: nn.Module, value: float) -> None:
    """Makes a convolution or linear layer give one value everywhere."""
    nn.init.zeros_(layer.get_parameter("weight"))
    nn.init.constant_(layer.get_parameter("bias"), value)


def sigmoid(value: float) -> float:
    return torch.tensor(value).sigmoid().item()


@pytest.mark.parametrize(("name", "widths", "kwargs", "count"), PUBLISHED)
def test_published_counts(
    blocks: dict[str, Any], name: str, widths: tuple[int, ...], kwargs: dict[str, Any], count: int
) -> None:
    with torch.device("meta"):
        block = blocks[name].cls(*widths, **kwargs)
    assert sum(p.numel() for p in block.parameters()) == count


@pytest.mark.parametrize("name", ["ema", "sk"])
@given(channels=st.integers(1, 96), groups=st.integers(1, 40))
@settings(deadline=None, max_examples=40)
def test_groups_are_the_largest_that_fit(
    blocks: dict[str, Any], name: str, channels: int, groups: int
) -> None:
    with torch.device("meta"):
        found = blocks[name].cls(channels, groups=groups).groups
    assert found == max(g for g in range(1, groups + 1) if channels % g == 0)


@pytest.mark.parametrize("name", ["lsk", "gam", "bam", "sk", "coordatt", "nonlocal2d"])
@pytest.mark.parametrize("channels", [1, 3])
def test_hidden_width_is_never_zero(blocks: dict[str, Any], name: str, channels: int) -> None:
    block = blocks[name].cls(channels)
    assert all(p.numel() for p in block.parameters())
    assert block(torch.randn(2, channels, 5, 4)).shape == (2, channels, 5, 4)


def test_simam_follows_the_energy(blocks: dict[str, Any]) -> None:
    x = torch.randn(2, 3, 4, 5)
    out = blocks["simam"].cls()(x)
    for b, c in product(range(2), range(3)):
        channel = x[b, c]
        # torch.var divides by H * W - 1, as the paper does.
        distance = (channel - channel.mean()) ** 2
        energy = 4 * (channel.var() + 1e-4) / (distance + 2 * channel.var() + 2e-4)
        assert torch.allclose(out[b, c], channel * (1 / energy).sigmoid(), atol=1e-5)


def test_simam_on_a_single_pixel(blocks: dict[str, Any]) -> None:
    x = torch.randn(2, 3, 1, 1)
    assert torch.allclose(blocks["simam"].cls()(x), x * sigmoid(0.5))


def test_coordatt_gates_rows_and_columns(blocks: dict[str, Any]) -> None:
    block = trained(blocks["coordatt"].cls(6))
    x = torch.randn(2, 6, 4, 7)
    # In eval mode the batch norm sees each row and column by itself.
    expected = x.clone()
    for i in range(4):
        hidden = block.shared(x[:, :, i, :].mean(dim=2, keepdim=True))
        expected[:, :, i, :] *= block.rows(hidden).sigmoid()
    for j in range(7):
        hidden = block.shared(x[:, :, :, j].mean(dim=2, keepdim=True))
        expected[:, :, :, j] *= block.columns(hidden).sigmoid()
    assert torch.allclose(block(x), expected, atol=1e-5)


@pytest.mark.parametrize("size", [(4, 6), (1, 5)])
def test_ema_weighs_each_branch_by_the_other(blocks: dict[str, Any], size: tuple[int, int]) -> None:
    block = trained(blocks["ema"].cls(6, groups=2))
    x = torch.randn(2, 6, *size)
    axes = block.axes.weight[..., 0]
    for out, group in zip(block(x).reshape(4, 3, *size), x.reshape(4, 3, *size), strict=True):
        rows = (axes @ group.mean(dim=2) + block.axes.bias[:, None]).sigmoid()
        columns = (axes @ group.mean(dim=1) + block.axes.bias[:, None]).sigmoid()
        gated = group * rows[:, :, None] * columns[:, None, :]
        first = F.instance_norm(gated[None])[0] * block.norm.weight[:, None, None]
        first = first + block.norm.bias[:, None, None]
        second = F.conv2d(group[None], block.local.weight, block.local.bias, padding=1)[0]
        weights = sum(
            share * weighed
            for one, other in ((first, second), (second, first))
            for share, weighed in zip(one.mean(dim=(1, 2)).softmax(dim=0), other, strict=True)
        )
        assert torch.allclose(out, group * weights.sigmoid(), atol=1e-4)


def seen_from_the_middle(gate: Any, size: int) -> list[tuple[int, int]]:
    """First and last index along each axis of what the middle pixel of a map depends on."""
    x = torch.zeros(1, 1, size, size, requires_grad=True)
    (gate(x)[0, 0, size // 2, size // 2]).backward()
    assert x.grad is not None
    rows, columns = x.grad[0, 0].nonzero(as_tuple=True)
    return [(int(axis.min()), int(axis.max())) for axis in (rows, columns)]


def all_ones(module: nn.Module) -> None:
    for parameter in module.parameters():
        nn.init.ones_(parameter)


@pytest.mark.parametrize("kernel_size", [7, 11, 23, 35, 41, 53])
def test_lska_sees_its_kernel(blocks: dict[str, Any], kernel_size: int) -> None:
    block = blocks["lska"].cls(1, kernel_size=kernel_size)
    all_ones(block)
    middle, reach = 30, kernel_size // 2
    assert seen_from_the_middle(block.gate, 61) == [(middle - reach, middle + reach)] * 2
    x = torch.randn(2, 1, 7, 5)
    assert torch.allclose(block(x), x * block.gate(x))


@pytest.mark.parametrize("kernel_size", [3, 8, 21])
def test_lska_has_no_other_kernels(blocks: dict[str, Any], kernel_size: int) -> None:
    with pytest.raises(ValueError, match="must be one of"):
        blocks["lska"].cls(16, kernel_size=kernel_size)


def test_lsk_chooses_between_two_fields(blocks: dict[str, Any]) -> None:
    block = blocks["lsk"].cls(1)
    all_ones(block)
    assert seen_from_the_middle(block.small, 31) == [(13, 17)] * 2
    assert seen_from_the_middle(lambda x: block.large(block.small(x)), 31) == [(4, 26)] * 2

    block = trained(blocks["lsk"].cls(6))
    x = torch.randn(2, 6, 7, 5)
    near = block.small(x)
    choices = [block.reduce_small(near), block.reduce_large(block.large(near))]
    for chosen, map_ in enumerate(choices):
        nn.init.zeros_(block.select.weight)
        block.select.bias.data = torch.tensor([40.0 if i == chosen else -40.0 for i in range(2)])
        assert torch.allclose(block(x), x * block.expand(map_), atol=1e-5)


def test_mscaunit_is_the_core_of_msca(blocks: dict[str, Any]) -> None:
    unit, whole = blocks["mscaunit"].cls(6), blocks["msca"].cls(6).gating
    for ours, theirs in zip(unit.parameters(), whole.parameters(), strict=True):
        theirs.data = ours.data
    x = torch.randn(2, 6, 9, 7)
    assert torch.equal(unit(x), whole(x))


def test_gam_gates_each_pixel_by_its_own_channels(blocks: dict[str, Any]) -> None:
    block = trained(blocks["gam"].cls(8))
    x = torch.randn(2, 8, 5, 3)
    first, _, second, _ = block.channel
    tokens = x.permute(0, 2, 3, 1)
    hidden = F.linear(tokens, first.weight[:, :, 0, 0], first.bias).relu()
    scores = F.linear(hidden, second.weight[:, :, 0, 0], second.bias)
    gated = (tokens * scores.sigmoid()).permute(0, 3, 1, 2)
    assert torch.allclose(block(x), gated * block.spatial(gated), atol=1e-5)
    assert (block(x).abs() < x.abs()).all()


def test_bam_adds_its_branches(blocks: dict[str, Any]) -> None:
    block = blocks["bam"].cls(16).eval()
    constant(block.channel[-1], 2.0)
    constant(block.spatial[-1], -3.0)
    x = torch.randn(2, 16, 7, 5)
    assert torch.allclose(block(x), x * (1 + sigmoid(2.0 - 3.0)), atol=1e-6)


def test_bam_pools_the_whole_map(blocks: dict[str, Any]) -> None:
    block = trained(blocks["bam"].cls(16))
    constant(block.spatial[-1], 0.0)
    x = torch.randn(2, 16, 7, 3)
    gate = block.channel(x.mean(dim=(2, 3))).sigmoid()[:, :, None, None]
    assert torch.allclose(block(x), x * (1 + gate), atol=1e-5)


@pytest.mark.parametrize("branches", [2, 3])
def test_sk_shares_sum_to_one(blocks: dict[str, Any], branches: int) -> None:
    block = trained(blocks["sk"].cls(8, branches=branches, groups=4))
    x = torch.randn(3, 8, 7, 5)
    maps = [branch(x) for branch in block.branches]
    assert [branch[0].dilation for branch in block.branches] == [
        (d, d) for d in range(1, branches + 1)
    ]
    squeezed = block.squeeze(sum(maps).mean(dim=(2, 3)))
    scores = block.select(squeezed).reshape(3, branches, 8).exp()
    expected = sum(
        map_ * (scores[:, m] / scores.sum(dim=1))[:, :, None, None] for m, map_ in enumerate(maps)
    )
    assert torch.allclose(block(x), expected, atol=1e-5)
    for branch in block.branches:
        nn.init.zeros_(branch[1].weight)
        nn.init.ones_(branch[1].bias)
    assert torch.allclose(block(x), torch.ones_like(x))


def test_triplet_turns_the_map_three_ways(blocks: dict[str, Any]) -> None:
    block = trained(blocks["triplet"].cls())
    x = torch.randn(2, 6, 7, 5)

    def gate(branch: Any, axis: int) -> Tensor:
        """The gate over the two axes other than `axis`, which changes places with the channels."""
        turned = x.transpose(1, axis)
        pooled = torch.stack([turned.amax(dim=1), turned.mean(dim=1)], dim=1)
        scores = F.conv2d(pooled, branch.conv.weight, padding=3)
        norm = branch.norm
        scores = (scores - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
        return (scores * norm.weight + norm.bias).sigmoid().transpose(1, axis)

    gates = gate(block.over_c, 1) + gate(block.over_h, 2) + gate(block.over_w, 3)
    assert torch.allclose(block(x), x * gates / 3, atol=1e-5)


@pytest.mark.parametrize(("channels", "groups"), [(8, 1), (8, 2), (12, 3), (6, 8)])
def test_shuffleattention_gates_group_by_group(
    blocks: dict[str, Any], channels: int, groups: int
) -> None:
    block = trained(blocks["shuffleattention"].cls(channels, groups=groups))
    x = torch.randn(2, channels, 4, 5)
    half = channels // 2 // block.groups
    assert block.groups <= groups and half * 2 * block.groups == channels
    gated = x.clone()
    for start in range(0, channels, 2 * half):
        for i in range(half):
            first, second = x[:, start + i], x[:, start + half + i]
            score = block.mean_weight[i] * first.mean(dim=(1, 2), keepdim=True)
            gated[:, start + i] = first * (score + block.mean_bias[i]).sigmoid()
            normed = F.instance_norm(second[:, None])[:, 0]
            normed = normed * block.norm.weight[i] + block.norm.bias[i]
            score = block.norm_weight[i] * normed + block.norm_bias[i]
            gated[:, start + half + i] = second * score.sigmoid()
    order = [c for i in range(channels // 2) for c in (i, channels // 2 + i)]
    assert torch.allclose(block(x), gated[:, order], atol=1e-5)


def test_shuffleattention_refuses_odd_widths(blocks: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be even, got 7"):
        blocks["shuffleattention"].cls(7)


def test_parnet_folds_into_one_convolution_and_a_gate(blocks: dict[str, Any]) -> None:
    block = trained(blocks["parnet"].cls(5))
    scale = [norm.weight / (norm.running_var + 1e-5).sqrt() for norm in (block.norm1, block.norm3)]
    shift = [
        norm.bias - norm.running_mean * s
        for norm, s in zip((block.norm1, block.norm3), scale, strict=True)
    ]
    kernel = block.conv3.weight * scale[1][:, None, None, None]
    kernel[:, :, 1:2, 1:2] += block.conv1.weight * scale[0][:, None, None, None]
    x = torch.randn(2, 5, 7, 4)
    skip = block.norm0(x)
    gate = F.linear(skip.mean(dim=(2, 3)), block.gate.weight, block.gate.bias).sigmoid()
    total = F.conv2d(x, kernel, sum(shift), padding=1) + skip * gate[:, :, None, None]
    assert torch.allclose(block(x), F.silu(total), atol=1e-5)


def test_nonlocal2d_starts_as_the_identity(blocks: dict[str, Any]) -> None:
    block = blocks["nonlocal2d"].cls(6)
    x = torch.randn(2, 6, 7, 5)
    assert torch.equal(block(x), x)
    assert torch.equal(block.eval()(x), x)


@pytest.mark.parametrize("size", [(4, 6), (5, 3), (1, 5), (1, 1)])
def test_nonlocal2d_looks_at_the_pooled_map(blocks: dict[str, Any], size: tuple[int, int]) -> None:
    block = trained(blocks["nonlocal2d"].cls(6))
    x = torch.randn(1, 6, *size)
    query, key, value = block.query(x)[0], block.key(x)[0], block.value(x)[0]
    cells = list(product(range(0, size[0], 2), range(0, size[1], 2)))
    keys = torch.stack([key[:, i : i + 2, j : j + 2].amax(dim=(1, 2)) for i, j in cells])
    values = torch.stack([value[:, i : i + 2, j : j + 2].amax(dim=(1, 2)) for i, j in cells])
    seen = torch.zeros(1, 3, *size)
    for i, j in product(*(range(length) for length in size)):
        likeness = (keys @ query[:, i, j]).exp()
        seen[0, :, i, j] = (likeness[:, None] * values).sum(dim=0) / likeness.sum()
    assert torch.allclose(block(x), x + block.norm(block.project(seen)), atol=1e-5)


@pytest.mark.parametrize("shortcut", [True, False])
@pytest.mark.parametrize("heads", [1, 2, 4])
def test_selfattention_is_that_of_torch(blocks: dict[str, Any], heads: int, shortcut: bool) -> None:
    block = blocks["selfattention"].cls(8, heads=heads, shortcut=shortcut)
    plain = nn.MultiheadAttention(8, heads, batch_first=True)
    plain.in_proj_weight.data = block.qkv.weight.data[:, :, 0, 0]
    plain.out_proj.weight.data = block.project.weight.data[:, :, 0, 0]
    plain.out_proj.bias.data = block.project.bias.data
    x = torch.randn(2, 8, 5, 3)
    tokens = x.flatten(2).transpose(1, 2)
    out = plain(tokens, tokens, tokens, need_weights=False)[0].transpose(1, 2).reshape(x.shape)
    assert torch.allclose(block(x), x * shortcut + out, atol=1e-5)


@given(channels=st.integers(1, 96), heads=st.integers(1, 16))
@settings(deadline=None, max_examples=40)
def test_selfattention_heads_are_the_most_that_divide(
    blocks: dict[str, Any], channels: int, heads: int
) -> None:
    with torch.device("meta"):
        block = blocks["selfattention"].cls(channels, heads=heads)
        assert block.qkv.out_channels == 3 * channels
    assert block.heads == max(n for n in range(1, heads + 1) if channels % n == 0)
