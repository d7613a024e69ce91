"""What the fusion blocks promise beyond the contract that all blocks share."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

# From elsewhere; SDI is published for four maps, with equal shares.
PUBLISHED: list[tuple[str, tuple[int, ...], int]] = [
    ("concatconv", (64, 32, 48), 4_656),
    ("attentiongate", (64, 64), 4_323),
    ("attentiongate", (128, 64), 6_371),
    ("aff", (64,), 4_576),
    ("iaff", (64,), 9_152),
    ("eff", (64,), 810),
    ("eff", (128,), 2_026),
    ("eff", (512,), 20_074),
    ("bifpn", (), 2),
    ("sdi", (64,), 147_712 // 2),
    ("cgafusion", (64,), 11_691),
]


@pytest.mark.parametrize(("name", "widths", "count"), PUBLISHED)
def test_published_counts(
    blocks: dict[str, Any], name: str, widths: tuple[int, ...], count: int
) -> None:
    assert sum(p.numel() for p in blocks[name].cls(*widths).parameters()) == count


def maps(channels: int = 8, skip: int = 8, size: tuple[int, int] = (7, 5)) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(2, channels, *size), torch.randn(2, skip, *size)


def fix(gate: nn.Sequential, logit: float) -> None:
    """Make a gate that ends in batch norm and sigmoid give the sigmoid of this everywhere."""
    norm = gate[-2] if isinstance(gate[-1], nn.Sigmoid) else gate[-1]
    nn.init.zeros_(norm.weight)
    nn.init.constant_(norm.bias, logit)


def test_concatconv_adds_what_each_map_gives(blocks: dict[str, Any]) -> None:
    x, skip = maps(8, 6)
    block = blocks["concatconv"].cls(8, 6, 5)
    of_skip, of_x = block.conv.weight.split([6, 8], dim=1)
    apart = F.conv2d(skip, of_skip) + F.conv2d(x, of_x, block.conv.bias)
    assert torch.allclose(block(x, skip), apart, atol=1e-5)


@pytest.mark.parametrize(("logit", "share"), [(50.0, 1.0), (0.0, 0.5), (-50.0, 0.0)])
def test_attention_gate_stands_for_cat(blocks: dict[str, Any], logit: float, share: float) -> None:
    x, skip = maps(8, 6)
    block = blocks["attentiongate"].cls(8, 6)
    fix(block.gate, logit)
    assert torch.allclose(block(x, skip), torch.cat([skip * share, x], dim=1), atol=1e-6)


def test_attention_gate_is_one_number_per_pixel_driven_by_both(blocks: dict[str, Any]) -> None:
    x, skip = maps(8, 6)
    block = blocks["attentiongate"].cls(8, 6).eval()
    gate = block(x, skip)[:, :6] / skip
    assert torch.allclose(gate, gate[:, :1].expand_as(gate), atol=1e-4)
    for other in (block(x.flip(2), skip), block(x, skip.flip(2))):
        assert not torch.allclose(other[:, :6], block(x, skip)[:, :6], atol=1e-4)


@pytest.mark.parametrize(("name", "total"), [("aff", 2), ("iaff", 1)])
def test_weights_of_a_value_have_a_fixed_sum(blocks: dict[str, Any], name: str, total: int) -> None:
    x, skip = maps()
    block = blocks[name].cls(8).eval()
    assert torch.allclose(block(x, x), total * x, atol=1e-5)
    for attention in block.children():
        fix(attention.local, 0.0)
        fix(attention.whole, 0.0)
    assert torch.allclose(block(x, skip), total * (x + skip) / 2, atol=1e-5)


def test_aff_sees_the_pixel_and_the_whole_map(blocks: dict[str, Any]) -> None:
    x, skip = maps()
    block = blocks["aff"].cls(8).eval()
    both = x + skip
    near = block.weight.local(both)
    whole = block.weight.whole(both.mean((2, 3), keepdim=True))
    weight = 1 / (1 + torch.exp(-near - whole))
    assert torch.allclose(block(x, skip), 2 * weight * x + 2 * (1 - weight) * skip, atol=1e-5)


def test_rounds_of_iaff(blocks: dict[str, Any]) -> None:
    x, skip = maps()
    block = blocks["iaff"].cls(8).eval()
    first, second = block.first, block.second
    weight = first(x + skip)
    middle = weight * x + (1 - weight) * skip
    expected = second(middle) * x + (1 - second(middle)) * skip
    assert torch.allclose(block(x, skip), expected, atol=1e-5)
    assert not {id(p) for p in first.parameters()} & {id(p) for p in second.parameters()}


def test_eff_with_every_gate_half_open(blocks: dict[str, Any]) -> None:
    x, skip = maps()
    block = blocks["eff"].cls(8)
    fix(block.gate, 0.0)
    nn.init.zeros_(block.channel.weight)
    nn.init.zeros_(block.spatial.weight)
    expected = torch.cat([1.5 * skip, x], dim=1) / 4
    assert torch.allclose(block(x, skip), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("channels", "groups"), [(64, 32), (48, 24), (36, 18), (31, 31), (37, 1), (1, 1)]
)
def test_eff_groups_are_the_largest_that_fit(
    blocks: dict[str, Any], channels: int, groups: int
) -> None:
    block = blocks["eff"].cls(channels)
    assert block.groups == block.of_x[0].groups == block.of_skip[0].groups == groups
    with pytest.raises(ValueError, match="at least 1"):
        blocks["eff"].cls(channels, groups=0)


def test_bifpn_weights(blocks: dict[str, Any]) -> None:
    x, skip = maps()
    block = blocks["bifpn"].cls()
    assert torch.allclose(block(x, skip), (x + skip) / 2, atol=1e-3)
    with torch.no_grad():
        block.weight.copy_(torch.tensor([3.0, 1.0]))
    assert torch.allclose(block(x, skip), 0.75 * x + 0.25 * skip, atol=1e-3)
    with torch.no_grad():
        block.weight.copy_(torch.tensor([3.0, -1.0]))
    assert torch.allclose(block(x, skip), x, atol=1e-3)


@pytest.mark.parametrize("size", [(7, 5), (14, 10), (9, 13), (3, 2), (9, 2)])
def test_sdi_multiplies_at_the_size_of_x(blocks: dict[str, Any], size: tuple[int, int]) -> None:
    (x, _), (_, skip) = maps(), maps(size=size)
    block = blocks["sdi"].cls(8)
    for conv in (block.of_x, block.of_skip):
        nn.init.dirac_(conv.weight)
        nn.init.zeros_(conv.bias)
    if min(size[0] - 7, size[1] - 5) >= 0:
        fitted = F.adaptive_avg_pool2d(skip, (7, 5))
    else:
        fitted = F.interpolate(skip, (7, 5), mode="bilinear", align_corners=True)
    assert torch.allclose(block(x, skip), x * fitted, atol=1e-5)


def test_cgafusion_restated_channel_by_channel(blocks: dict[str, Any]) -> None:
    x, skip = maps()
    block = blocks["cgafusion"].cls(8)
    both = x + skip
    pooled = torch.stack([both.mean(1), both.amax(1)], dim=1)
    around = F.pad(pooled, (3, 3, 3, 3), mode="reflect")
    coarse = block.channel(both.mean((2, 3), keepdim=True)) + block.spatial(around)
    logits = []
    for c in range(8):
        pair = F.pad(torch.stack([both[:, c], coarse[:, c]], dim=1), (3, 3, 3, 3), mode="reflect")
        logits.append(F.conv2d(pair, block.pixel.weight[c : c + 1], block.pixel.bias[c : c + 1]))
    weight = torch.sigmoid(torch.cat(logits, dim=1))
    expected = block.mix(both + weight * x + (1 - weight) * skip)
    assert torch.allclose(block(x, skip), expected, atol=1e-4)


@pytest.mark.parametrize("size", [(3, 9), (4, 4), (1, 1)])
def test_cgafusion_on_small_maps(blocks: dict[str, Any], size: tuple[int, int]) -> None:
    x, skip = maps(size=size)
    assert blocks["cgafusion"].cls(8)(x, skip).shape == x.shape
