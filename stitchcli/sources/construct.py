"""From a class, a factory or an instance to a network."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

from stitchcli.errors import TargetError
from stitchcli.sources.frames import guarded
from stitchcli.words.near import did_you_mean


def construct(source: Any, arguments: Mapping[str, Any], name: str) -> nn.Module:
    """Build the network that ``source`` stands for. Raises TargetError, ModelError."""
    if isinstance(source, nn.Module):
        if arguments:
            raise TargetError(
                f"{name} is already built, so it takes no --arg",
                "name its class or factory instead",
            )
        return source
    if not callable(source):
        raise TargetError(
            f"{name} is {_what(source)}, not a network", "name an nn.Module class or a factory"
        )
    arguments = _with_config(source, arguments, name)
    check_arguments(source, arguments, name, "--arg")
    with guarded(f"building {name}"):
        module = source(**arguments)
    if not isinstance(module, nn.Module):
        raise TargetError(
            f"{name} returned {_what(module)}, not an nn.Module", "name a class or another factory"
        )
    return module


def required_arguments(source: Any) -> list[str]:
    """Constructor parameters without a default."""
    return [
        parameter.name
        for parameter in _parameters(source)
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]


def check_arguments(source: Any, arguments: Mapping[str, Any], name: str, flag: str) -> None:
    """Raise TargetError for an unknown or a missing argument."""
    parameters = _parameters(source)
    names = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        for word in arguments:
            if word not in names:
                known = f"it takes {', '.join(names)}" if names else "it takes no arguments"
                raise TargetError(
                    f"{name} has no argument {word!r}", did_you_mean(word, names) or known
                )
    missing = [word for word in required_arguments(source) if word not in arguments]
    if missing:
        example = " ".join(f"{flag} {word}=…" for word in missing)
        raise TargetError(f"{name} needs {', '.join(missing)}", f"give {example}")


def _parameters(source: Any) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(source).parameters.values())
    except (ValueError, TypeError):
        return []


def _with_config(source: Any, arguments: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A transformers network takes one ``config``: make its default, changed by the arguments."""
    config = getattr(source, "config_class", None)
    if (
        not callable(config)
        or "config" in arguments
        or required_arguments(source)[:1] != ["config"]
    ):
        return arguments
    with guarded(f"building the config of {name}"):
        return {"config": config(**arguments)}


def _what(value: Any) -> str:
    return f"a {type(value).__name__}"
