"""What the composite blocks promise beyond the contract that all blocks share."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

PUBLISHED: list[tuple[str, tuple[Any, ...], dict[str, Any], int]] = [
    ("yolobottleneck", (64, 64), {}, 37_056),
    ("c2f", (64, 64), {}, 29_056),
    ("c3", (64, 64), {}, 18_816),
    ("convnext", (64,), {}, 36_480),
    ("inceptionnext", (64,), {}, 33_552),
    ("basicblock", (64, 64), {}, 73_984),
    ("basicblock", (64, 128), {"stride": 2}, 230_144),
    ("bottleneck", (256, 256), {}, 70_400),
    ("mbconv", (64, 64), {}, 44_688),
    ("aspp", (64, 64), {}, 140_032),
    ("aspp", (64, 256), {}, 805_888),
    ("ppm", (64,), {}, 4_224),
    ("sppf", (64, 64), {}, 10_432),
    ("sppf", (64, 128), {}, 18_752),
]


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(("name", "widths", "arguments", "count"), PUBLISHED)
def test_published_counts(
    blocks: dict[str, Any],
    name: str,
    widths: tuple[Any, ...],
    arguments: dict[str, Any],
    count: int,
) -> None:
    assert parameters(blocks[name].cls(*widths, **arguments)) == count


def image(channels: int = 8, size: tuple[int, int] = (7, 5)) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(2, channels, *size)


def shake(module: nn.Module) -> nn.Module:
    """Batch norms that are neither near the identity nor monotonic."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor in (norm.weight, norm.bias, norm.running_mean):
                nn.init.normal_(tensor)
    return module.eval()


@pytest.mark.parametrize("name", ["yolobottleneck", "mbconv"])
def test_shortcut_only_between_equal_widths(blocks: dict[str, Any], name: str) -> None:
    x = image()
    for out_channels, expected in [(8, x), (6, torch.zeros(2, 6, 7, 5))]:
        block = blocks[name].cls(8, out_channels)
        last = [m for m in block.modules() if isinstance(m, nn.BatchNorm2d)][-1]
        nn.init.zeros_(last.weight)
        assert torch.equal(block(x), expected)


@pytest.mark.parametrize("name", ["c2f", "c3"])
@pytest.mark.parametrize("shortcut", [True, False])
def test_chains_of_closed_bottlenecks(blocks: dict[str, Any], name: str, shortcut: bool) -> None:
    """With every bottleneck's last norm at zero, a stage is the one before it, or nothing."""
    x = image()
    block = blocks[name].cls(8, 8, repeats=3, shortcut=shortcut).eval()
    assert len(block.chain) == 3
    for bottleneck in block.chain:
        nn.init.zeros_(bottleneck.conv2[1].weight)
    if name == "c2f":
        kept, chained = block.expand(x).chunk(2, dim=1)
        stages = [kept, chained, *[chained * shortcut] * 3]
    else:
        stages = [block.enter(x) * shortcut, block.past(x)]
    assert torch.allclose(block(x), block.reduce(torch.cat(stages, dim=1)), atol=1e-6)


@pytest.mark.parametrize("name", ["yolobottleneck", "c2f", "c3"])
def test_expansion_sets_the_hidden_width(blocks: dict[str, Any], name: str) -> None:
    narrow, wide = (blocks[name].cls(8, 8, expansion=e) for e in (0.25, 1.0))
    assert narrow.state_dict().keys() == wide.state_dict().keys()
    assert next(narrow.parameters()).shape[0] * 4 == next(wide.parameters()).shape[0]


@pytest.mark.parametrize("name", ["convnext", "inceptionnext"])
def test_layer_scale(blocks: dict[str, Any], name: str) -> None:
    x = image()
    block = blocks[name].cls(8)
    assert torch.allclose(block(x), x, atol=1e-5) and not torch.equal(block(x), x)
    block = blocks[name].cls(8, layer_scale=1.0)
    assert (block(x) - x).abs().mean() > 0.01


def test_convnext_restated_channels_first(blocks: dict[str, Any]) -> None:
    x = image()
    block = blocks["convnext"].cls(8, layer_scale=0.5)
    first, _, second = block.mlp
    y = F.conv2d(x, block.depthwise.weight, block.depthwise.bias, padding=3, groups=8)
    y = (y - y.mean(1, keepdim=True)) / (y.var(1, keepdim=True, unbiased=False) + 1e-6).sqrt()
    y = F.gelu(F.conv2d(y, first.weight[:, :, None, None], first.bias))
    y = F.conv2d(y, second.weight[:, :, None, None], second.bias)
    assert torch.allclose(block(x), x + 0.5 * y, atol=1e-4)


def test_inception_branches_reach(blocks: dict[str, Any]) -> None:
    mixer = blocks["inceptionnext"].cls(16).mixer
    for conv in (mixer.square, mixer.row, mixer.column):
        nn.init.ones_(conv.weight)
        nn.init.zeros_(conv.bias)
    point = torch.zeros(1, 16, 15, 15)
    point[:, :, 7, 7] = 1.0
    out = mixer(point)
    extents = [(int(c.any(1).sum()), int(c.any(0).sum())) for c in out[0]]
    assert extents == [(1, 1)] * 10 + [(3, 3)] * 2 + [(1, 11)] * 2 + [(11, 1)] * 2


def test_inceptionnext_needs_three_channels(blocks: dict[str, Any]) -> None:
    cls = blocks["inceptionnext"].cls
    assert cls(3)(image(3)).shape == (2, 3, 7, 5)
    with pytest.raises(ValueError, match="at least 3"):
        cls(2)


class ResNetReference(nn.Module):
    """A residual block as torchvision lays it out: convolutions, then the downsampling."""

    def __init__(self, shapes: list[tuple[int, int, int, int]], stride: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for a, b, k, s in shapes:
            self.layers.append(nn.Conv2d(a, b, k, s, k // 2, bias=False))
            self.layers.append(nn.BatchNorm2d(b))
        a, b = shapes[0][0], shapes[-1][1]
        self.downsample = nn.Sequential()
        if stride != 1 or a != b:
            self.downsample = nn.Sequential(
                nn.Conv2d(a, b, 1, stride, bias=False), nn.BatchNorm2d(b)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = x
        for i, layer in enumerate(self.layers):
            out = layer(out)
            if i % 2 and i + 1 < len(self.layers):
                out = out.relu()
        out = out + self.downsample(x)
        return out.relu()


@pytest.mark.parametrize("name", ["basicblock", "bottleneck"])
@pytest.mark.parametrize(("a", "b", "stride"), [(8, 8, 1), (8, 12, 1), (8, 8, 2), (8, 16, 2)])
def test_resnet_blocks_are_those_of_the_paper(
    blocks: dict[str, Any], name: str, a: int, b: int, stride: int
) -> None:
    torch.manual_seed(0)
    p = b // 4
    if name == "basicblock":
        shapes = [(a, b, 3, stride), (b, b, 3, 1)]
    else:
        shapes = [(a, p, 1, 1), (p, p, 3, stride), (p, b, 1, 1)]
    reference = shake(ResNetReference(shapes, stride))
    block = blocks[name].cls(a, b, stride=stride).eval()
    states = zip(block.state_dict(), reference.state_dict().values(), strict=True)
    block.load_state_dict(dict(states))
    x = image(a)
    assert torch.allclose(block(x), reference(x), atol=1e-6)


@pytest.mark.parametrize(("kernel_size", "stride"), [(3, 1), (5, 2), ((1, 7), (1, 2))])
def test_mbconv_restated(blocks: dict[str, Any], kernel_size: Any, stride: Any) -> None:
    x = image()
    block = shake(blocks["mbconv"].cls(8, 6, kernel_size, stride))
    conv, norm, _ = block.depthwise
    kernel = conv.weight.shape[2:]
    hidden = block.expand(x)
    padding = (kernel[0] // 2, kernel[1] // 2)
    hidden = F.silu(norm(F.conv2d(hidden, conv.weight, None, stride, padding, groups=32)))
    squeeze, _, excite, _ = block.gate
    mean = hidden.mean((2, 3))
    gate = F.silu(mean @ squeeze.weight[:, :, 0, 0].T + squeeze.bias)
    gate = torch.sigmoid(gate @ excite.weight[:, :, 0, 0].T + excite.bias)
    expected = block.reduce(hidden * gate[:, :, None, None])
    assert squeeze.out_channels == 2, "a quarter of the block's input, not of the hidden width"
    assert torch.allclose(block(x), expected, atol=1e-5)


def test_mbconv_without_expansion(blocks: dict[str, Any]) -> None:
    block = blocks["mbconv"].cls(8, 8, expansion=1)
    assert isinstance(block.expand, nn.Identity) and block.depthwise[0].groups == 8
    with pytest.raises(ValueError, match="must be odd"):
        blocks["mbconv"].cls(8, 8, kernel_size=4)


def test_aspp_far_branches_see_only_the_middle_of_a_small_map(blocks: dict[str, Any]) -> None:
    """A branch reaches as far as its rate: on a smaller map it is a 1 x 1 convolution."""
    x = image()
    block = shake(blocks["aspp"].cls(8, 6))
    assert [branch[0].dilation for branch in block.far] == [(12, 12), (24, 24), (36, 36)]
    near, *far = block.near, *block.far
    maps = [near(x)]
    maps += [F.relu(n(F.conv2d(x, c.weight[:, :, 1:2, 1:2]))) for c, n, _ in far]
    maps += [block.whole(x.mean((2, 3), keepdim=True)).repeat(1, 1, 7, 5)]
    assert torch.allclose(block(x), block.mix(torch.cat(maps, dim=1)), atol=1e-5)


def test_aspp_dropout_is_off_by_default(blocks: dict[str, Any]) -> None:
    x = image()
    block = blocks["aspp"].cls(8, 6)
    assert torch.equal(block(x), block(x))
    block = blocks["aspp"].cls(8, 6, dropout=0.5)
    assert not torch.equal(block(x), block(x))


def test_ppm_keeps_the_map_and_adds_its_pyramid(blocks: dict[str, Any]) -> None:
    x = image(size=(6, 6))
    block = blocks["ppm"].cls(8).eval()
    out = block(x)
    assert out.shape[1] == 8 + 4 * 2 and torch.equal(out[:, :8], x)
    for level, side in zip(block.levels, (1, 2, 3, 6), strict=True):
        assert level[0](x).shape[2:] == (side, side)
    whole, corners = out[:, 8:10], out[:, 10:12]
    assert torch.allclose(whole, whole[:, :, :1, :1].expand_as(whole))
    # With aligned corners the four corners are the four cells of the 2 x 2 grid.
    cells = F.avg_pool2d(x, 3)
    _, conv, norm, _ = block.levels[1]
    grid = F.relu(norm(conv(cells)))
    assert torch.allclose(corners[:, :, ::5, ::5], grid, atol=1e-5)
    assert torch.allclose(corners[:, :, 0, 1], grid[:, :, 0] @ torch.tensor([0.8, 0.2]), atol=1e-5)


def test_sppf_is_the_parallel_pyramid(blocks: dict[str, Any]) -> None:
    x = image(size=(16, 15))
    block = blocks["sppf"].cls(8, 6).eval()
    y = block.reduce(x)
    maps = [y, *(F.max_pool2d(y, k, 1, k // 2) for k in (5, 9, 13))]
    assert torch.equal(block(x), block.mix(torch.cat(maps, dim=1)))
    with pytest.raises(ValueError, match="must be odd"):
        blocks["sppf"].cls(8, 6, pool_size=4)
