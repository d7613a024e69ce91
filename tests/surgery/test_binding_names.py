"""A block's parameters are told by the names that public code uses."""

from collections.abc import Mapping
from inspect import Parameter, Signature
from typing import Any

import pytest
from torch import nn

from stitchcli.binding import Place, bind
from stitchcli.errors import EditError

NAMES = {
    "in": "in_channels c1 in_features in_chs inplanes in_dim in_planes in_ch in_chans inp "
    "in_channel dim_in inc input_channels input_dim ch_in cin",
    "out": "out_channels c2 out_features out_dim out_chs planes dim_out out_ch oup out_planes "
    "output_dim ch_out cout out_channel outc",
    "width": "dim channels hidden_size embed_dim embed_dims channel num_channels embedding_dim "
    "hidden_dim d_model c num_features gate_channels",
    "size": "input_resolution resolution img_size input_size feat_size",
}
HYPER = {
    "kernel_size": "kernel_size k k_size kernel ksize",
    "stride": "stride s strides",
    "padding": "padding p",
    "dilation": "dilation d",
    "groups": "groups g group",
    "bias": "bias use_bias",
}
CONVOLUTION: dict[str, Any] = {
    "kernel_size": (5, 5),
    "stride": (2, 2),
    "padding": (2, 2),
    "dilation": (3, 3),
    "groups": 4,
    "bias": False,
}
PLACE = Place("a.b", 48, 64, (20, 24), CONVOLUTION)


def block(_defaults: Mapping[str, Any] | None = None, **needed: None) -> type[nn.Module]:
    """A class whose constructor has these parameters; ``needed`` ones have no default."""
    words = {**dict.fromkeys(needed, Parameter.empty), **(_defaults or {})}
    kind = Parameter.POSITIONAL_OR_KEYWORD
    parameters = [Parameter(name, kind, default=value) for name, value in words.items()]
    return type("Made", (nn.Module,), {"__signature__": Signature(parameters)})


def bound(cls: type[nn.Module], place: Place = PLACE, **given: Any) -> dict[str, Any]:
    return bind(cls, "made", given, place)


@pytest.mark.parametrize("name", NAMES["in"].split())
def test_in_names(name: str) -> None:
    assert bound(block(**{name: None})) == {name: 48}
    assert bound(block(**{name: None, "out_channels": None})) == {name: 48, "out_channels": 64}


@pytest.mark.parametrize("name", NAMES["out"].split())
def test_out_names(name: str) -> None:
    assert bound(block(**{"in_channels": None, name: None})) == {"in_channels": 48, name: 64}


@pytest.mark.parametrize("name", NAMES["width"].split())
def test_width_names(name: str) -> None:
    assert bound(block(**{name: None})) == {name: 48}
    assert bound(block(**{name: None, "out_channels": None})) == {name: 48, "out_channels": 64}


@pytest.mark.parametrize(
    ("role", "name"), [(r, n) for r, names in HYPER.items() for n in names.split()]
)
def test_hyper_parameters_pass_from_convolution_to_convolution(role: str, name: str) -> None:
    value = CONVOLUTION[role]
    single = value[0] if isinstance(value, tuple) else value
    # padding belongs to a kernel
    others = {"c1": None, "c2": None, **({"kernel_size": None} if role == "padding" else {})}
    assert bound(block({name: None}, **others))[name] == single
    kept = bound(block({name: 7}, channels=None))
    assert kept == {"channels": 48}
    elsewhere = bound(block({name: 7}, c1=None, c2=None), Place("a", 48, 64))
    assert name not in elsewhere


@pytest.mark.parametrize("name", NAMES["size"].split())
def test_sizes(name: str) -> None:
    assert bound(block(**{"dim": None, name: None})) == {"dim": 48, name: (20, 24)}
    square = Place("a", 48, 48, (20, 20))
    side = (20, 20) if name.endswith("resolution") else 20
    assert bound(block(**{"dim": None, name: None}), square) == {"dim": 48, name: side}


@pytest.mark.parametrize("names", [("h", "w"), ("H", "W"), ("height", "width")])
def test_height_and_width(names: tuple[str, str]) -> None:
    assert bound(block(**dict.fromkeys(names))) == dict(zip(names, (20, 24), strict=True))


@pytest.mark.parametrize(
    ("name", "default"),
    [("h", 8), ("p", 0.1), ("ratio", 4), ("n", 1), ("num_groups", 32), ("kernel_size", 7)],
)
def test_a_name_that_misleads_keeps_its_default(name: str, default: float) -> None:
    assert bound(block({name: default}, dim=None)) == {"dim": 48}
    if name in ("h", "p", "ratio", "n", "num_groups"):
        assert bound(block({name: default}, c1=None, c2=None, k=None)).keys() == {"c1", "c2", "k"}


def test_planes_are_counted_before_the_expansion() -> None:
    cls = block(inplanes=None, planes=None)
    cls.expansion = 4  # type: ignore[attr-defined]
    assert bound(cls) == {"inplanes": 48, "planes": 16}
    assert bound(cls, Place("a", 48, 66)) == {"inplanes": 48, "planes": 66}


def test_a_grouped_block_keeps_its_groups_in_the_place_of_a_plain_convolution() -> None:
    plain = Place("a", 48, 64, (), {"groups": 1})
    assert bound(block({"groups": 4}, c1=None, c2=None), plain) == {"c1": 48, "c2": 64}


def test_an_asymmetric_kernel_stays_a_tuple() -> None:
    place = Place("a", 48, 64, (), {"kernel_size": (1, 3)})
    assert bound(block(c1=None, c2=None, k=None), place)["k"] == (1, 3)


def test_what_the_user_gives_comes_first() -> None:
    cls = block({"reduction": 16}, dim=None, k=None)
    assert bound(cls, dim=7, k=1, reduction=2) == {"dim": 7, "k": 1, "reduction": 2}


def test_a_parameter_of_which_nothing_is_known_is_named() -> None:
    with pytest.raises(EditError, match="'depth'") as caught:
        bound(block(dim=None, depth=None))
    assert "made:depth=" in caught.value.help
    with pytest.raises(EditError, match=r"a\.b"):
        bound(block(h=None))
    with pytest.raises(EditError, match="'in_channels'"):
        bound(block(in_channels=None), Place("a", None, None))


def test_an_argument_that_the_block_does_not_take() -> None:
    with pytest.raises(EditError, match="'redution'") as caught:
        bound(block({"reduction": 16}, dim=None), redution=8)
    assert "'reduction'" in caught.value.help
