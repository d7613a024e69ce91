"""Which module is which, where people rewrite networks."""

from __future__ import annotations

import pytest
import torch
from comparing.networks_compared import Block, DoubleConv, Encoder, UNet, compared
from torch import Tensor, nn

from stitchcli.comparing import Comparison
from stitchcli.errors import StitchError


def told(found: Comparison) -> list[tuple[str, str | None, str | None]]:
    return [
        (c.kind, c.base.path if c.base else None, c.head.path if c.head else None)
        for c in found.changes
    ]


class Wrapper(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = Encoder([1, 1, 1, 1])
        self.extra = nn.Linear(10, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.extra(self.backbone(x))


def test_a_network_that_became_a_part_of_another() -> None:
    found = compared(Encoder([1, 1, 1, 1]), Wrapper())
    assert told(found) == [("added", None, "")]
    assert [(each.base, each.head) for each in found.renames] == [("", "backbone")]
    assert not found.checkpoint.of("missing")


def test_a_part_that_became_the_whole_network() -> None:
    found = compared(Wrapper(), Encoder([1, 1, 1, 1]))
    assert told(found) == [("removed", "", None)]
    assert [(each.base, each.head) for each in found.renames] == [("backbone", "")]


class Backbone(nn.Module):
    """A U-Net whose halves are modules of their own."""

    def __init__(self) -> None:
        super().__init__()
        net = UNet(8)
        self.encoder = nn.ModuleDict({"inc": net.inc, "down1": net.down1, "down2": net.down2})
        self.decoder = nn.ModuleList([net.up1, net.up2])
        self.pool, self.outc = net.pool, nn.Conv2d(8, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        x1 = self.encoder["inc"](x)
        x2 = self.encoder["down1"](self.pool(x1))
        x3 = self.encoder["down2"](self.pool(x2))
        return self.outc(self.decoder[1](self.decoder[0](x3, x2), x1))


def test_parts_that_were_put_into_containers_are_moved() -> None:
    found = compared(UNet(8), Backbone())
    assert [each for each in told(found) if each[0] == "moved"] == [
        ("moved", "inc", "encoder.inc"),
        ("moved", "down1", "encoder.down1"),
        ("moved", "down2", "encoder.down2"),
        ("moved", "up1", "decoder.0"),
        ("moved", "up2", "decoder.1"),
    ]
    assert [each.key for each in found.checkpoint.of("reshaped")] == ["outc.weight", "outc.bias"]
    assert not found.checkpoint.of("missing")


class Swapped(nn.Module):
    """Two equal layers and another, defined in some order, run in the order of their names."""

    def __init__(self, names: str) -> None:
        super().__init__()
        for name in names:
            self.add_module(name, nn.Conv2d(3, 3, 1 if name == "c" else 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.c(self.b(self.a(x)))


def test_equal_layers_defined_in_another_order_keep_their_names() -> None:
    found = compared(Swapped("abc"), Swapped("bac"))
    assert not found.changes and not found.renames
    assert found.checkpoint.percent("as_is") == 100


class Split(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.l1, self.act, self.l2 = nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.l2(self.act(self.l1(x)))


class Whole(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.f = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))

    def forward(self, x: Tensor) -> Tensor:
        return self.f(x)


def test_a_sequential_that_was_split_keeps_the_order_of_its_layers() -> None:
    names = {f"f.{i}.{w}": f"l{n}.{w}" for i, n in ((0, 1), (2, 2)) for w in ("weight", "bias")}
    assert compared(Whole(), Split(), (1, 8)).checkpoint.mapping == names
    back = compared(Split(), Whole(), (1, 8)).checkpoint.mapping
    assert back == {new: old for old, new in names.items()}


def body(outer: nn.Module) -> None:
    outer.stem, outer.bn, outer.relu = nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU()
    outer.layer1 = nn.Sequential(nn.Conv2d(16, 16, 3), nn.BatchNorm2d(16))
    outer.layer2 = nn.Sequential(nn.Conv2d(16, 16, 3), nn.BatchNorm2d(16))


def run(body: nn.Module, x: Tensor) -> Tensor:
    return body.layer2(body.layer1(body.relu(body.bn(body.stem(x))))).mean((2, 3))


class Flat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        body(self)
        self.fc = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(run(self, x))


class Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Module()
        body(self.backbone)
        self.fc = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(run(self.backbone, x))


@pytest.mark.parametrize("turned", [False, True])
def test_a_backbone_of_many_parts_is_found_in_its_container(turned: bool) -> None:
    base, head = (Nested(), Flat()) if turned else (Flat(), Nested())
    found = compared(base, head)
    assert [each.kind for each in found.changes].count("moved") == 5
    root, kinds = ("changed", "", ""), {"moved", "removed" if turned else "added"}
    assert root in told(found)
    assert {each.kind for each in found.changes} == {"changed", *kinds}
    assert not found.checkpoint.of("missing") and not found.checkpoint.new
    for old, new in found.checkpoint.mapping.items():
        assert old.removeprefix("backbone.") == new.removeprefix("backbone.")


class One(nn.Module):
    def __init__(self, name: str, part: nn.Module) -> None:
        super().__init__()
        self.add_module(name, part)

    def forward(self, x: Tensor) -> Tensor:
        return next(self.children())(x)


def test_a_layer_is_no_block_of_another_name() -> None:
    head = One("stage", nn.Sequential(nn.Linear(8, 8), nn.ReLU()))
    found = told(compared(One("norm", nn.LayerNorm(8)), head, (1, 8)))
    assert found == [("removed", "norm", None), ("added", None, "stage")]


def test_a_weight_of_another_name() -> None:
    class Scaled(nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = "fixed"
            setattr(self, name, nn.Parameter(torch.ones(3)))

        def forward(self, x: Tensor) -> Tensor:
            return x * next(self.parameters())

    found = compared(Scaled("gamma"), Scaled("scale"), (1, 3))
    assert [each.values for each in found.changes] == [(("name", "gamma", "scale"),)]
    assert found.checkpoint.mapping == {"gamma": "scale"}


def test_a_network_in_half_precision_is_told_once_a_module() -> None:
    found = compared(nn.Sequential(nn.Flatten(), nn.Linear(4, 4)),
                     nn.Sequential(nn.Flatten(), nn.Linear(4, 4).bfloat16()), (1, 4))  # fmt: skip
    assert [each.values for each in found.changes] == [(("dtype", "float32", "bfloat16"),)]


def test_a_cat_that_became_an_add() -> None:
    found = compared(UNet(8), UNet(8, "add"))
    assert ("replaced", "up1/cat", "up1/add") in told(found)
    assert ("changed", "up1.conv.net.0", "up1.conv.net.0") in told(found)


def test_settings_are_named_with_both_values() -> None:
    base = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Dropout(0.1))
    head = nn.Sequential(nn.Conv2d(3, 8, 3, padding=2, dilation=2), nn.Dropout(0.2))
    changes = compared(base, head).changes
    assert [each.values for each in changes] == [
        (("padding", (1, 1), (2, 2)), ("dilation", (1, 1), (2, 2))),
        (("p", 0.1, 0.2),),
    ]


def test_what_stands_in_the_place_of_an_activation() -> None:
    base = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten())
    head = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GELU(), nn.Conv2d(8, 8, 1), nn.Flatten())
    assert told(compared(base, head)) == [("replaced", "1", "1"), ("added", None, "2")]


class Other(DoubleConv):
    """The same under another name."""


def test_a_class_of_another_name_is_looked_into() -> None:
    base, head = nn.Sequential(DoubleConv(3, 8)), nn.Sequential(Other(3, 8))
    (change,) = compared(base, head).changes
    assert change.values == (("class", "DoubleConv", "Other"),)
    assert compared(base, head).checkpoint.percent("as_is") == 100


def test_layers_defined_in_another_order_are_no_change() -> None:
    class Ordered(nn.Module):
        def __init__(self, names: str) -> None:
            super().__init__()
            for name in names:
                self.add_module(name, nn.Conv2d(3, 3, "abc".index(name) + 1, padding="same"))

        def forward(self, x: Tensor) -> Tensor:
            return self.c(self.b(self.a(x)))

    assert not compared(Ordered("abc"), Ordered("cab")).changes


def test_a_module_kept_in_its_replacement_still_loads() -> None:
    base = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
    head = nn.Sequential(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 1)), nn.ReLU())
    found = compared(base, head)
    assert told(found) == [("replaced", "0", "0")]
    assert found.checkpoint.mapping == {"0.weight": "0.0.weight", "0.bias": "0.0.bias"}
    back = compared(head, base)
    assert told(back) == [("replaced", "0", "0")]
    assert back.checkpoint.mapping == {"0.0.weight": "0.weight", "0.0.bias": "0.bias"}


def test_weights_of_a_layer_that_is_now_one_of_several() -> None:
    """The usual rewrite of a convolution: without bias, and with a norm and an activation."""
    base = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten())
    new = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU())
    found = compared(base, nn.Sequential(new, nn.Flatten()))
    assert told(found) == [("replaced", "0", "0")]
    assert found.checkpoint.mapping == {"0.weight": "0.0.weight"}
    assert [each.key for each in found.checkpoint.of("missing")] == ["0.bias"]


class Pooled(nn.Module):
    def __init__(self, pool: str) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        if self.pool == "max":
            return torch.max_pool2d(x.relu(), 2).relu()
        return nn.functional.avg_pool2d(x, 2)


def test_calls_are_paired_with_those_like_them() -> None:
    assert told(compared(Pooled("max"), Pooled("avg")))[:3] == [
        ("removed", "op:relu@0", None),
        ("replaced", "op:max_pool2d", "op:avg_pool2d"),
        ("removed", "op:relu@1", None),
    ]


def test_a_module_that_went_elsewhere_is_moved() -> None:
    class Parts(nn.Module):
        def __init__(self, inner: bool) -> None:
            super().__init__()
            if not inner:
                self.neck = Block(3)
            self.body = nn.Sequential(nn.Conv2d(3, 3, 1), *([Block(3)] if inner else []))
            self.inner = inner

        def forward(self, x: Tensor) -> Tensor:
            return self.body(x) if self.inner else self.neck(self.body(x))

    found = compared(Parts(False), Parts(True))
    assert ("moved", "neck", "body.1") in told(found)
    assert not found.checkpoint.of("missing")


def test_moved_can_be_told() -> None:
    base = nn.ModuleDict({"a": nn.Linear(4, 4), "b": nn.Linear(4, 4)})
    head = nn.ModuleDict({"c": nn.Linear(4, 4), "d": nn.Linear(4, 4)})
    for each in (base, head):
        each.forward = lambda x: x  # type: ignore[method-assign]
    assert compared(base, head, (1, 4)).checkpoint.mapping["a.weight"] == "c.weight"
    found = compared(base, head, (1, 4), a="d")
    assert found.checkpoint.mapping["a.weight"] == "d.weight"
    with pytest.raises(StitchError, match="has no module 'nope'"):
        compared(base, head, (1, 4), a="nope")


class Tied(nn.Module):
    def __init__(self, tie: bool) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, 4)
        self.head = nn.Linear(4, 10, bias=False)
        if tie:
            self.head.weight = self.embed.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.embed(x.long()))


def test_weights_tied_in_one_of_them() -> None:
    with torch.device("meta"):  # moving there would part them
        found = compared(Tied(True), Tied(False), (1, 5))
    (change,) = found.changes
    assert (change.part.path, change.delta_params) == ("head", 40)
    assert found.checkpoint.percent("as_is") == 100 and not found.checkpoint.new


def test_a_frozen_weight_is_a_change_of_no_parameter() -> None:
    head = nn.Sequential(nn.Linear(4, 4))
    head[0].weight.requires_grad_(False)
    (change,) = compared(nn.Sequential(nn.Linear(4, 4)), head, (1, 4)).changes
    assert change.values == (("weight", "trainable", "frozen"),)


def test_the_same_layers_on_other_shapes_are_told_where_they_cost_otherwise() -> None:
    base = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1))
    head = nn.Sequential(nn.Conv2d(3, 8, 3, 2, padding=1), nn.Conv2d(8, 8, 3, padding=1))
    found = compared(base, head)
    assert told(found) == [("changed", "0", "0"), ("reshaped", "1", "1")]


def test_keys_that_would_load_into_another_layer_are_named() -> None:
    layers = [nn.Conv2d(3, 3, 3, padding=1) for _ in range(3)]
    base = nn.Sequential(*layers)
    head = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 3, 3, padding=1),
                         nn.Conv2d(3, 3, 3, padding=1))  # fmt: skip
    found = compared(base, head).checkpoint
    assert found.mapping["1.weight"] == "2.weight"
    assert found.mistaken == ("2.weight", "2.bias")


def test_a_buffer_that_is_not_saved_is_no_key() -> None:
    class Buffered(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("kept", torch.ones(3))
            self.register_buffer("passing", torch.ones(3), persistent=False)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.kept + self.passing

    tensors = compared(Buffered(), Buffered(), (1, 3)).checkpoint.tensors
    assert [each.key for each in tensors] == ["kept"]


class Wired(nn.Module):
    """Two layers of one kind on one input, connected in different ways."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
        self.register_buffer("unused", None)
        self._how = how

    def forward(self, x: Tensor) -> object:
        match self._how:
            case "one after the other":
                return self.b(self.a(x))
            case "the other first":
                return self.a(self.b(x))
        a, b = self.a(x), self.b(x)
        match self._how:
            case "cat":
                return torch.cat([a, b], 1)
            case "cat turned":
                return torch.cat([b, a], 1)
            case "sum":
                return a + b
            case "sum turned":
                return b + a
            case "cat and its parts":
                return torch.cat([a, b], 1), a
            case "viewed":
                return torch.cat([a.view(a.shape), b.contiguous()], 1)
            case _:
                return (a, b) if self._how == "both" else (b, a)


@pytest.mark.parametrize(
    ("base", "head", "what"),
    [
        ("one after the other", "the other first", "order of calls"),
        ("cat", "cat turned", "connections"),
        ("cat", "cat and its parts", "outputs"),
        ("both", "both turned", "returns"),
    ],
)
def test_the_same_calls_connected_otherwise(base: str, head: str, what: str) -> None:
    found = compared(Wired(base), Wired(head))
    assert [each.values[0][0] for each in found.changes] == [what]


@pytest.mark.parametrize(("base", "head"), [("sum", "sum turned"), ("cat", "viewed")])
def test_what_computes_the_same_is_no_difference(base: str, head: str) -> None:
    assert not compared(Wired(base), Wired(head)).changes


class Functional(nn.Module):
    def __init__(self, mode: str, factor: float, slope: float, *, named: bool = True) -> None:
        super().__init__()
        self._settings = mode, factor, slope, named

    def forward(self, x: Tensor) -> Tensor:
        mode, factor, slope, named = self._settings
        x = nn.functional.interpolate(x, scale_factor=2, mode=mode) * factor
        softened = nn.functional.leaky_relu(x, slope)
        return softened.softmax(dim=1) if named else softened.softmax(1)


def test_arguments_of_functional_calls_are_compared() -> None:
    found = compared(Functional("nearest", 2.0, 0.1), Functional("bilinear", 3.0, 0.2))
    assert [(each.part.kind, each.values) for each in found.changes] == [
        ("interpolate", (("mode", "'nearest'", "'bilinear'"),)),
        ("mul", (("argument", "2.0", "3.0"),)),
        ("leaky_relu", (("negative_slope", "0.1", "0.2"),)),
    ]
    same = Functional("nearest", 2.0, 0.1, named=False)
    assert not compared(Functional("nearest", 2.0, 0.1), same).changes


def test_weights_that_became_shared_are_lost_but_for_the_last() -> None:
    shared = nn.Linear(4, 4)
    with torch.device("meta"):
        apart = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    found = compared(apart, nn.Sequential(shared, shared).to("meta"), (1, 4)).checkpoint
    assert found.overwritten == ("0.weight", "0.bias")
    assert not compared(apart, apart, (1, 4)).checkpoint.overwritten


def test_a_module_that_runs_more_often_is_told() -> None:
    class Times(nn.Module):
        def __init__(self, times: int) -> None:
            super().__init__()
            self.act = nn.ReLU()
            self._times = times

        def forward(self, x: Tensor) -> Tensor:
            for _ in range(self._times):
                x = self.act(x)
            return x

    (change,) = compared(Times(1), Times(2)).changes
    assert change.base is not None and change.head is not None
    assert (change.kind, change.base.runs, change.head.runs) == ("reshaped", 1, 2)
