"""What a module is, without running it: family, attributes, weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.activation import MultiheadAttention
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from stitchcli.records import Layer, Site, Weight
from stitchcli.tracing.containers import walk

_POOLS = tuple(
    getattr(nn.modules.pooling, name)
    for name in nn.modules.pooling.__all__
    if not name.startswith("MaxUnpool")
)
_ACTIVATIONS = tuple(
    getattr(nn.modules.activation, name)
    for name in nn.modules.activation.__all__
    if name not in ("MultiheadAttention", "Softmax", "Softmax2d", "LogSoftmax", "Softmin")
)
_NORMS = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm, nn.LocalResponseNorm)
_FAMILY_OF_NAME = (
    ("norm", re.compile(r"(?i)norm(_?[123]d)?(act)?$")),
    ("attn", re.compile(r"(?i)(self|cross|multi_?head)?_?(attention|attn)(block|2d)?$")),
)


def family_of(module: nn.Module) -> str:
    """conv, norm, act, pool, linear or attn; an empty string for everything else."""
    match module:
        case _ConvTransposeNd():
            return ""
        case _ConvNd():
            return "conv"
        case nn.Linear():
            return "linear"
        case MultiheadAttention():
            return "attn"
    if isinstance(module, _NORMS):
        return "norm"
    if isinstance(module, _POOLS):
        return "pool"
    if isinstance(module, _ACTIVATIONS):
        return "act"
    name = type(module).__name__
    for family, pattern in _FAMILY_OF_NAME:
        if pattern.search(name):
            return family
    if type(module).__module__.startswith(("transformers.activations", "timm.layers.activations")):
        return "act"
    return ""


def kind_of(module: nn.Module) -> str:
    """The class's name; a module with inserted blocks keeps the name of the class it had."""
    return getattr(type(module), "_stitch_kind", type(module).__name__)


def is_atomic(module: nn.Module) -> bool:
    """True for a torch.nn layer, whose inner functions are one thing with it."""
    if isinstance(module, MultiheadAttention):
        return True
    forward = type(module).forward
    return getattr(forward, "__module__", "").startswith("torch.nn.modules") and not any(
        True for _ in module.children()
    )


def attributes_of(module: nn.Module) -> dict[str, Any]:
    """Plain attributes: numbers, flags, words, tuples of numbers; and ``bias`` as a flag."""
    found = {
        name: tuple(value) if isinstance(value, list | tuple) else value
        for name, value in vars(module).items()
        if not name.startswith("_") and name != "training" and is_plain(value)
    }
    if isinstance(module, _ConvNd | nn.Linear):
        found["bias"] = module.bias is not None
    return found


def settings_of(args: Any, kwargs: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The plain arguments of a call as (name, text), those given by position without a name."""
    given = (*(("", value) for value in args), *kwargs.items())
    return tuple(
        (name, repr(value))
        for name, value in given
        if not isinstance(value, Tensor) and value is not None and is_plain(value)
    )


def is_plain(value: Any) -> bool:
    """Numbers, flags, words, nothing, and tuples of numbers."""
    if isinstance(value, list | tuple):
        return all(isinstance(item, int | float) for item in value)
    return isinstance(value, int | float | str | bool) or value is None


def describe(
    module: nn.Module, built: Mapping[str, Site], blocks: Mapping[str, str]
) -> dict[str, Layer]:
    """Every module by its path; a module with several paths stands under its first."""
    paths: dict[int, list[str]] = {}
    for path, each in walk(module, again=True):
        paths.setdefault(id(each), []).append(path)
    return {
        path: Layer(
            aliases=tuple(paths[id(each)][1:]),
            path=path,
            kind=kind_of(each),
            family=family_of(each),
            attributes=attributes_of(each),
            is_leaf=not any(True for _ in each.children()),
            built=built.get(path),
            block=blocks.get(path, ""),
        )
        for path, each in walk(module)
    }


def weights_of(module: nn.Module, users: Mapping[int, tuple[str, ...]]) -> tuple[Weight, ...]:
    """Every parameter and buffer once, under its first name; further names are aliases."""
    names: dict[int, list[str]] = {}
    tensors: dict[int, Tensor] = {}
    saved: set[int] = set()
    for path, each in walk(module, again=True):
        own = (*each._parameters.items(), *each._buffers.items())
        for name, tensor in own:
            if tensor is not None:
                tensors[id(tensor)] = tensor
                names.setdefault(id(tensor), []).append(f"{path}.{name}" if path else name)
                if name not in each._non_persistent_buffers_set:
                    saved.add(id(tensor))
    return tuple(
        Weight(
            path=paths[0],
            shape=tuple(tensors[key].shape),
            dtype=str(tensors[key].dtype).removeprefix("torch."),
            trainable=tensors[key].requires_grad,
            is_buffer=not isinstance(tensors[key], nn.Parameter),
            aliases=tuple(dict.fromkeys(paths[1:])),
            users=users.get(key, ()),
            is_saved=key in saved,
            itemsize=tensors[key].element_size(),
        )
        for key, paths in names.items()
    )
