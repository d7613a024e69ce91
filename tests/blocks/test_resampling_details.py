"""What the down and up blocks promise beyond the contract that all blocks share."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

PUBLISHED: list[tuple[str, dict[str, Any], int]] = [
    ("hwd", {"out_channels": 64}, 16_576),
    ("hwd", {"out_channels": 128}, 33_152),
    ("spdconv", {"out_channels": 64}, 147_584),
    ("adown", {"out_channels": 64}, 10_368),
    ("stridedconv", {"out_channels": 64}, 36_928),
    ("blurpool", {}, 0),
    ("softpool", {}, 0),
    ("patchmerging", {"out_channels": 128}, 33_280),
    ("dysample", {}, 2_080),
    ("dysample", {"dyscope": True}, 4_128),
    ("dysample", {"style": "pl"}, 136),
    ("dysample", {"style": "pl", "dyscope": True}, 264),
    ("carafe", {}, 61_860),
    ("pixelshuffle", {"out_channels": 64}, 147_712),
    ("transposedconv", {"out_channels": 64}, 16_448),
    ("transposedconv", {"out_channels": 64, "kernel_size": 4}, 65_600),
    ("eucb", {"out_channels": 64}, 4_864),
    ("eucb", {"out_channels": 32}, 2_784),
]


@pytest.mark.parametrize(("name", "arguments", "count"), PUBLISHED)
def test_published_counts(
    blocks: dict[str, Any], name: str, arguments: dict[str, Any], count: int
) -> None:
    block = blocks[name].cls(64, **arguments)
    assert sum(p.numel() for p in block.parameters()) == count


DOWN = "hwd spdconv adown stridedconv blurpool softpool patchmerging".split()
UP = "dysample carafe pixelshuffle transposedconv eucb upconv".split()
SIDE = st.integers(1, 11)


@pytest.mark.parametrize("name", DOWN)
@settings(deadline=None, max_examples=30)
@given(height=SIDE, width=SIDE)
def test_down_halves_and_rounds_up(
    blocks: dict[str, Any], name: str, height: int, width: int
) -> None:
    with torch.device("meta"):
        out = blocks[name].cls(4, 6)(torch.empty(2, 4, height, width))
    assert out.shape == (2, 6, -(-height // 2), -(-width // 2))


@pytest.mark.parametrize("name", UP)
@settings(deadline=None, max_examples=20)
@given(height=SIDE, width=SIDE, scale=st.integers(1, 4))
def test_up_multiplies(
    blocks: dict[str, Any], name: str, height: int, width: int, scale: int
) -> None:
    with torch.device("meta"):
        out = blocks[name].cls(4, 6, scale=scale)(torch.empty(2, 4, height, width))
    assert out.shape == (2, 6, scale * height, scale * width)


def image(channels: int = 4, size: tuple[int, int] = (6, 8)) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(2, channels, *size)


def shake(module: nn.Module) -> nn.Module:
    """Batch norms that are neither near the identity nor monotonic."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor in (norm.weight, norm.bias, norm.running_mean):
                nn.init.normal_(tensor)
    return module.eval()


def test_haar_of_one_cell(blocks: dict[str, Any]) -> None:
    haar = blocks["hwd"].module.haar
    cell = torch.tensor([[1.0, 2.0], [3.0, 5.0]])
    assert haar(cell[None, None]).flatten().tolist() == [5.5, -2.5, -1.5, 0.5]
    assert haar(cell[None, None, :1, :1]).flatten().tolist() == [0.5] * 4, "zeros behind it"


def test_haar_keeps_everything(blocks: dict[str, Any]) -> None:
    x = image()
    parts = blocks["hwd"].module.haar(x)
    assert torch.allclose(parts.square().sum(), x.square().sum())
    low = parts[:, :4]
    assert torch.allclose(low, 2 * F.avg_pool2d(x, 2), atol=1e-6), "the means come first"


def cells(x: Tensor) -> Tensor:
    """The pixels of each 2 x 2 cell as channels, in the papers' order: down first."""
    corners = [(0, 0), (1, 0), (0, 1), (1, 1)]
    return torch.cat([x[:, :, i::2, j::2] for i, j in corners], dim=1)


@pytest.mark.parametrize("size", [(6, 8), (5, 7)])
def test_spdconv_convolves_cells(blocks: dict[str, Any], size: tuple[int, int]) -> None:
    block, x = shake(blocks["spdconv"].cls(4, 6)), image(size=size)
    even = F.pad(x, (0, size[1] % 2, 0, size[0] % 2))
    plain = F.conv2d(cells(even), block.conv.weight, padding=1)
    assert torch.allclose(block(x), F.silu(block.norm(plain)), atol=1e-5)


def test_patch_merging_is_norm_and_linear_on_cells(blocks: dict[str, Any]) -> None:
    block, x = blocks["patchmerging"].cls(4, 8), image()
    tokens = cells(x).flatten(2).mT
    merged = F.linear(F.layer_norm(tokens, (16,)), block.reduce.weight)
    assert torch.allclose(block(x), merged.mT.reshape(2, 8, 3, 4), atol=1e-5)


@pytest.mark.parametrize("size", [(6, 8), (5, 7)])
def test_adown_restated(blocks: dict[str, Any], size: tuple[int, int]) -> None:
    block, x = shake(blocks["adown"].cls(4, 6)), image(size=size)
    even = F.pad(x, (0, size[1] % 2, 0, size[0] % 2), mode="replicate")
    first, second = F.avg_pool2d(even, 2, 1).chunk(2, dim=1)
    (conv1, norm1, _), (conv2, norm2, _) = block.strided, block.pointwise
    first = F.silu(norm1(F.conv2d(first, conv1.weight, stride=2, padding=1)))
    second = F.silu(norm2(F.conv2d(F.max_pool2d(second, 3, 2, 1), conv2.weight)))
    assert torch.allclose(block(x), torch.cat([first, second], dim=1), atol=1e-5)


@pytest.mark.parametrize("widths", [(1, 8), (8, 1)])
def test_adown_needs_halves(blocks: dict[str, Any], widths: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        blocks["adown"].cls(*widths)


@pytest.mark.parametrize(
    ("taps", "pads"), [([1.0], (0, 0)), ([1, 2, 1], (1, 1)), ([1, 3, 3, 1], (1, 2))]
)
def test_blurpool_is_a_fixed_convolution(
    blocks: dict[str, Any], taps: list[float], pads: tuple[int, int]
) -> None:
    block, x = blocks["blurpool"].cls(4, filter_size=len(taps)), image()
    kernel = torch.outer(torch.tensor(taps), torch.tensor(taps))
    kernel = (kernel / kernel.sum())[None, None]
    padded = F.pad(x, pads * 2, mode="reflect")
    apart = [F.conv2d(padded[:, c : c + 1], kernel, stride=2) for c in range(4)]
    assert torch.allclose(block(x), torch.cat(apart, dim=1), atol=1e-6)
    assert torch.allclose(block(torch.ones(1, 4, 1, 3)), torch.ones(1)), "a flat map stays flat"
    assert list(block.state_dict()) == ["filter"]


@pytest.mark.parametrize("size", [(6, 8), (5, 7)])
def test_softpool_against_a_loop(blocks: dict[str, Any], size: tuple[int, int]) -> None:
    block, x = blocks["softpool"].cls(4), image(size=size)
    out = block(x)
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            window = x[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].flatten(2)
            weights = window.exp() / window.exp().sum(-1, keepdim=True)
            assert torch.allclose(out[:, :, i, j], (window * weights).sum(-1), atol=1e-5)


def test_softpool_of_large_values(blocks: dict[str, Any]) -> None:
    x = 1000 * image()
    assert torch.allclose(blocks["softpool"].cls(4)(x), F.max_pool2d(x, 2), rtol=1e-2)


SAMPLERS = [{}, {"dyscope": True}, {"style": "pl"}, {"style": "pl", "dyscope": True}]


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize("arguments", SAMPLERS)
def test_dysample_starts_near_bilinear(
    blocks: dict[str, Any], arguments: dict[str, Any], scale: int
) -> None:
    x = image(36)
    block = blocks["dysample"].cls(36, scale=scale, **arguments)
    bilinear = F.interpolate(x, scale_factor=scale, mode="bilinear")
    assert torch.allclose(block(x), bilinear, atol=0.05)
    nn.init.zeros_(block.offset.weight)
    assert torch.allclose(block(x), bilinear, atol=1e-4)


@pytest.mark.parametrize("arguments", SAMPLERS)
def test_dysample_offset_counts_in_source_pixels(
    blocks: dict[str, Any], arguments: dict[str, Any]
) -> None:
    x = image(16)
    block = blocks["dysample"].cls(16, **arguments)
    nn.init.zeros_(block.offset.weight)
    bilinear = F.interpolate(x, scale_factor=2, mode="bilinear")
    across, down = block.offset.bias.data.chunk(2)
    across.fill_(4.0)
    assert torch.allclose(block(x)[..., :-2], bilinear[..., 2:], atol=1e-4)
    across.zero_()
    down.fill_(-4.0)
    assert torch.allclose(block(x)[:, :, 2:], bilinear[:, :, :-2], atol=1e-4)


def test_dysample_groups_move_apart(blocks: dict[str, Any]) -> None:
    x = image(16)
    block = blocks["dysample"].cls(16)
    still = block(x)
    with torch.no_grad():
        # Across, the first of four groups, its first of 2 x 2 new pixels.
        block.offset.bias[0] = 4.0
    moved = (block(x) - still).abs().amax((0, 1)) > 1e-3
    assert moved[0::2, 0::2].any() and not moved[1::2].any() and not moved[:, 1::2].any()
    assert not (block(x) - still)[:, 4:].any()


def test_dysample_refusals_and_groups(blocks: dict[str, Any]) -> None:
    cls = blocks["dysample"].cls
    assert [cls(c).groups for c in (64, 6, 5, 1)] == [4, 3, 1, 1]
    for arguments in ({"style": "pl"}, {"style": "xy"}, {"groups": 0}):
        with pytest.raises(ValueError):
            cls(6, **arguments)


def test_carafe_with_equal_weights_is_a_box_mean(blocks: dict[str, Any]) -> None:
    block, x = blocks["carafe"].cls(4), image()
    box = F.interpolate(F.avg_pool2d(x, 5, 1, 2), scale_factor=2)
    assert torch.allclose(block(x), box, atol=0.05), "almost so at first"
    nn.init.zeros_(block.encode.weight)
    assert torch.allclose(block(x), box, atol=1e-5)


def test_carafe_weights_belong_to_a_new_pixel(blocks: dict[str, Any]) -> None:
    block, x = blocks["carafe"].cls(4), image()
    nn.init.zeros_(block.encode.weight)
    bias = block.encode.bias.data.view(5, 5, 2, 2)
    bias[2, 2] = 100.0
    assert torch.allclose(block(x), F.interpolate(x, scale_factor=2), atol=1e-5)
    bias[2, 3, 0, 1] = 200.0  # in each cell the upper right pixel looks one to the right
    expected = F.interpolate(x, scale_factor=2)
    expected[:, :, 0::2, 1::2] = F.pad(x, (0, 1))[..., 1:]
    assert torch.allclose(block(x), expected, atol=1e-5)


@pytest.mark.parametrize("scale", [2, 3])
def test_pixel_shuffle_starts_as_nearest(blocks: dict[str, Any], scale: int) -> None:
    block, x = blocks["pixelshuffle"].cls(4, 6, scale=scale), image()
    small = F.conv2d(x, block.conv.weight[:: scale**2], padding=1)
    assert torch.allclose(block(x), F.interpolate(small, scale_factor=scale), atol=1e-5)
    assert small.std() > 0.1


@pytest.mark.parametrize("kernel_size", [2, 3, 4, 5])
def test_transposed_conv_of_any_kernel_doubles(blocks: dict[str, Any], kernel_size: int) -> None:
    block = blocks["transposedconv"].cls(4, 6, kernel_size=kernel_size)
    assert block(image(size=(5, 1))).shape == (2, 6, 10, 2)
    with pytest.raises(ValueError, match="at least the scale"):
        blocks["transposedconv"].cls(4, 6, scale=6, kernel_size=kernel_size)


def test_transposed_conv_kernels_do_not_overlap(blocks: dict[str, Any]) -> None:
    block, x = blocks["transposedconv"].cls(4, 6), image()
    out, weight = block(x), block.conv.weight
    for i in range(2):
        for j in range(2):
            pixel = torch.einsum("bahw,ac->bchw", x, weight[:, :, i, j])
            expected = pixel + block.conv.bias[:, None, None]
            assert torch.allclose(out[:, :, i::2, j::2], expected, atol=1e-5)


def test_eucb_restated(blocks: dict[str, Any]) -> None:
    block, x = shake(blocks["eucb"].cls(4, 6)), image()
    large = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    own = F.relu(block.norm(F.conv2d(large, block.depthwise.weight, padding=1, groups=4)))
    expected = F.conv2d(own, block.pointwise.weight, block.pointwise.bias)
    assert torch.allclose(block(x), expected, atol=1e-5)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_upconv_is_interpolation_and_convolution(blocks: dict[str, Any], mode: str) -> None:
    block, x = blocks["upconv"].cls(4, 6, mode=mode), image()
    large = F.interpolate(x, size=(12, 16), mode=mode)
    expected = F.conv2d(large, block.conv.weight, block.conv.bias, padding=1)
    assert torch.allclose(block(x), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["pixelshuffle", "eucb", "upconv"])
@pytest.mark.parametrize("kernel_size", [1, 2, 5, (1, 4)])
def test_up_with_any_kernel(blocks: dict[str, Any], name: str, kernel_size: Any) -> None:
    block = blocks[name].cls(4, 6, kernel_size=kernel_size)
    assert block(image(size=(5, 7))).shape == (2, 6, 10, 14)
