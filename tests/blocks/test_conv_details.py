"""What the convolution blocks promise beyond the contract that all of them share."""

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
    ("ghostconv", (64, 64), {}, 2_464),
    ("pconv", (64,), {}, 2_304),
    ("akconv", (64, 64), {}, 26_378),
    ("akconv", (64, 128), {"num_param": 3}, 28_294),
    ("inceptiondwconv", (64,), {}, 272),
    ("odconv", (64, 64), {}, 150_909),
    ("odconv", (64, 128), {"kernel_size": 1}, 37_156),
    ("odconv", (64, 64), {"groups": 64}, 4_669),
    ("coordconv", (64, 64), {}, 38_080),
    ("coordconv", (64, 64), {"with_r": True}, 38_656),
    ("involution", (64,), {}, 4_388),
    ("involution", (64,), {"kernel_size": 3}, 1_668),
    ("repconv", (64, 64), {}, 41_344),
]


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def trained(module: nn.Module) -> nn.Module:
    """In eval mode, with nothing left at the 0 and 1 that norms and offsets start from."""
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if tensor.is_floating_point():
            low = 0.5 if name.endswith("running_var") else -0.5
            nn.init.uniform_(tensor, low, low + 1)
    return module.eval()


def one_or_pair(low: int, high: int) -> st.SearchStrategy[int | tuple[int, int]]:
    number = st.integers(low, high)
    return number | st.tuples(number, number)


@pytest.mark.parametrize(("name", "widths", "kwargs", "count"), PUBLISHED)
def test_published_counts(
    blocks: dict[str, Any], name: str, widths: tuple[int, ...], kwargs: dict[str, Any], count: int
) -> None:
    with torch.device("meta"):
        assert parameters(blocks[name].cls(*widths, **kwargs)) == count


@pytest.mark.parametrize("name", ["ghostconv", "coordconv", "odconv"])
@settings(deadline=None, max_examples=40)
@given(
    kernel_size=one_or_pair(1, 7),
    stride=one_or_pair(1, 3),
    padding=one_or_pair(0, 4) | st.just("valid"),
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


@pytest.mark.parametrize("name", ["akconv", "repconv", "ghostconv", "coordconv", "odconv"])
@pytest.mark.parametrize("stride", [1, 2, 3, (2, 1)])
@pytest.mark.parametrize("size", [(8, 8), (7, 5), (1, 9)])
def test_size_with_a_stride_is_rounded_up(
    blocks: dict[str, Any], name: str, stride: int | tuple[int, int], size: tuple[int, int]
) -> None:
    x = torch.empty(2, 4, *size, device="meta")
    with torch.device("meta"):
        plain, block = nn.Conv2d(4, 6, 3, stride, 1), blocks[name].cls(4, 6, stride=stride)
    assert block(x).shape == plain(x).shape


@pytest.mark.parametrize("name", ["odconv", "repconv"])
@given(a=st.integers(1, 64), b=st.integers(1, 64), groups=st.integers(1, 16))
@settings(deadline=None, max_examples=40)
def test_groups_are_the_largest_that_fit(
    blocks: dict[str, Any], name: str, a: int, b: int, groups: int
) -> None:
    with torch.device("meta"):
        found = blocks[name].cls(a, b, groups=groups).groups
    assert found == max(g for g in range(1, groups + 1) if a % g == b % g == 0)


@pytest.mark.parametrize("name", ["involution", "inceptiondwconv", "pconv"])
def test_even_kernels_are_refused(blocks: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match="must be odd"):
        blocks[name].cls(16, kernel_size=4)


def test_ghosts_of_an_odd_width_are_those_of_the_next_even_one(blocks: dict[str, Any]) -> None:
    even = trained(blocks["ghostconv"].cls(5, 8, 3))
    odd = blocks["ghostconv"].cls(5, 7, 3).eval()
    cut = {
        name: tensor[: odd.state_dict()[name].shape[0]] if tensor.ndim else tensor
        for name, tensor in even.state_dict().items()
    }
    odd.load_state_dict(cut)
    x = torch.randn(2, 5, 6, 9)
    assert torch.allclose(odd(x), even(x)[:, :7], atol=1e-6)


def test_ghosts_read_the_kept_channels(blocks: dict[str, Any]) -> None:
    block = trained(blocks["ghostconv"].cls(5, 8))
    kept, ghosts = block(torch.randn(2, 5, 6, 9)).chunk(2, dim=1)
    conv, norm, _ = block.cheap
    for i in range(4):
        one = F.conv2d(kept[:, i : i + 1], conv.weight[i : i + 1], padding=1)[:, 0]
        one = (one - norm.running_mean[i]) / (norm.running_var[i] + norm.eps).sqrt()
        assert torch.allclose(ghosts[:, i], (one * norm.weight[i] + norm.bias[i]).relu(), atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3, 8, 10])
def test_pconv_is_a_convolution_with_identity_filters(
    blocks: dict[str, Any], channels: int
) -> None:
    block = blocks["pconv"].cls(channels)
    x = torch.randn(2, channels, 6, 9)
    kernel = nn.init.dirac_(torch.empty(channels, channels, 3, 3))
    part = max(1, channels // 4)
    kernel[:part, :part] = block.conv.weight
    assert torch.allclose(block(x), F.conv2d(x, kernel, padding=1), atol=1e-5)


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 8, 24])
def test_inceptiondwconv_is_one_depthwise_convolution(
    blocks: dict[str, Any], channels: int
) -> None:
    block = blocks["inceptiondwconv"].cls(channels)
    shapes = [branch.kernel_size for branch in block.branches]
    assert shapes == [(3, 3), (1, 11), (11, 1)][: min(3, channels)]
    passed = channels - sum(branch.out_channels for branch in block.branches)
    kernels = [torch.ones(passed, 1, 1, 1), *(branch.weight for branch in block.branches)]
    squares = []
    for kernel in kernels:
        rows, columns = (11 - kernel.shape[2]) // 2, (11 - kernel.shape[3]) // 2
        squares.append(F.pad(kernel, (columns, columns, rows, rows)))
    bias = torch.cat([torch.zeros(passed), *(branch.bias for branch in block.branches)])
    x = torch.randn(2, channels, 6, 9)
    plain = F.conv2d(x, torch.cat(squares), bias, padding=5, groups=channels)
    assert torch.allclose(block(x), plain, atol=1e-5)
    assert passed >= channels - 3 * max(1, channels // 8)


# The grids that the paper draws: as square as it goes, what is over on a last row.
GRIDS = {
    1: [(0, 0)],
    3: [(0, 0), (0, 1), (1, 0)],
    5: [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)],
    7: [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0)],
}


def after_sampling(block: Any, samples: Tensor) -> Tensor:
    """`(B, a, N, H, W)`, one map per point, through the kernel, norm and activation."""
    weight = block.conv.weight[..., 0]
    out: Tensor = block.act(block.norm(torch.einsum("oin,binhw->bohw", weight, samples)))
    return out


@pytest.mark.parametrize("points", GRIDS)
def test_akconv_starts_on_its_grid(blocks: dict[str, Any], points: int) -> None:
    block = blocks["akconv"].cls(3, 4, num_param=points)
    x = torch.randn(2, 3, 5, 7)
    wide = F.pad(x, (0, 2, 0, 2), mode="replicate")
    samples = torch.stack([wide[:, :, i : i + 5, j : j + 7] for i, j in GRIDS[points]], dim=2)
    assert torch.allclose(block(x), after_sampling(block, samples), atol=1e-4)


@pytest.mark.parametrize(("size", "stride"), [((4, 5), 1), ((5, 4), (2, 1)), ((1, 6), 1)])
def test_akconv_samples_where_the_offsets_say(
    blocks: dict[str, Any], size: tuple[int, int], stride: int | tuple[int, int]
) -> None:
    torch.manual_seed(0)
    block = trained(blocks["akconv"].cls(2, 3, stride=stride)).double()
    x = 2 * torch.randn(1, 2, *size, dtype=torch.float64)
    down, right = block.offset(x)[0].chunk(2)
    steps = (stride, stride) if isinstance(stride, int) else stride
    samples = torch.zeros(1, 2, *down.shape, dtype=torch.float64)
    for n, row, column in product(*(range(length) for length in down.shape)):
        i, j = GRIDS[5][n]
        y = (row * steps[0] + i + down[n, row, column]).clamp(0, size[0] - 1)
        z = (column * steps[1] + j + right[n, row, column]).clamp(0, size[1] - 1)
        for p, q in product(*(range(length) for length in size)):
            weight = (1 - (y - p).abs()).clamp(min=0) * (1 - (z - q).abs()).clamp(min=0)
            samples[0, :, n, row, column] += weight * x[0, :, p, q]
    assert down.abs().max() > 1, "some points leave their pixel"
    assert torch.allclose(block(x), after_sampling(block, samples))


def test_odconv_with_open_gates_is_a_convolution(blocks: dict[str, Any]) -> None:
    block = blocks["odconv"].cls(6, 4, 3, stride=2, groups=2, kernels=1).eval()
    for gate in (block.inputs, block.outputs, block.positions):
        nn.init.zeros_(gate.weight)
        nn.init.constant_(gate.bias, 40)
    x = torch.randn(3, 6, 7, 5)
    plain = F.conv2d(x, block.weight[0], stride=2, padding=1, groups=2)
    assert torch.allclose(block(x), plain, atol=1e-5)


def test_odconv_weighs_along_all_four_axes(blocks: dict[str, Any]) -> None:
    block = trained(blocks["odconv"].cls(4, 6, 3))
    x = torch.randn(3, 4, 7, 5)
    for sample, out in zip(x, block(x), strict=True):
        means = block.squeeze(sample.mean(dim=(1, 2))[None])
        inputs, outputs = block.inputs(means).sigmoid()[0], block.outputs(means).sigmoid()[0]
        positions = block.positions(means).sigmoid().reshape(3, 3)
        kernel = torch.zeros(6, 4, 3, 3)
        for share, weight in zip(block.shares(means).softmax(dim=1)[0], block.weight, strict=True):
            for o, i in product(range(6), range(4)):
                kernel[o, i] += share * outputs[o] * inputs[i] * positions * weight[o, i]
        assert torch.allclose(out, F.conv2d(sample[None], kernel, padding=1)[0], atol=1e-5)


@pytest.mark.parametrize("size", [(5, 4), (3, 3), (1, 4), (3, 1), (1, 1)])
def test_coordconv_sees_coordinates(blocks: dict[str, Any], size: tuple[int, int]) -> None:
    block = blocks["coordconv"].cls(2, 3, kernel_size=1, bias=False, with_r=True)
    # Each output channel shows one of the appended ones.
    block.conv.weight.data = torch.eye(5)[2:, :, None, None]
    row, column, radius = block(torch.randn(2, 2, *size))[1]
    for i, j in product(range(size[0]), range(size[1])):
        y = 2 * i / (size[0] - 1) - 1 if size[0] > 1 else 0.0
        x = 2 * j / (size[1] - 1) - 1 if size[1] > 1 else 0.0
        seen = torch.stack([row[i, j], column[i, j], radius[i, j]])
        assert torch.allclose(seen, torch.tensor([y, x, (y * y + x * x) ** 0.5]), atol=1e-6)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2])
def test_involution_is_a_sum_over_each_window(
    blocks: dict[str, Any], stride: int, groups: int
) -> None:
    block = trained(blocks["involution"].cls(6, 3, stride=stride, groups=groups))
    x = torch.randn(2, 6, 7, 5)
    # The mean over the pixels of the window that are there.
    rows, columns = range(0, 7, stride), range(0, 5, stride)
    pooled = torch.stack(
        [x[:, :, i : i + stride, j : j + stride].mean(dim=(2, 3)) for i in rows for j in columns]
    )
    kernels = block.kernel(pooled.permute(1, 2, 0)[..., None])[..., 0]
    kernels = kernels.reshape(2, groups, 3, 3, len(rows), len(columns))
    kernels = kernels.repeat_interleave(6 // groups, dim=1)
    wide = F.pad(x, (1, 1, 1, 1))
    expected = torch.zeros(2, 6, len(rows), len(columns))
    for (p, i), (q, j) in product(enumerate(rows), enumerate(columns)):
        window = wide[:, :, i : i + 3, j : j + 3]
        expected[:, :, p, q] = (kernels[..., p, q] * window).sum(dim=(2, 3))
    assert torch.allclose(block(x), expected, atol=1e-5)


@pytest.mark.parametrize(("channels", "groups"), [(8, 1), (32, 2), (40, 2), (48, 3), (37, 1)])
def test_involution_shares_kernels_among_16_channels(
    blocks: dict[str, Any], channels: int, groups: int
) -> None:
    assert blocks["involution"].cls(channels).groups == groups


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("stride", [1, 2, (1, 1)])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("out_channels", [8, 12])
def test_folded_repconv_is_equal(
    blocks: dict[str, Any],
    out_channels: int,
    dilation: int,
    stride: int | tuple[int, int],
    groups: int,
) -> None:
    cls = blocks["repconv"].cls
    block = trained(cls(8, out_channels, stride=stride, dilation=dilation, groups=groups))
    assert (block.norm0 is not None) == (out_channels == 8 and stride != 2)
    folded = block.folded()
    x = torch.randn(2, 8, 9, 7)
    assert torch.allclose(folded(x), block(x), atol=1e-5)
    assert parameters(folded) == 9 * 8 * out_channels // groups + out_channels


def test_folded_repconv_keeps_the_precision(blocks: dict[str, Any]) -> None:
    block = trained(blocks["repconv"].cls(8, 8).double())
    x = torch.randn(2, 8, 9, 7, dtype=torch.float64)
    assert torch.allclose(block.folded()(x), block(x), atol=1e-12)
    with torch.device("meta"):
        assert parameters(blocks["repconv"].cls(64, 64).folded()) == 36_928
