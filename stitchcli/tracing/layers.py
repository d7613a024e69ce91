"""What a module is, without running it: family, attributes, weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor, nn
from torch.nn.modules.activation import MultiheadAttention
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.parameter import is_lazy

from stitchcli.records import Layer, Site, Weight
from stitchcli.tracing.containers import dtype_name, shape_of, walk

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
_FAMILIES: dict[str, tuple[type[nn.Module], ...]] = {
    "": (_ConvTransposeNd,),
    "conv": (_ConvNd,),
    "linear": (nn.Linear,),
    "attn": (MultiheadAttention,),
    "norm": (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm, nn.LocalResponseNorm),
    "pool": _POOLS,
    "act": _ACTIVATIONS,
}
_PLAIN = frozenset([int, float, str, bool, type(None)])
#: Held weakly, since a class may be the user's.
_KNOWN_FAMILIES: WeakKeyDictionary[type[nn.Module], str] = WeakKeyDictionary()
_FAMILY_OF_NAME = (
    ("norm", re.compile(r"(?i)norm(_?[123]d)?(act)?$")),
    ("attn", re.compile(r"(?i)(self|cross|multi_?head)?_?(attention|attn)(block|2d)?$")),
)


def family_of(module: nn.Module) -> str:
    """conv, norm, act, pool, linear or attn; an empty string for everything else."""
    kind = type(module)
    found = _KNOWN_FAMILIES.get(kind)
    if found is None:
        found = _KNOWN_FAMILIES[kind] = _family(kind)
    return found


def _family(kind: type[nn.Module]) -> str:
    for family, kinds in _FAMILIES.items():
        if issubclass(kind, kinds):
            return family
    for family, pattern in _FAMILY_OF_NAME:
        if pattern.search(kind.__name__):
            return family
    if kind.__module__.startswith(("transformers.activations", "timm.layers.activations")):
        return "act"
    return ""


def kind_of(module: nn.Module) -> str:
    """The class's name; a module with inserted blocks keeps the name of the class it had."""
    return getattr(type(module), "_stitch_kind", type(module).__name__)


def is_atomic(module: nn.Module) -> bool:
    """True for a torch.nn layer, whose inner functions are one thing with it."""
    if isinstance(module, MultiheadAttention):
        return True
    forward = getattr(type(module), "forward", None)  # one that is scripted has none
    return str(getattr(forward, "__module__", "")).startswith("torch.nn.modules") and _is_leaf(
        module
    )


def _is_leaf(module: nn.Module) -> bool:
    return not module._modules or all(each is None for each in module._modules.values())


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
    if type(value) in _PLAIN:
        return True
    if isinstance(value, list | tuple):
        return all(isinstance(item, int | float) for item in value)
    return isinstance(value, int | float | str | bool)


def describe(
    module: nn.Module, built: Mapping[str, Site], blocks: Mapping[str, str]
) -> dict[str, Layer]:
    """Every module by its path; a module with several paths stands under its first."""
    found: dict[int, tuple[nn.Module, list[str]]] = {}
    for path, each in walk(module, again=True):
        found.setdefault(id(each), (each, []))[1].append(path)
    return {
        path: Layer(
            path=path,
            kind=kind_of(each),
            family=family_of(each),
            attributes=attributes_of(each),
            is_leaf=_is_leaf(each),
            built=built.get(path),
            block=blocks.get(path, ""),
            aliases=tuple(aliases),
        )
        for each, (path, *aliases) in found.values()
    }


def weights_of(module: nn.Module, users: Mapping[int, tuple[str, ...]]) -> tuple[Weight, ...]:
    """Every parameter and buffer once, under its first name; further names are aliases."""
    names: dict[int, list[str]] = {}
    tensors: dict[int, Tensor] = {}
    params: set[int] = set()
    saved: set[int] = set()
    for path, each in walk(module, again=True):
        start = f"{path}." if path else ""
        for own in (each._parameters, each._buffers):
            for name, tensor in own.items():
                if tensor is None:
                    continue
                key = id(tensor)
                tensors[key] = tensor
                names.setdefault(key, []).append(start + name)
                if own is each._parameters:
                    params.add(key)
                if name not in each._non_persistent_buffers_set:
                    saved.add(key)
    return tuple(
        Weight(
            path=path,
            shape=shape_of(tensors[key]),
            dtype=dtype_name(tensors[key].dtype),
            trainable=tensors[key].requires_grad,
            is_buffer=key not in params,
            aliases=tuple(dict.fromkeys(aliases)),
            users=users.get(key, ()),
            is_saved=key in saved,
            is_sized=not is_lazy(tensors[key]),
            itemsize=tensors[key].dtype.itemsize,
        )
        for key, (path, *aliases) in names.items()
    )
