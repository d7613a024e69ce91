"""Fits a block's constructor to the place the block goes to.

The block's author need not know of stitch: what a parameter wants is told by its name, by the
table below, which holds the names that public PyTorch code uses. In this order: what the user
gave, what the name says, the parameter's own default; else an error that says what to give.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stitchcli.errors import EditError
from stitchcli.words.near import did_you_mean
from stitchcli.words.values import collapse

_NAMES = {
    "in": """in_channels c1 in_features in_chs inplanes in_dim in_planes in_ch in_chans inp
        in_channel dim_in inc input_channels input_channel input_dim ch_in cin inchannels in_c
        input_filters in_filters nin n_in in_size""",
    "out": """out_channels c2 out_features out_dim out_chs planes dim_out out_ch oup out_planes
        output_dim ch_out cout out_channel outc out_chans output_channels output_channel outchannels
        out_c output_filters out_filters outplanes nout n_out out out_size""",
    "width": """dim channels hidden_size embed_dim embed_dims channel num_channels embedding_dim
        hidden_dim d_model c num_features gate_channels gate_channel n_feat n_feats feats chan_num
        features ch nc chan chans plane normalized_shape n_dims num_parameters""",
    "kernel_size": "kernel_size k k_size kernel ksize",
    "stride": "stride s strides",
    "padding": "padding p pad",
    "dilation": "dilation d dilations",
    "groups": "groups g group",
    "bias": "bias use_bias",
    "padding_mode": "padding_mode",
    "size": "input_resolution resolution img_size input_size feat_size image_size",
    "height": "h height",
    "width_px": "w width",
    "ndim": "ndim spatial_dims",
}
_ROLES = {name: role for role, names in _NAMES.items() for name in names.split()}
_WINDOW = ("kernel_size", "stride", "padding", "dilation", "groups", "bias", "padding_mode")


@dataclass(frozen=True)
class Place:
    """What is known of where a block goes; ``window`` holds kernel, stride and the like of
    the convolution or pooling layer that stood there, and is empty where none did."""

    path: str
    in_channels: int | None
    out_channels: int | None
    size: tuple[int, ...] = ()
    window: Mapping[str, Any] = field(default_factory=dict)
    family: str = ""
    size_out: tuple[int, ...] = ()


def bind(block: Any, name: str, given: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Arguments for the block's constructor. Raises EditError that names the parameter."""
    parameters = _parameters(block)
    names = [p.name for p in parameters]
    if not any(p.kind is p.VAR_KEYWORD for p in inspect.signature(block).parameters.values()):
        for word in given:
            if word not in names:
                known = f"it takes {', '.join(names)}" if names else "it takes no arguments"
                raise EditError(
                    f"block {name!r} has no argument {word!r}", did_you_mean(word, names) or known
                )
    roles = {p.name: _role(p, names) for p in parameters}
    arguments = dict(given)
    for parameter in parameters:
        if parameter.name in given:
            continue
        value = _value(parameter, roles, place, block)
        if value is not None:
            arguments[parameter.name] = value
        elif parameter.default is parameter.empty:
            raise EditError(
                f"block {name!r} at {place.path or 'the root'}: nothing known for its parameter "
                f"{parameter.name!r}",
                f"give it: {name}:{parameter.name}=…",
            )
    return arguments


def _parameters(block: Any) -> list[inspect.Parameter]:
    """The parameters that can be given by name; the device and dtype of torch.nn are left alone."""
    found = inspect.signature(block).parameters.values()
    return [
        p
        for p in found
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name not in ("device", "dtype")
    ]


def _role(parameter: inspect.Parameter, names: list[str]) -> str:
    role = _ROLES.get(parameter.name.lower(), "")
    if role in ("height", "width_px") and len(parameter.name) == 1:
        # h alone is a number of heads
        return role if {"h", "w"} <= {name.lower() for name in names} else ""
    return role


def _value(parameter: inspect.Parameter, roles: Mapping[str, str], place: Place, block: Any) -> Any:
    role = roles[parameter.name]
    present = set(roles.values())
    match role:
        case "in":
            return place.in_channels
        case "width":
            # beside an out-name, a width is what comes in
            only_in = "in" in present and "out" not in present
            return place.in_channels if not only_in else None
        case "out":
            return _divided(place.out_channels, parameter.name, block)
        case "size":
            return collapse(place.size) if place.size else None
        case "height":
            return place.size[0] if place.size else None
        case "width_px":
            return place.size[-1] if place.size else None
        case "ndim":
            return len(place.size) or None
    if role in _WINDOW and _slides_alike(present, place):
        return _hyper_parameter(parameter, role, present, place)
    return None


def _divided(width: int | None, name: str, block: Any) -> int | None:
    """``planes`` is the width before the block's expansion."""
    expansion = getattr(block, "expansion", 1) if name == "planes" else 1
    if width is None or not isinstance(expansion, int) or width % max(expansion, 1):
        return width
    return width // max(expansion, 1)


def _slides_alike(present: set[str], place: Place) -> bool:
    """Kernel and stride pass only from a convolution to a convolution and from a pooling layer to
    one: the kernel size of an attention block is its own."""
    if place.family == "pool":
        return not present & {"in", "out", "width"}
    return {"in", "out"} <= present


def _hyper_parameter(
    parameter: inspect.Parameter, role: str, present: set[str], place: Place
) -> Any:
    value = place.window.get(role)
    if value is None:
        return None
    if role == "groups" and value == 1:
        return None  # a grouped block keeps its own number of groups
    if role == "padding" and "kernel_size" not in present:
        return None
    if parameter.name == "p" and isinstance(parameter.default, float):
        return None  # a dropout rate
    return collapse(value) if isinstance(value, tuple) else value
