"""Build a layer again with one constructor argument changed; weights that still fit stay."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from stitchcli.errors import EditError
from stitchcli.tracing.mending import build_or_mend, pass_mark
from stitchcli.words.near import did_you_mean


def rebuild(
    module: nn.Module, changes: Mapping[str, Any], built_with: Mapping[str, Any]
) -> nn.Module:
    """A new module like ``module`` but for ``changes``. Raises EditError.

    A torch.nn layer is told from its attributes, any other module from the arguments that it was
    ``built_with``; where these are not known, an attribute of that name is changed.
    """
    cls = type(module)
    base = _torch_base(cls)
    known = {name: value for name, value in built_with.items() if name != "*"}
    if base is not None and set(changes) <= set(_names(base)) and (cls is base or not known):
        arguments = {**known, **_arguments_of(module, base), **changes}
        result = _like(module, _parametrized_as(module, _construct(base, arguments, module)))
    elif known and "*" not in built_with and set(changes) <= set(_names(cls)):
        result = _construct(cls, {**known, **changes}, module)
    elif all(_is_setting(module, name) for name in changes):
        result = _bare_copy(module)
        for name, value in changes.items():
            setattr(result, name, value)
        return result
    else:
        raise _unknown(module, changes, base)
    result.train(module.training)
    keep_weights(module, result)
    return result


def _bare_copy(module: nn.Module) -> nn.Module:
    """Not copy.copy, which parametrized modules refuse."""
    result: nn.Module = type(module).__new__(type(module))
    result.__dict__ = dict(module.__dict__)
    return result


def _is_setting(module: nn.Module, name: str) -> bool:
    """A plain attribute that a forward may read: a number, a flag, a word, a tuple."""
    value = vars(module).get(name, module)
    return name != "training" and isinstance(value, int | float | str | bool | tuple)


def _parametrized_as(module: nn.Module, donor: nn.Module) -> nn.Module:
    """Give a layer the weight or spectral norm that another one has. Raises EditError for other
    parametrizations, whose own shapes nobody knows."""
    for hook in module._forward_pre_hooks.values():
        match hook:
            case WeightNorm():
                donor = nn.utils.weight_norm(donor, hook.name, hook.dim)
            case SpectralNorm():
                donor = nn.utils.spectral_norm(donor, hook.name)
    for name, found in getattr(module, "parametrizations", {}).items():
        for each in found:
            kind = type(each).__name__
            if kind == "_WeightNorm":
                nn.utils.parametrizations.weight_norm(donor, name, each.dim)
            elif kind == "_SpectralNorm":
                nn.utils.parametrizations.spectral_norm(donor, name)
            else:
                raise EditError(
                    f"a {type(module).__name__} with the parametrization {kind} cannot be rebuilt",
                    "change it where it is built",
                )
    return donor


def _like(module: nn.Module, donor: nn.Module) -> nn.Module:
    """``module`` with the attributes and weights of ``donor``, and its own hooks and children."""
    result = _bare_copy(module)
    normed = type(donor) is not type(module) or donor._forward_pre_hooks
    changed = {k: v for k, v in vars(donor).items() if normed or not k.endswith("_hooks")}
    for store in ("_parameters", "_buffers", "_modules"):
        kept = module.__dict__[store]
        if isinstance(module, nn.RNNBase):  # fewer layers have fewer weights
            kept = {name: value for name, value in kept.items() if "_l" not in name}
        changed[store] = {**kept, **donor.__dict__[store]}
    result.__dict__ = {**module.__dict__, **changed}
    pass_mark(donor, result)
    return result


def keep_weights(old: nn.Module, new: nn.Module) -> None:
    """Give the new module each parameter and buffer of the old one that has the same name and
    shape: the tensor itself, so that ties and frozen weights stay what they were."""
    modules = dict(old.named_modules())
    for path, each in new.named_modules():
        if path not in modules:
            continue
        for store in ("_parameters", "_buffers"):
            before, after = getattr(modules[path], store), getattr(each, store)
            for name, tensor in after.items():
                kept = before.get(name)
                if tensor is not None and kept is not None and kept.shape == tensor.shape:
                    after[name] = kept


def carry_attributes(old: nn.Module, new: nn.Module, arguments: Mapping[str, Any]) -> None:
    """Give the new module the attributes that others set on the old one after it was built, such
    as a layer's index in its network; a parent may read them."""
    # what a constructor was given describes the old module and would be a lie about the new one
    own = {*dir(new), *_names(type(old)), *_names(_torch_base(type(old)) or type(old)), "training"}
    for name, value in vars(old).items():
        if not name.startswith("_") and name not in own:
            setattr(new, name, value)
    for name, value in arguments.items():
        if not hasattr(new, name):
            setattr(new, name, value)
    new.train(old.training)


def device_and_dtype(module: nn.Module) -> tuple[torch.device, torch.dtype | None]:
    """Where a module's weights lie, and their floating dtype."""
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            return tensor.device, tensor.dtype
    return torch.device("cpu"), None


def _torch_base(cls: type[nn.Module]) -> type[nn.Module] | None:
    """The torch.nn class that a layer is or derives from."""
    for each in cls.__mro__:
        if each.__module__.startswith("torch.nn.modules") and each is not nn.Module:
            return each
    return None


def _names(cls: type) -> list[str]:
    if issubclass(cls, nn.RNNBase):  # LSTM and GRU hide their arguments behind *args
        own = {nn.LSTM: "proj_size", nn.RNN: "nonlinearity"}
        names = list(inspect.signature(nn.RNNBase).parameters)[1:-3]
        return [*names, *(word for kind, word in own.items() if issubclass(cls, kind))]
    return [name for name in inspect.signature(cls).parameters if name not in ("device", "dtype")]


def _arguments_of(module: nn.Module, base: type[nn.Module]) -> dict[str, Any]:
    """What a torch.nn layer would have to be given to become what it is."""
    found: dict[str, Any] = {}
    for name in _names(base):
        if name == "bias" and "bias" in module._parameters:
            found[name] = module.bias is not None
        elif hasattr(module, name):
            found[name] = getattr(module, name)
    if isinstance(
        module, nn.MultiheadAttention
    ):  # these two follow embed_dim unless they were given
        found = {k: v for k, v in found.items() if k[1:] != "dim" or v != module.embed_dim}
        found["bias"] = module.in_proj_bias is not None
    return found


def _construct(cls: type[nn.Module], arguments: dict[str, Any], old: nn.Module) -> nn.Module:
    device, dtype = device_and_dtype(old)
    try:
        with device:
            module: nn.Module = build_or_mend(lambda: cls(**arguments))
    except Exception as error:
        raise EditError(
            f"{cls.__name__} cannot be built with {_words(arguments)}: {error}",
            "change the arguments that depend on each other together",
        ) from error
    return module.to(dtype) if dtype else module


def _words(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in list(arguments.items())[:6])


def _unknown(
    module: nn.Module, changes: Mapping[str, Any], base: type[nn.Module] | None
) -> EditError:
    names = _names(base or type(module))
    word = next(name for name in changes if name not in names)
    help = did_you_mean(word, names) or f"it takes {', '.join(names) or 'no arguments'}"
    return EditError(f"{type(module).__name__} has no argument {word!r}", help)
