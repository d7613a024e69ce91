"""What each block promises beyond the contract that all of them share."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from stitchcli.networks.unet import unet

CONV = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def one_or_pair(low: int, high: int) -> st.SearchStrategy[int | tuple[int, int]]:
    number = st.integers(low, high)
    return number | st.tuples(number, number)


# The tests of the catalog compare code with a formula in the same file; these figures are
# from elsewhere.
PUBLISHED: list[tuple[str, tuple[int, ...], int]] = [
    ("groupconv", (64, 64), 9_280),
    ("factorconv", (64, 64), 24_832),
    ("factorconv", (64, 128), 74_240),
    ("se", (64,), 512),
    ("cbam", (64,), 680),
    ("msca", (64,), 19_520),
    ("msca", (128,), 63_616),
    ("eca", (8,), 3),
    ("eca", (16,), 3),
    ("eca", (64,), 3),
    ("eca", (128,), 5),
    ("eca", (1024,), 5),
]


@pytest.mark.parametrize(("name", "widths", "count"), PUBLISHED)
def test_published_counts(
    blocks: dict[str, Any], name: str, widths: tuple[int, ...], count: int
) -> None:
    assert parameters(blocks[name].cls(*widths)) == count


def plain_convolutions(network: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Conv2d]]:
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d):
                yield parent, name, child


def test_published_light_unet(blocks: dict[str, Any]) -> None:
    with torch.device("meta"):
        network = unet()
        for parent, name, conv in plain_convolutions(network):
            light = blocks["dwconv"].cls(
                conv.in_channels, conv.out_channels, conv.kernel_size, padding=conv.padding
            )
            setattr(parent, name, light)
        assert parameters(network) == 1_538_971
        for stage, channels in [("down1", 128), ("down2", 256), ("down3", 512), ("down4", 512)]:
            network.get_submodule(stage).append(blocks["msca"].cls(channels))
        assert parameters(network) == 3_516_699
        assert network(torch.empty(1, 3, 64, 64)).shape == (1, 2, 64, 64)


@pytest.mark.parametrize("name", ["dwconv", "groupconv", "factorconv"])
@settings(deadline=None, max_examples=60)
@given(
    kernel_size=one_or_pair(1, 7),
    stride=one_or_pair(1, 3),
    padding=one_or_pair(0, 4),
    dilation=one_or_pair(1, 2),
    size=st.tuples(st.integers(13, 24), st.integers(13, 24)),
)
def test_size_is_that_of_the_plain_convolution(
    blocks: dict[str, Any], name: str, size: tuple[int, int], **kwargs: Any
) -> None:
    x = torch.empty(2, 4, *size, device="meta")
    with torch.device("meta"):
        plain, block = nn.Conv2d(4, 6, **kwargs), blocks[name].cls(4, 6, **kwargs)
    assert block(x).shape == plain(x).shape


@pytest.mark.parametrize("name", ["dwconv", "groupconv", "factorconv"])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_padding_by_name(blocks: dict[str, Any], name: str, padding: str) -> None:
    x = torch.randn(2, 4, 9, 7)
    plain = nn.Conv2d(4, 6, (3, 5), padding=padding)
    assert blocks[name].cls(4, 6, (3, 5), padding=padding)(x).shape == plain(x).shape


@pytest.mark.parametrize("name", ["dwconv", "groupconv"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("padding_mode", ["zeros", "reflect", "circular"])
def test_dimensions(blocks: dict[str, Any], name: str, ndim: int, padding_mode: str) -> None:
    if padding_mode == "reflect" and ndim == 3:
        padding_mode = "replicate"
    x = torch.randn(2, 4, *(5, 6, 7)[:ndim])
    for kernel_size in (3, (3, 5, 1)[:ndim]):
        block = blocks[name].cls(4, 6, kernel_size, padding_mode=padding_mode, ndim=ndim)
        assert block(x).shape == (2, 6, *x.shape[2:])
        assert any(isinstance(m, CONV[ndim]) for m in block.modules())


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_pointwise_and_attention_in_every_dimension(blocks: dict[str, Any], ndim: int) -> None:
    x = torch.randn(2, 8, *(5, 6, 7)[:ndim])
    strided = blocks["pointwise"].cls(8, 6, stride=2, ndim=ndim)(x)
    assert strided.shape == (2, 6, *(3, 3, 4)[:ndim])
    for name in ("se", "eca"):
        ratio = (blocks[name].cls(8)(x) / x).flatten(2)
        assert ratio.shape[2] == x[0, 0].numel()
        assert torch.allclose(ratio, ratio[:, :, :1], atol=1e-5), "one gate per channel"
        assert ((ratio > 0) & (ratio < 1)).all()


def test_depthwise_equals_one_convolution(blocks: dict[str, Any]) -> None:
    """A depthwise-separable convolution is a plain one whose kernel is an outer product."""
    block = blocks["dwconv"].cls(5, 7)
    x = torch.randn(2, 5, 6, 9)
    kernel = block.pointwise.weight * block.depthwise.weight[:, 0]
    assert torch.allclose(block(x), nn.functional.conv2d(x, kernel, padding=1), atol=1e-5)


@given(a=st.integers(1, 64), b=st.integers(1, 64), groups=st.integers(1, 16))
@settings(deadline=None)
def test_groups_are_the_largest_that_fit(
    blocks: dict[str, Any], a: int, b: int, groups: int
) -> None:
    with torch.device("meta"):
        block = blocks["groupconv"].cls(a, b, groups=groups)
    assert block.groups == block.conv.groups <= groups
    assume(block.groups < groups)
    assert all(a % g or b % g for g in range(block.groups + 1, groups + 1))


def test_groups_must_be_positive(blocks: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        blocks["groupconv"].cls(4, 4, groups=0)


@pytest.mark.parametrize("channels", [1, 3, 15])
@pytest.mark.parametrize("name", ["se", "cbam"])
def test_hidden_width_is_never_zero(blocks: dict[str, Any], name: str, channels: int) -> None:
    block = blocks[name].cls(channels, reduction=16)
    assert all(p.numel() for p in block.parameters())
    assert block(torch.randn(2, channels, 5, 4)).shape == (2, channels, 5, 4)


@pytest.mark.parametrize("name", ["eca", "cbam"])
def test_even_kernels_are_refused(blocks: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match="must be odd"):
        blocks[name].cls(16, kernel_size=4)


def test_msca_has_a_shortcut(blocks: dict[str, Any]) -> None:
    block = blocks["msca"].cls(8)
    nn.init.zeros_(block.project_out.weight)
    nn.init.zeros_(block.project_out.bias)
    x = torch.randn(2, 8, 5, 7)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("mode", ["bilinear", "linear", "nearest"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_resize(blocks: dict[str, Any], ndim: int, mode: str) -> None:
    x = torch.randn(2, 3, *(5, 6, 7)[:ndim])
    size = (4, 9, 8)[:ndim]
    assert blocks["resize"].cls(size, mode)(x).shape == (2, 3, *size)
    assert blocks["resize"].cls(10, mode)(x).shape == (2, 3, *[10] * ndim)
    assert torch.allclose(blocks["resize"].cls(tuple(x.shape[2:]), mode)(x), x)
