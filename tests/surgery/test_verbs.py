"""What each kind of edit does to a network, and what it leaves alone."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from stitchcli.errors import EditError, StitchError
from stitchcli.networks import BUILTINS

WIDTHS: dict[type[nn.Module], tuple[str, ...]] = {
    nn.Conv2d: ("in_channels", "out_channels"),
    nn.ConvTranspose2d: ("in_channels", "out_channels"),
    nn.Linear: ("in_features", "out_features"),
    nn.BatchNorm2d: ("num_features",),
}


def weights(module: nn.Module) -> dict[str, Tensor]:
    return module.state_dict(keep_vars=True)


class Twice(nn.Module):
    """One layer under two names, and one that is called at two sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(3, 3, 1))
        self.b = self.a
        self.act = nn.ReLU()
        self.last = nn.Conv2d(3, 8, 1)
        self.last.index = 7  # type: ignore[assignment]

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.b(self.a(x)))
        out: Tensor = self.act(self.last(x))
        return out


# ------------------------------------------------------------------------------- --set


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_set_changes_one_layer_and_nothing_else(builtin: Any, data: st.DataObject) -> None:
    patient = builtin(data.draw(st.sampled_from(sorted(BUILTINS))))
    layers = {p: m for p, m in patient.module.named_modules() if type(m) in WIDTHS}
    path = data.draw(st.sampled_from(sorted(layers)))
    name = data.draw(st.sampled_from(WIDTHS[type(layers[path])]))
    width = data.draw(st.integers(1, 300))
    module, (applied,) = patient.edit(f"--set {path}.{name}={width}")
    assert applied.matched == (path,)
    before, after = weights(patient.module), weights(module)
    assert list(before) == list(after)
    for key, tensor in after.items():
        if not key.startswith(f"{path}."):
            assert tensor.shape == before[key].shape and tensor.dtype == before[key].dtype
    old, new = layers[path], module.get_submodule(path)
    plain = {k: v for k, v in vars(old).items() if not k.startswith("_")}
    assert {k: v for k, v in vars(new).items() if k in plain} == {**plain, name: width}


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ("padding=0", {"weight", "bias"}),
        ("stride=2", {"weight", "bias"}),
        ("in_channels=5", {"bias"}),
        ("out_channels=5", set()),
        ("kernel_size=5", {"bias"}),
        ("bias=false", {"weight"}),
    ],
)
def test_set_keeps_the_weights_that_still_fit(live: Any, change: str, kept: set[str]) -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 1)).double().eval()
    patient = live(net, "1x3x9x9:float64")
    module, _ = patient.edit(f"--set 0.{change}")
    after = weights(module[0])
    found = (
        {k for k, v in after.items() if torch.equal(v, weights(net)["0." + k])} if kept else set()
    )
    assert found == kept
    assert not module[0].training and module[0].weight.dtype is torch.float64
    assert torch.equal(module[1].weight, net[1].weight)


def test_set_reaches_arguments_of_the_users_own_class(builtin: Any) -> None:
    module, _ = builtin("vit").edit("--set Attention.num_heads=6")
    assert all(block.attn.num_heads == 6 for block in module.blocks)


@pytest.mark.parametrize(
    ("flag", "message", "help"),
    [
        ("--set inc.conv1.in_chanels=4", "in_chanels", "'in_channels'"),
        ("--set inc.conv1.groups=0", "Conv2d cannot be built", "together"),
        ("--set inc.nothing=1", "nothing", ""),
    ],
)
def test_set_refuses(builtin: Any, flag: str, message: str, help: str) -> None:
    with pytest.raises(EditError, match=message) as caught:
        builtin("unet").edit(flag)
    assert help in caught.value.help and caught.value.help


def test_set_keeps_ties_and_frozen_weights(live: Any) -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    net[2].weight = net[0].weight
    net.requires_grad_(False)
    module, _ = live(net, "1x4").edit("--set 0.bias=false")
    assert module[0].weight is module[2].weight
    assert not module[0].weight.requires_grad


# ------------------------------------------------------------------------------- --replace


def test_replace_on_every_builtin(builtin: Any) -> None:
    for name in BUILTINS:
        patient = builtin(name)
        module, (applied,) = patient.edit("--replace family:conv=dwconv")
        convs = {p for p, m in patient.module.named_modules() if type(m) is nn.Conv2d}
        assert set(applied.matched) == {b.path for b in applied.built} == convs
        assert {p for p, m in module.named_modules() if type(m).__name__ == "DWConv"} == convs
        for key, tensor in weights(patient.module).items():
            if key.rpartition(".")[0] not in convs:
                assert weights(module)[key].shape == tensor.shape


def test_replace_by_the_same_kind_keeps_weights(live: Any) -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
    module, _ = live(net, "1x3x9x9").edit("--replace conv=Conv2d:stride=2")
    assert module[0].stride == (2, 2) and torch.equal(module[0].weight, net[0].weight)


def test_replace_carries_what_others_set_on_the_module(live: Any) -> None:
    patient = live(Twice().eval(), "1x3x9x9")
    module, _ = patient.edit("--replace last=dwconv")
    assert module.last.index == 7 and not module.last.training


def test_what_is_shared_is_replaced_as_shared(live: Any, builtin: Any) -> None:
    module, _ = live(Twice(), "1x3x9x9").edit("--replace conv=dwconv")
    assert module.a is module.b and type(module.a[0]).__name__ == "DWConv"
    module, (applied,) = live(Twice(), "1x3x9x9").edit("--replace a=pointwise")
    assert module.a is module.b and applied.matched == ("a",)
    module, (applied,) = builtin("unet-valid").edit("--replace pooling=AvgPool2d:kernel_size=2")
    assert applied.matched == ("pooling",) and len(applied.built) == 1
    assert isinstance(module.pooling, nn.AvgPool2d)


def test_the_outermost_match_is_replaced(builtin: Any) -> None:
    _, (applied,) = builtin("unet").edit("--replace down4**=Identity")
    assert applied.matched == ("down4",)


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--replace conv=dwcnov", "dwcnov"),
        ("--replace conv=dwconv:kernal_size=3", "kernal_size"),
        ("--replace conv=Conv2d:groups=0", "groups=0"),
        ("--replace inc=Unflatten", "unflattened_size"),
        ("--replace UNet=Identity", "whole network"),
        ("--remove UNet", "whole network"),
        ("--replace conv=nosuch.py:Net", r"nosuch\.py"),
        ("--replace conv=no.such:Net", "not installed"),
        ("--replace conv=math:sin", "sin"),
    ],
)
def test_blocks_that_cannot_be_had(builtin: Any, flag: str, said: str) -> None:
    with pytest.raises(StitchError, match=said) as caught:
        builtin("unet").edit(flag)
    assert caught.value.help


# ------------------------------------------------------------------------------- all together


def test_except_keeps_modules_and_what_is_in_them(builtin: Any) -> None:
    module, applied = builtin("unet").edit("--replace conv=dwconv", "--except outc", "--except up1")
    assert type(module.outc) is nn.Conv2d or type(module.outc.conv) is nn.Conv2d
    assert not any(p.startswith(("outc", "up1")) for p in applied[0].matched)
    assert applied[1].matched == ("outc",)
    with pytest.raises(EditError, match="leaves nothing"):
        builtin("unet").edit("--replace outc=dwconv", "--except outc")


def test_two_edits_of_one_place_are_refused(builtin: Any) -> None:
    second = "--replace inc.conv1=pointwise"
    with pytest.raises(EditError, match=r"inc\.conv1") as caught:
        builtin("unet").edit("--replace conv=dwconv", second)
    assert "--replace conv=dwconv" in caught.value.message and second in caught.value.message


def test_what_is_inside_a_removed_module_goes_with_it_and_is_said_so(builtin: Any) -> None:
    module, applied = builtin("unet").edit("--replace conv=dwconv", "--remove inc")
    assert not any(path.startswith("inc") for path in applied[0].matched)
    assert applied[0].notes == ("2 more went with inc",)
    assert not list(module.inc.parameters())


def test_removed_modules_pass_their_input_on(live: Any) -> None:
    module, _ = live(Twice(), "1x3x9x9").edit("--remove act", "--remove last")
    x = torch.randn(1, 3, 5, 5)
    assert torch.equal(module(x), module.a(module.a(x)))
    assert not any(key.startswith("last") for key in module.state_dict())


def test_selectors_speak_of_the_network_before_any_edit(builtin: Any) -> None:
    flags = ("--replace conv=dwconv", "--after conv=se", "--set norm.eps=0.5", "--remove act")
    one, first = builtin("resnet18").edit(*flags)
    two, second = builtin("resnet18").edit(*reversed(flags))
    assert first == tuple(reversed(second))
    assert [(k, v.shape) for k, v in weights(one).items()] == [
        (k, v.shape) for k, v in weights(two).items()
    ]
    assert len(first[0].matched) == len(first[1].matched) == 20


@pytest.mark.parametrize(
    "flags",
    [
        ("--replace down*=pointwise", "--after up*=se", "--before outc=cbam"),
        ("--replace conv=dwconv", "--after conv=se", "--set conv.kernel_size=5"),
        pytest.param(
            ("--replace down1=pointwise", "--after down1/conv2d=se"),
        ),
        pytest.param(
            ("--replace down1=pointwise", "--replace down1/conv2d=dwconv"),
        ),
        pytest.param(
            ("--remove down1", "--after down1=se"),
        ),
    ],
)
def test_what_is_said_to_be_built_is_there(builtin: Any, flags: tuple[str, ...]) -> None:
    try:
        module, applied = builtin("unet").edit(*flags)
    except EditError:
        return  # to refuse is as good
    paths = dict(module.named_modules())
    assert all(built.path in paths for item in applied for built in item.built)


def test_weights_that_lie_elsewhere_stay_as_they_were(builtin: Any) -> None:
    edits: list[Callable[[], Any]] = [
        lambda: builtin("csp", "cpu").edit("--after stage1=se"),
        lambda: builtin("csp", "cpu").edit("--replace stage1=pointwise"),
        lambda: builtin("csp", "cpu").edit("--remove stage1"),
        lambda: builtin("csp", "cpu").edit("--set stage1/family:norm.eps=0.5"),
    ]
    before = weights(builtin("csp", "cpu").module)
    for edit in edits:
        module, _ = edit()
        for key, tensor in weights(module).items():
            if not key.startswith("stage1."):
                assert torch.equal(tensor, before[key])


def test_set_on_layers_that_are_told_from_more_than_their_attributes(live: Any) -> None:
    net = nn.Sequential(nn.GRU(4, 6, batch_first=True))
    module, _ = live(net, "1x5x4").edit("--set 0.hidden_size=3")
    assert module[0].hidden_size == 3
    norm = nn.utils.parametrizations.spectral_norm
    module, _ = live(nn.Sequential(norm(nn.Conv2d(3, 4, 3))), "1x3x9x9").edit("--set 0.bias=false")
    assert module[0].bias is None and nn.utils.parametrize.is_parametrized(module[0], "weight")
    module, _ = live(nn.Sequential(nn.Identity(), nn.Dropout(0.1)), "1x3").edit("--set 1.p=0.5")
    assert module[1].p == 0.5


def test_replaced_where_a_plain_list_holds_the_module(live: Any) -> None:
    class Listed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 3)
            self.steps = [self.a, self.b]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for step in self.steps:
                x = step(x)
            return x

    module, _ = live(Listed(), "1x3x9x9").edit("--replace conv=dwconv")
    assert module.steps == [module.a, module.b] and type(module.a).__name__ == "DWConv"


def test_what_is_kept_is_not_taken_away(builtin: Any) -> None:
    with pytest.raises(EditError, match=r"keeps 'down1\.conv\.conv1'"):
        builtin("unet").edit("--replace down1=pointwise", "--except down1.conv.conv1")


def test_weights_that_come_apart_are_told(live: Any) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.head = nn.Embedding(10, 4), nn.Linear(4, 10, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.embed(x))

    _, applied = live(Tied(), "1x5:int64").edit("--set embed.num_embeddings=20")
    assert applied[0].notes == ("embed.weight and head.weight are no longer one weight",)
