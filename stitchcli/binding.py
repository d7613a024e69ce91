"""Fits a block's constructor to the place the block goes to.

The block's author need not know of stitch. In this order: what the user gave; what a parameter's
name says, by the table below, which holds the names that public PyTorch code uses; what the class
does with the parameter (evidence.py); its own default; else an error that says what to give.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from stitchcli.errors import EditError
from stitchcli.evidence import evidence
from stitchcli.records import Shape
from stitchcli.words.near import did_you_mean
from stitchcli.words.values import collapse

_NAMES = {
    "in": """in_channels c1 in_features in_chs inplanes in_dim in_planes in_ch in_chans inp
        in_channel dim_in inc input_channels input_channel input_dim ch_in cin inchannels in_c
        input_filters in_filters nin n_in in_size f_g gate_channels_in x_channels""",
    "out": """out_channels c2 out_features out_dim out_chs planes dim_out out_ch oup out_planes
        output_dim ch_out cout out_channel outc out_chans output_channels output_channel outchannels
        out_c output_filters out_filters outplanes nout n_out out out_size""",
    "width": """dim channels hidden_size embed_dim embed_dims channel num_channels embedding_dim
        hidden_dim d_model c num_features gate_channels gate_channel n_feat n_feats feats chan_num
        features ch nc chan chans plane normalized_shape normalization_shape n_dims
        num_parameters""",
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
    "scale": "scale scale_factor upscale_factor up_factor upscale downscale_factor",
    "skip": "skip_channels skip_ch skip_dim f_l channels_skip skip",
    "inner": "f_int inter_channels mid_channels",
    "head_dim": "head_dim dim_head d_head attention_head_dim",
    "mlp": """mlp_dim mlp_hidden_dim ffn_dim dim_feedforward intermediate_size hidden_features
        hidden_channels""",
    "norm_groups": "num_groups n_groups norm_groups",
    "heads": "num_heads n_heads heads n_head nhead head num_attention_heads",
    "batch_first": "batch_first",
    "inputs": "num_inputs n_inputs",
}
_ROLES = {name: role for role, names in _NAMES.items() for name in names.split()}
_USUAL = {"kernel_size": 3, "stride": 1, "padding": 1, "dilation": 1, "groups": 1, "bias": True}
WINDOW = ("kernel_size", "stride", "padding", "dilation", "groups", "bias", "padding_mode")
Layout = Literal["channels_first", "channels_last", "tokens"]


@dataclass(frozen=True)
class Place:
    """What is known of where a block goes; ``window`` holds kernel, stride and the like of
    the convolution or pooling layer that stood there, and is empty where none did.

    ``shapes`` are those of the tensors that come in, ``shape_out`` of what is given on;
    ``aspect`` is height to width of the network's input, by which tokens are made a map;
    ``given`` names the arguments of the call, the positional ones by nothing; ``main`` is the
    index of the tensor that was made last.
    """

    path: str
    in_channels: int | None
    out_channels: int | None
    size: Shape = ()
    window: Mapping[str, Any] = field(default_factory=dict)
    family: str = ""
    size_out: Shape = ()
    shapes: tuple[Shape, ...] = ()
    shape_out: Shape = ()
    layout: Layout = "channels_first"
    layout_out: Layout = "channels_first"
    dtype: str = "float32"
    aspect: tuple[int, int] = (1, 1)
    given: tuple[str, ...] = ("",)
    main: int = 0

    @property
    def measures(self) -> dict[str, int | None]:
        """What ``cin``, ``cout``, ``h`` and ``w`` stand for here."""
        height, width = (None, None, *self.size)[-2:]
        return {"cin": self.in_channels, "cout": self.out_channels, "h": height, "w": width}


def bind(
    block: Any, name: str, given: Mapping[str, Any], place: Place, *, positional: Sequence[Any] = ()
) -> dict[str, Any]:
    """Arguments for the block's constructor. Raises EditError that names the parameter.

    Positional arguments make it a call as Python has it: only what has no default is filled in.
    """
    parameters = _parameters(block)
    names = [p.name for p in parameters]
    arguments = {**_by_position(block, name, names, positional, given), **given}
    if not any(p.kind is p.VAR_KEYWORD for p in signature_of(block).parameters.values()):
        for word in given:
            if word not in names:
                known = f"it takes {', '.join(names)}" if names else "it takes no arguments"
                raise EditError(
                    f"block {name!r} has no argument {word!r}", did_you_mean(word, names) or known
                )
    roles = roles_of(block, parameters)
    for parameter in parameters:
        required = parameter.default is parameter.empty
        if parameter.name in arguments or (positional and not required):
            continue
        if roles[parameter.name] == "scale" and {"size", "output_size"} & set(given):
            continue  # they exclude each other
        value = _value(parameter, roles, place, block)
        if value is None and required:
            value = _usual(roles[parameter.name], place)
        if value is not None:
            arguments[parameter.name] = value
        elif required:
            raise EditError(
                f"block {name!r} at {place.path or 'the root'}: nothing known for its parameter "
                f"{parameter.name!r}",
                f"give it: {name}:{parameter.name}=…",
            )
    padding = next((p for p in parameters if roles[p.name] == "padding"), None)
    if not positional and padding is not None and padding.name not in given:
        _keep_size(arguments, roles, padding, place)
    return arguments


def signature_of(block: Any) -> inspect.Signature:
    """Of a class's constructor or of a factory; an empty one where Python cannot tell."""
    try:
        return inspect.signature(block)
    except (TypeError, ValueError):
        return inspect.Signature()


def roles_of(block: Any, parameters: Sequence[inspect.Parameter]) -> dict[str, str]:
    """What each parameter wants, or an empty string where nothing tells."""
    names = [p.name for p in parameters]
    roles = {p.name: _role(p, names) for p in parameters}
    unknown = [p.name for p in parameters if p.default is p.empty and not roles[p.name]]
    if unknown:
        seen = evidence(block, unknown)
        if "out" in roles.values() and "width" in seen.values():
            seen = {word: "in" if role == "width" else role for word, role in seen.items()}
        roles |= seen
    return roles


def _by_position(
    block: Any, name: str, names: list[str], positional: Sequence[Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    if len(positional) > len(names):
        raise EditError(
            f"block {name!r} takes {len(names)} arguments, got {len(positional)}",
            f"it takes {', '.join(names)}" if names else "it takes no arguments",
        )
    placed = dict(zip(names, positional, strict=False))
    if twice := sorted(set(placed) & set(given)):
        raise EditError(f"block {name!r} is given {twice[0]!r} twice", "give it once")
    return placed


def _parameters(block: Any) -> list[inspect.Parameter]:
    """The parameters that can be given by name; the device and dtype of torch.nn are left alone."""
    found = signature_of(block).parameters.values()
    return [
        p
        for p in found
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name not in ("device", "dtype")
    ]


def _role(parameter: inspect.Parameter, names: list[str]) -> str:
    role = _ROLES.get(parameter.name.lower(), "")
    if role in ("height", "width_px"):
        # h alone is a number of heads, width alone one of channels
        known = {name.lower() for name in names}
        if not ({"h", "w"} <= known or {"height", "width"} <= known):
            return "width" if parameter.name == "width" else ""
    return role


def _value(parameter: inspect.Parameter, roles: Mapping[str, str], place: Place, block: Any) -> Any:
    role = roles[parameter.name]
    present = set(roles.values())
    required = parameter.default is parameter.empty
    match role:
        case "in":
            return place.in_channels
        case "skip":
            axis = 1 if place.layout == "channels_first" else -1
            others = [s for i, s in enumerate(place.shapes) if i != place.main and len(s) > 1]
            return others[0][axis] if others else place.in_channels
        case "width":
            # beside an out-name, a width is what comes in
            only_in = "in" in present and "out" not in present
            return place.in_channels if not only_in or required else None
        case "out":
            return _divided(place.out_channels, parameter.name, block)
        case "size":
            size = tuple(place.size)
            # what is called a resolution is unpacked; an image size is one number where it can be
            keeps_both = parameter.name.endswith("resolution") or not size
            return (size or None) if keeps_both else collapse(size)
        case "height":
            return place.size[0] if place.size else None
        case "width_px":
            return place.size[-1] if place.size else None
        case "ndim":
            return len(place.size) or None
        case "scale":
            return _scale(place)
        case "batch_first":
            return True
        case "inputs":
            return len(place.shapes) or None
    if role in WINDOW and _slides_alike(present, place):
        return _hyper_parameter(parameter, role, present, place)
    return None


def _divided(width: int | None, name: str, block: Any) -> int | None:
    """``planes`` is the width before the block's expansion."""
    expansion = getattr(block, "expansion", 1) if name == "planes" else 1
    if width is None or not isinstance(expansion, int) or width % max(expansion, 1):
        return width
    return width // max(expansion, 1)


def _scale(place: Place) -> int | None:
    """By how much the place enlarges a map, where it does so by one whole number."""
    pairs = list(zip(place.size, place.size_out, strict=False))
    scales = {out // size for size, out in pairs if size and out % size == 0}
    return scales.pop() if len(scales) == 1 and all(out > size for size, out in pairs) else None


def _usual(role: str, place: Place) -> Any:
    """What people usually give, for a parameter that has no default of its own."""
    if role in _USUAL:
        return _USUAL[role]
    width = place.in_channels
    if not width:
        return None
    heads = _largest_divisor(width, 8)
    return {
        "inner": max(width // 2, 1),
        "mlp": 4 * width,
        "heads": heads,
        "head_dim": width // heads,
        "norm_groups": _largest_divisor(width, 32),
    }.get(role)


def _largest_divisor(width: int, most: int) -> int:
    return next(n for n in range(most, 0, -1) if width % n == 0)


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


def _keep_size(
    arguments: dict[str, Any], roles: Mapping[str, str], padding: inspect.Parameter, place: Place
) -> None:
    """The padding with which a kernel keeps the size that the place is used to."""
    kernel = next((v for name, v in arguments.items() if roles.get(name) == "kernel_size"), None)
    is_set = padding.name in arguments or type(padding.default) is int  # a float is a dropout rate
    if kernel is None or not is_set or place.family == "pool":
        return
    old, before = place.window.get("kernel_size"), place.window.get("padding")
    if isinstance(old, tuple) and isinstance(before, tuple):
        steps = place.window.get("dilation") or (1,) * len(old)
    elif not place.window and place.size and place.size == place.size_out:
        old, before, steps = (1,) * len(place.size), (0,) * len(place.size), (1,) * len(place.size)
    else:
        return
    kernels = kernel if isinstance(kernel, tuple) else (kernel,) * len(old)
    if all(isinstance(k, int) for k in kernels) and len(kernels) == len(old):
        more = (d * (k - o) // 2 for k, o, d in zip(kernels, old, steps, strict=True))
        kept = tuple(max(p + m, 0) for p, m in zip(before, more, strict=True))
        arguments[padding.name] = collapse(kept)
