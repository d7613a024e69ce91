"""Single mistakes: each changes one layer of a network as a slip of the hand would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from stitchcli.records import Call, Trace

Kind = Literal["in width", "out width", "kernel", "groups", "norm width", "skip size"]
KINDS: tuple[Kind, ...] = ("in width", "out width", "kernel", "groups", "norm width", "skip size")
JOINS = frozenset("add sub mul div cat".split())
_POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.MaxPool3d, nn.AvgPool3d)


@dataclass(frozen=True)
class Mutation:
    """What is changed, in words, and a function that changes it in a copy of the network."""

    kind: Kind
    path: str
    words: str
    change: Callable[[nn.Module], None]


class Crop(nn.Module):
    """Leaves out the last row of an axis, or of several."""

    def __init__(self, *dims: int) -> None:
        super().__init__()
        self.dims = dims

    def forward(self, x: Tensor) -> Tensor:
        for dim in self.dims:
            x = x.narrow(dim, 0, x.shape[dim] - 1)
        return x


def mutations(module: nn.Module, base: Trace, kind: Kind, random: Random) -> Iterator[Mutation]:
    """Mutations of one kind, in random order, at most one for each layer."""
    if kind == "skip size":
        yield from _skips(base, random)
        return
    paths = [path for path, layer in base.layers.items() if layer.is_leaf and path in base.called]
    random.shuffle(paths)
    make = {"in width": _in_width, "out width": _out_width, "kernel": _kernel,
            "groups": _groups, "norm width": _norm_width}[kind]  # fmt: skip
    for path in paths:
        layer = module.get_submodule(path)
        choices = list(make(layer)) if _is_plain(layer) else []
        if choices:
            words, change = random.choice(choices)
            yield Mutation(kind, path, words, _at(path, change))


def _is_plain(layer: nn.Module) -> bool:
    """Not one whose weight is computed from others."""
    return not hasattr(layer, "parametrizations") and not layer._forward_pre_hooks


def _at(path: str, change: Callable[[nn.Module], None]) -> Callable[[nn.Module], None]:
    return lambda module: change(module.get_submodule(path))


Choice = tuple[str, Callable[[nn.Module], None]]


# ---------------------------------------------------------------- widths


def _other_widths(width: int, divisor: int = 1) -> list[int]:
    """Half, double, and a little more or less; all multiples of ``divisor``."""
    step = 8 if width > 16 else 1
    sizes = (width * 2, width // 2, width + step, width - step, width + divisor)
    return sorted({s for s in sizes if s > 0 and s != width and s % divisor == 0})


def _in_width(layer: nn.Module) -> Iterator[Choice]:
    match layer:
        case _ConvNd():
            for width in _other_widths(layer.in_channels, layer.groups):
                yield _remade(layer, in_channels=width)
        case nn.Linear():
            for width in _other_widths(layer.in_features):
                yield _remade(layer, in_features=width)


def _out_width(layer: nn.Module) -> Iterator[Choice]:
    match layer:
        case _ConvNd():
            for width in _other_widths(layer.out_channels, layer.groups):
                yield _remade(layer, out_channels=width)
        case nn.Linear():
            for width in _other_widths(layer.out_features):
                yield _remade(layer, out_features=width)


def _norm_width(layer: nn.Module) -> Iterator[Choice]:
    match layer:
        case _NormBase():
            name, old, divisor = "num_features", layer.num_features, 1
        case nn.GroupNorm():
            name, old, divisor = "num_channels", layer.num_channels, layer.num_groups
        case nn.LayerNorm() | nn.RMSNorm():
            name, old, divisor = "normalized_shape", layer.normalized_shape[-1], 1
        case _:
            return
    if not any(tensor.ndim for tensor in (*layer.parameters(), *layer.buffers())):
        return
    for new in _other_widths(old, divisor):
        yield f"{name} {old} → {new}", lambda norm, new=new: _resize_norm(norm, name, new)


def _resize_norm(norm: nn.Module, name: str, width: int) -> None:
    value = getattr(norm, name)
    setattr(norm, name, (*value[:-1], width) if isinstance(value, tuple) else width)
    for store in (norm._parameters, norm._buffers):
        for key, tensor in store.items():
            if tensor is not None and tensor.ndim:
                store[key] = _fresh(tensor, (*tensor.shape[:-1], width))


# ---------------------------------------------------------------- kernels, groups


def _kernel(layer: nn.Module) -> Iterator[Choice]:
    if not isinstance(layer, (_ConvNd, *_POOLS)):
        return
    old = layer.kernel_size
    sizes = (old,) * 2 if isinstance(old, int) else tuple(old)
    for step in (1, 2, -1):
        new = tuple(size + step for size in sizes)
        if min(new) < 1:
            continue
        if isinstance(layer, _ConvNd):
            yield _remade(layer, kernel_size=new)
        else:
            size = new[0] if isinstance(old, int) else new
            words = f"kernel_size {old} → {size}"
            yield words, lambda pool, size=size: setattr(pool, "kernel_size", size)


def _groups(layer: nn.Module) -> Iterator[Choice]:
    """Groups set beside the weight as it was, and groups that divide one side or none."""
    if not isinstance(layer, _ConvNd) or layer.transposed:
        return
    old, sides = layer.groups, (layer.in_channels, layer.out_channels)
    for new in sorted({1, 2, 3, 4, 5, 8, layer.in_channels} - {old}):
        words = f"groups {old} → {new}"
        if new <= sides[0]:
            yield f"{words}, the weight as it was", lambda conv, g=new: setattr(conv, "groups", g)
            if any(side % new for side in sides):
                yield _remade(layer, groups=new)


def _remade(layer: nn.Module, **changes: object) -> Choice:
    """Attributes changed and the weights made anew; nothing checks that they make sense."""
    words = ", ".join(f"{name} {getattr(layer, name)} → {new}" for name, new in changes.items())

    def change(found: nn.Module) -> None:
        for name, value in changes.items():
            setattr(found, name, value)
        found.weight = _fresh(found.weight, _weight_shape(found))
        if found.bias is not None:
            wide = found.out_channels if isinstance(found, _ConvNd) else found.out_features
            found.bias = _fresh(found.bias, (wide,))

    return words, change


def _weight_shape(layer: nn.Module) -> tuple[int, ...]:
    if isinstance(layer, nn.Linear):
        return layer.out_features, layer.in_features
    assert isinstance(layer, _ConvNd)
    a, b, g = layer.in_channels, layer.out_channels, layer.groups
    sides = (a, b // g) if layer.transposed else (b, a // g)
    return (*sides, *layer.kernel_size)


def _fresh(old: Tensor, shape: tuple[int, ...]) -> Tensor:
    made = torch.zeros(shape, device=old.device, dtype=old.dtype)
    return nn.Parameter(made, old.requires_grad) if isinstance(old, nn.Parameter) else made


# ---------------------------------------------------------------- sizes of skips


def _skips(base: Trace, random: Random) -> Iterator[Mutation]:
    """A module that feeds a join, with something behind it that changes the size."""
    found = sorted({(call.path, _shape(call)) for call in _feeding(base)})
    random.shuffle(found)
    for path, shape in found:
        words, make = random.choice(_resizers(shape))
        yield Mutation("skip size", path, f"{words} behind it", behind(path, make))


def _feeding(base: Trace) -> Iterator[Call]:
    """Module calls, one per module, whose one output is an operand of a join."""
    for join in base.calls:
        if join.is_module or join.op not in JOINS:
            continue
        made = {ref.producer for ref in join.inputs if ref.producer is not None}
        if len(made) < 2:
            continue
        for path, calls in base.module_calls.items():
            call = calls[0]
            one = len(calls) == 1 and len(call.outputs) == 1 and call.given == ("",)
            if path and one and call.outputs[0].producer in made and len(_shape(call)) > 2:
                yield call


def _shape(call: Call) -> tuple[int, ...]:
    return call.outputs[0].shape


def _resizers(shape: tuple[int, ...]) -> list[tuple[str, Callable[[], nn.Module]]]:
    """Ways to change a map's height and width; of tokens and channels-last maps, the rows."""
    spatial = len(shape) - 2
    if spatial < 2 or len(set(shape[2:])) > 1:
        return [("a crop of one row", lambda: Crop(1))]
    dims = tuple(range(2, len(shape)))
    ways: list[tuple[str, Callable[[], nn.Module]]] = [
        ("upsampling by 2", lambda: nn.Upsample(scale_factor=2)),
    ]
    if shape[2] > 1:
        pool = nn.MaxPool2d if spatial == 2 else nn.MaxPool3d
        ways.append(("a crop of one row and column", lambda: Crop(*dims)))
        ways.append(("pooling by 2", lambda: pool(2)))
    return ways


def behind(path: str, make: Callable[[], nn.Module]) -> Callable[[nn.Module], None]:
    """A function that puts a module behind another, as one would with nn.Sequential."""

    def change(module: nn.Module) -> None:
        parent, _, last = path.rpartition(".")
        inner = module.get_submodule(path)
        setattr(module.get_submodule(parent), last, nn.Sequential(inner, make()))

    return change
