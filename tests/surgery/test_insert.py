"""Blocks around a module: no key of the base changes, and the result is an ordinary network."""

import copy
import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from stitchcli import stitch
from stitchcli.errors import EditError

PLACES = [
    ("unet", "down*", "Down"),
    ("unet", "down*.conv", "DoubleConv"),
    ("unet", "conv", "Conv2d"),
    ("unet", "UNet", "UNet"),
    ("resnet18", "layer*", "Layer"),
    ("csp", "CSP", "CSP"),
    ("csp", "type:Sequential", "Sequential"),
    ("unet-valid", "up_conv3", "ValidConvs"),
    ("vit", "patch_embed.proj", "Conv2d"),
]
FLAGS = ("--after stage3=msca", "--before Bottleneck=se", "--after CSP=cbam", "--after CSP=eca")


@pytest.mark.parametrize("side", ["after", "before"])
@pytest.mark.parametrize(("name", "where", "kind"), PLACES)
def test_keys_and_classes_stay(builtin: Any, side: str, name: str, where: str, kind: str) -> None:
    patient = builtin(name)
    block = "pointwise" if (name, side) == ("unet", "before") else "se:reduction=1"
    module, (applied,) = patient.edit(f"--{side} {where}={block}")
    before, after = patient.module.state_dict(), module.state_dict()
    assert set(before) < set(after)
    assert [key for key in after if key in before] == list(before)
    assert all(after[key].shape == tensor.shape for key, tensor in before.items())
    assert len(applied.built) == len(applied.matched) >= 1
    for path, built in zip(applied.matched, applied.built, strict=True):
        assert (
            built.path.removeprefix(path)
            .lstrip(".")
            .startswith(f"{side}_{block.partition(':')[0]}")
        )
        assert module.get_submodule(built.path) is not None
        assert isinstance(module.get_submodule(path), type(patient.module.get_submodule(path)))


class Times(nn.Module):
    """Multiplies by a number of its own."""

    def __init__(self, factor: float = 2.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(float(factor)))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


class Plus(Times):
    """Adds a number of its own."""

    def forward(self, x: Tensor) -> Tensor:
        return x + self.factor


class Affine(nn.Module):
    """``10 x`` by a module of each sort, called by position or by name; tuples go on as tuples."""

    def __init__(self, inner: nn.Module, by_name: bool = False, as_tuple: bool = False) -> None:
        super().__init__()
        self.inner = inner
        self.by_name = by_name
        self.as_tuple = as_tuple

    def forward(self, x: Tensor) -> Any:
        result = self.inner(x=x) if self.by_name else self.inner(x)
        return result[0] if self.as_tuple else result


class Pair(Times):
    """A tuple or a list of the result and the input."""

    def forward(self, x: Tensor) -> Any:
        return super().forward(x), x


HERE = str(Path(__file__))
ORDERED = ("--before inner=", "--before inner=", "--after inner=", "--after inner=")


@pytest.mark.parametrize(
    "net",
    [
        Affine(Times(10)),
        Affine(Times(10), by_name=True),
        Affine(nn.Sequential(Times(5), Times(2))),
        Affine(Pair(10), as_tuple=True),
    ],
    ids=["leaf", "by name", "sequential", "tuple"],
)
def test_blocks_run_in_the_order_in_which_they_are_given(live: Any, net: nn.Module) -> None:
    blocks = (f"{HERE}:Plus", f"{HERE}:Times", f"{HERE}:Times:factor=3.0", f"{HERE}:Plus")
    flags = [flag + block for flag, block in zip(ORDERED, blocks, strict=True)]
    module, _ = live(net, "1x4").edit(*flags)
    x = torch.ones(1, 4)
    assert torch.equal(module(x), ((x + 2) * 2 * 10) * 3 + 2)
    assert torch.equal(net(x), 10 * x)


def test_a_module_called_at_several_widths_gets_a_block_for_each(builtin: Any) -> None:
    for side in ("after", "before", "wrap"):
        block = "series(self, se)" if side == "wrap" else "se"
        _, (applied,) = builtin("unet-valid").edit(f"--{side} 'pooling={block}'")
        assert [each.arguments["channels"] for each in applied.built] == [64, 128, 256, 512]
        assert len({each.path for each in applied.built}) == 4
    module, (applied,) = builtin("unet-valid").edit("--after pooling=ReLU")
    assert isinstance(module.pooling, nn.MaxPool2d) and len(applied.built) == 1


class Loops(nn.Sequential):
    """Goes over its children itself."""

    def forward(self, x: Tensor) -> Tensor:
        for child in self:
            x = child(x)
        return x


class LoopsByName(nn.Module):
    """Goes over its children itself."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        for child in self.children():
            x = child(x)
        return x


class Listed(nn.Module):
    """Runs a list, and a Sequential that it goes over itself."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(3, 3, 1)])
        self.steps = nn.Sequential(Times(10), Plus(1))

    def forward(self, x: Tensor) -> Tensor:
        for step in self.steps:
            x = step(x)
        out: Tensor = self.layers[0](x)
        return out


@pytest.mark.parametrize("side", ["after", "before"])
@pytest.mark.parametrize(
    ("net", "where"),
    [
        (Loops(nn.Conv2d(3, 3, 1)), "Loops"),
        (LoopsByName(), "LoopsByName"),
        (Listed(), "layers"),
    ],
    ids=["sequential", "children", "list"],
)
def test_a_module_that_goes_over_its_children_is_refused(
    live: Any, side: str, net: nn.Module, where: str
) -> None:
    with pytest.raises(EditError) as caught:
        live(net, "1x3x5x5").edit(f"--{side} {where}=se:reduction=1")
    assert caught.value.help


def test_before_a_sequential_that_its_parent_goes_over(live: Any) -> None:
    net = Listed()
    net.layers[0] = nn.Identity()
    with pytest.raises(EditError, match="never called itself"):
        live(net, "1x3").edit(f"--before steps={HERE}:Times:factor=7.0")


@pytest.mark.parametrize("copied", ["deepcopy", "torch.save", "pickle"])
def test_the_result_can_be_copied_and_saved(builtin: Any, copied: str) -> None:
    module, _ = builtin("csp", "cpu").edit(*FLAGS, "--after CSPBackbone=se")
    module.eval()
    file = io.BytesIO()
    match copied:
        case "deepcopy":
            other = copy.deepcopy(module)
        case "pickle":
            other = pickle.loads(pickle.dumps(module))
        case _:
            torch.save(module, file)
            file.seek(0)
            other = torch.load(file, weights_only=False)
    x = torch.randn(1, 3, 32, 32)
    for one, two in zip(module(x), other(x), strict=True):
        assert torch.equal(one, two)
    assert list(other.state_dict()) == list(module.state_dict())
    mine = {id(p) for p in module.parameters()}
    assert not any(id(p) in mine for p in other.parameters())
    assert type(other) is type(module)


def test_the_state_dict_goes_round(builtin: Any) -> None:
    one, _ = builtin("csp", "cpu").edit(*FLAGS)
    two, _ = builtin("csp", "cpu").edit(*FLAGS)
    for parameter in one.parameters():
        nn.init.normal_(parameter, std=0.02)
    two.load_state_dict(OrderedDict(one.state_dict()))
    x = torch.randn(1, 3, 32, 32)
    for first, second in zip(one.eval()(x), two.eval()(x), strict=True):
        assert torch.equal(first, second)


def test_weights_of_the_base_load_into_the_result(builtin: Any) -> None:
    patient = builtin("csp", "cpu")
    module, (applied, *_) = patient.edit(*FLAGS)
    missing, unexpected = module.load_state_dict(patient.module.state_dict(), strict=False)
    assert not unexpected and all("_" in key for key in missing)
    assert any(key.startswith(applied.built[0].path) for key in missing)


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("csp", FLAGS),
        (
            "csp",
            ("--replace family:conv[k>=3]=dwconv", "--after family:norm=GroupNorm:num_groups=1"),
        ),
        ("csp", ("--after family:conv=se", "--before family:conv@1:=eca", "--replace act=PReLU")),
        ("csp", ("--set family:conv@1:.bias=true", "--replace family:conv@0=factorconv")),
        ("resnet18", ("--replace conv=groupconv", "--after layer1=msca", "--before linear=Linear")),
        (
            "vit",
            (
                "--after linear=Linear",
                "--before family:norm=LayerNorm",
                "--after patch_embed.proj=se",
            ),
        ),
    ],
    ids=lambda case: case if isinstance(case, str) else case[0],
)
def test_a_training_step_reaches_every_new_weight(
    builtin: Any, name: str, flags: tuple[str, ...]
) -> None:
    patient = builtin(name, "cpu")
    module, _ = patient.edit(*flags)
    module.train()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    side = patient.base.inputs[0].shape[-1]
    result = module(torch.randn(2, 3, min(side, 32), min(side, 32)))
    outputs = result if isinstance(result, tuple) else (result,)
    torch.stack([out.square().sum() for out in outputs]).sum().backward()
    base = patient.module.state_dict()
    unreached = [n for n, p in module.named_parameters() if p.grad is None and n not in base]
    assert not unreached
    before = {n: p.detach().clone() for n, p in module.named_parameters() if n not in base}
    optimizer.step()
    changed = [n for n, p in module.named_parameters() if n in before and not p.equal(before[n])]
    assert before and changed


def test_a_live_module_is_left_as_it_was() -> None:
    net = Affine(Times(10)).train()
    result = stitch(net, [f"--after inner={HERE}:Plus"], input=(1, 4))
    assert type(net.inner) is Times and list(net.state_dict()) == ["inner.factor"]
    assert isinstance(result, Affine) and result.training
