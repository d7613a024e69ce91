"""The built-in networks' parameters, to the digit, and the shapes that go through them."""

import importlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from stitchcli.networks import BUILTINS

UNET_CHILDREN = "inc down1 down2 down3 down4 up1 up2 up3 up4 outc"
UNET_VALID_CHILDREN = (
    "down_sample1 down_sample2 down_sample3 down_sample4 down_sample5 pooling "
    "up_sample1 up_sample2 up_sample3 up_sample4 up_conv1 up_conv2 up_conv3 up_conv4 out_conv"
)
RESNET_CHILDREN = "stem layer1 layer2 layer3 layer4 head"

CHILDREN = {
    "unet": UNET_CHILDREN,
    "unet-transposed": UNET_CHILDREN,
    "unet-narrow": UNET_CHILDREN,
    "unet-valid": UNET_VALID_CHILDREN,
    "vit": "patch_embed blocks norm",
    "resnet18": RESNET_CHILDREN,
    "resnet50": RESNET_CHILDREN,
    "csp": "stem stage1 stage2 stage3 stage4",
}

OUTPUTS: dict[str, list[tuple[int, ...]]] = {
    "unet": [(1, 2, 256, 256)],
    "unet-transposed": [(1, 2, 256, 256)],
    "unet-narrow": [(1, 2, 256, 256)],
    "unet-valid": [(1, 2, 562, 562)],
    "vit": [(1, 768)],
    "resnet18": [(1, 1000)],
    "resnet50": [(1, 1000)],
    "csp": [(1, 128, 32, 32), (1, 256, 16, 16), (1, 512, 8, 8)],
}

COUNTS: list[tuple[str, dict[str, int], int]] = [
    ("unet", {}, 13_395_394),
    ("unet", {"num_classes": 1}, 13_395_329),
    ("unet-transposed", {}, 31_037_698),
    ("unet-transposed", {"num_classes": 1}, 31_037_633),
    ("unet-narrow", {}, 17_263_042),
    ("unet-narrow", {"num_classes": 1}, 17_262_977),
    ("unet-valid", {}, 31_155_586),
    ("vit", {}, 85_798_656),
    ("vit", {"num_classes": 21_843, "representation_size": 768}, 103_186_515),
    ("resnet18", {}, 11_689_512),
    ("resnet50", {}, 25_557_032),
]

# Small enough to run on the CPU in a moment.
SMALL: list[tuple[str, dict[str, int], tuple[int, ...]]] = [
    ("unet", {}, (2, 3, 33, 47)),
    ("unet-transposed", {}, (2, 3, 33, 47)),
    ("unet-narrow", {}, (2, 3, 33, 47)),
    ("unet-valid", {}, (2, 3, 125, 131)),
    ("vit", {"img_size": 32, "embed_dim": 48, "depth": 2, "num_heads": 3}, (2, 3, 32, 32)),
    ("resnet18", {"num_classes": 10}, (2, 3, 65, 47)),
    ("resnet50", {"num_classes": 10}, (2, 3, 65, 47)),
    ("csp", {"width": 8}, (2, 3, 65, 47)),
]


def factory(name: str) -> Callable[..., nn.Module]:
    module, _, attribute = BUILTINS[name].factory.partition(":")
    built: Callable[..., nn.Module] = getattr(importlib.import_module(module), attribute)
    return built


def build(name: str, device: str, **kwargs: int) -> nn.Module:
    with torch.device(device):
        return factory(name)(**kwargs)


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def shapes(out: Any) -> list[tuple[int, ...]]:
    outputs = out if isinstance(out, tuple) else (out,)
    return [tuple(o.shape) for o in outputs]


@pytest.mark.parametrize(("name", "kwargs", "count"), COUNTS)
def test_published_counts(name: str, kwargs: dict[str, int], count: int) -> None:
    assert parameters(build(name, "meta", **kwargs)) == count


def test_tables_cover_every_network() -> None:
    names = set(BUILTINS)
    assert names == set(CHILDREN) == set(OUTPUTS) == {name for name, _, _ in SMALL}
    assert names - {name for name, _, _ in COUNTS} == {"csp"}  # has no published count


@pytest.mark.parametrize("name", BUILTINS)
def test_children_are_as_documented(name: str) -> None:
    children = [child for child, _ in build(name, "meta").named_children()]
    assert children == CHILDREN[name].split()


@pytest.mark.parametrize("name", BUILTINS)
def test_default_input(name: str) -> None:
    out = build(name, "meta")(torch.empty(BUILTINS[name].input_shape, device="meta"))
    assert shapes(out) == OUTPUTS[name]


@pytest.mark.parametrize("name", BUILTINS)
def test_only_the_documented_parameters_are_dead(name: str) -> None:
    network = build(name, "meta")
    shape = (2, *BUILTINS[name].input_shape[1:])
    out = network(torch.empty(shape, device="meta"))
    sum(o.sum() for o in (out if isinstance(out, tuple) else (out,))).backward()
    dead = {path: p.numel() for path, p in network.named_parameters() if p.grad is None}
    assert all(path.startswith("up_conv4.") for path in dead)
    assert sum(dead.values()) == (110_976 if name == "unet-valid" else 0)


@pytest.mark.parametrize(("name", "kwargs", "shape"), SMALL)
def test_cpu_and_meta_agree(name: str, kwargs: dict[str, int], shape: tuple[int, ...]) -> None:
    with torch.no_grad():
        real = build(name, "cpu", **kwargs)(torch.randn(shape))
    assert shapes(real) == shapes(build(name, "meta", **kwargs)(torch.empty(shape, device="meta")))


@pytest.mark.parametrize("name", ["unet", "unet-transposed", "unet-narrow"])
def test_padded_unets_keep_the_size(name: str) -> None:
    out = build(name, "meta", in_channels=1, num_classes=5)(
        torch.empty(2, 1, 57, 43, device="meta")
    )
    assert shapes(out) == [(2, 5, 57, 43)]


def test_vit_head_replaces_the_features() -> None:
    small = {"img_size": 32, "embed_dim": 48, "depth": 1, "num_heads": 3}
    vit = build("vit", "meta", num_classes=7, representation_size=20, **small)
    assert [child for child, _ in vit.named_children()][-2:] == ["pre_logits", "head"]
    assert shapes(vit(torch.empty(2, 3, 32, 32, device="meta"))) == [(2, 7)]


@pytest.mark.parametrize("kwargs", [{"embed_dim": 50}, {"img_size": 225}])
def test_vit_refuses_what_does_not_divide(kwargs: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="not a multiple"):
        build("vit", "meta", **kwargs)


def test_unet_skip_comes_first() -> None:
    """Once the weights on the first 64 channels are zero, `up4` no longer sees the skip."""
    torch.manual_seed(0)
    network = build("unet", "cpu").eval()
    up4: Any = network.get_submodule("up4")
    skip, deep = torch.randn(1, 64, 16, 16), torch.randn(1, 64, 8, 8)
    with torch.no_grad():
        up4.conv.conv1.weight[:, :64] = 0
        assert torch.equal(up4(deep, skip), up4(deep, torch.zeros_like(skip)))
        assert not torch.equal(up4(deep, skip), up4(torch.zeros_like(deep), skip))


def test_listing_the_networks_does_not_import_torch() -> None:
    import stitchcli.networks as networks

    path = networks.__file__
    code = (
        "import runpy, sys; runpy.run_path(sys.argv[1], run_name='networks');"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == 0
