"""Which object of a user's file is the network."""

from __future__ import annotations

import inspect
from types import CodeType, FunctionType, ModuleType
from typing import Any

from torch import nn

from stitchcli.errors import TargetError
from stitchcli.sources.construct import required_arguments
from stitchcli.words.near import did_you_mean


def pick(module: ModuleType, name: str, text: str) -> Any:
    """The object called ``name`` (dots allowed). Raises TargetError with the nearest names."""
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [*networks_in(module), *factories_in(module)] or public_names(module)
            help = did_you_mean(part, known) or f"it has {', '.join(known[:12])}"
            raise TargetError(f"{text} has no {part!r}", help)
        found = getattr(found, part)
    return found


def choose(module: ModuleType, text: str) -> tuple[str, Any]:
    """The one network of a file: the class that no other uses, else the one instance or factory.

    Raises TargetError that lists the candidates where there are several, or none.
    """
    networks = networks_in(module)
    classes = {name: each for name, each in networks.items() if inspect.isclass(each)}
    instances = {name: each for name, each in networks.items() if isinstance(each, nn.Module)}
    used = _used_by_others(classes)
    tops = {name: each for name, each in classes.items() if name not in used}
    ready = {name: each for name, each in tops.items() if not required_arguments(each)}
    for group in (tops, ready) if len(ready) < 2 else (tops,):
        if len(group) == 1:
            (only,) = group.items()
            buildable = not required_arguments(only[1])
            return only if buildable or len(instances) != 1 else next(iter(instances.items()))
    if len(instances) == 1:
        return next(iter(instances.items()))
    factories = factories_in(module)
    if not networks and len(factories) == 1:
        return next(iter(factories.items()))
    candidates = [*(tops or classes), *instances] or list(factories)
    if not candidates:
        raise TargetError(f"{text} has no nn.Module", "name a file that defines a network")
    raise TargetError(
        f"{text} has several networks: {', '.join(candidates)}", f"name one: {text}:{candidates[0]}"
    )


def networks_in(module: ModuleType) -> dict[str, Any]:
    """nn.Module classes defined in a module, and instances that stand in it."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("__")
        and (
            isinstance(value, nn.Module)
            or (
                inspect.isclass(value)
                and issubclass(value, nn.Module)
                and value.__module__ == module.__name__
            )
        )
    }


def factories_in(module: ModuleType) -> dict[str, Any]:
    """Functions of a module that can be called without arguments and may return a network."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, FunctionType)
        and value.__module__ == module.__name__
        and not name.startswith("_")
        and not required_arguments(value)
        and _may_return_network(value)
    }


def public_names(module: ModuleType) -> list[str]:
    """What a user could have meant."""
    return [name for name in vars(module) if not name.startswith("_")]


def _may_return_network(function: FunctionType) -> bool:
    returns = function.__annotations__.get("return")
    if inspect.isclass(returns):
        return issubclass(returns, nn.Module)
    words = set(_names_in(function.__code__))
    made = {
        name
        for name, v in function.__globals__.items()
        if inspect.isclass(v) and issubclass(v, nn.Module)
    }
    return (isinstance(returns, str) and "Module" in returns) or bool(words & (made | {"nn"}))


def _used_by_others(classes: dict[str, Any]) -> set[str]:
    """Names of classes that another class of the file builds or inherits from."""
    used: set[str] = set()
    for name, each in classes.items():
        words: set[str] = {base.__name__ for base in each.__mro__[1:]}
        for member in vars(each).values():
            function = inspect.unwrap(member) if callable(member) else member
            code = getattr(function, "__code__", None)
            if code is not None:
                words |= set(_names_in(code))
        used |= (words & set(classes)) - {name}
    return used


def _names_in(code: CodeType) -> list[str]:
    names = list(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names += _names_in(constant)
    return names
