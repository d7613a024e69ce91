"""Build a layer again with one constructor argument changed; weights that still fit stay."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from stitchcli.errors import EditError
from stitchcli.words.near import did_you_mean


def rebuild(
    module: nn.Module, changes: Mapping[str, Any], built_with: Mapping[str, Any]
) -> nn.Module:
    """A new module like ``module`` but for ``changes``. Raises EditError.

    A torch.nn layer, or a subclass of one, is told from its attributes; any other module needs
    the arguments it was ``built_with``.
    """
    base = _torch_base(type(module))
    if base is not None and set(changes) <= set(_names(base)):
        donor = _construct(base, {**_arguments_of(module, base), **changes}, module)
        result = _like(module, donor)
    elif built_with and "*" not in built_with and set(changes) <= set(_names(type(module))):
        result = _construct(type(module), {**built_with, **changes}, module)
    elif all(hasattr(module, name) for name in changes):
        result = copy.copy(module)
        result.__dict__ = dict(module.__dict__)
        for name, value in changes.items():
            setattr(result, name, value)
        return result
    else:
        raise _unknown(module, changes, base)
    result.train(module.training)
    keep_weights(module, result)
    return result


def _like(module: nn.Module, donor: nn.Module) -> nn.Module:
    """``module`` with the attributes and weights of ``donor``, and its own hooks and children."""
    result = copy.copy(module)
    changed = {k: v for k, v in donor.__dict__.items() if not k.endswith("_hooks")}
    for store in ("_parameters", "_buffers", "_modules"):
        changed[store] = {**module.__dict__[store], **donor.__dict__[store]}
    result.__dict__ = {**module.__dict__, **changed}
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


def carry_attributes(old: nn.Module, new: nn.Module) -> None:
    """Give the new module the attributes that others set on the old one after it was built, such
    as a layer's index in its network; a parent may read them."""
    known = {*dir(new), "training"}
    for name, value in vars(old).items():
        if not name.startswith("_") and name not in known:
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
        return list(inspect.signature(nn.RNNBase).parameters)[1:-2]
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
            module = cls(**arguments)
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
