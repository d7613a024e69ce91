"""Layers that refuse to be built from their numbers, built with the nearest that they take.

As a mismatch in a forward does not end the trace, one in a constructor does not end the building:
it is noted, and all that comes after it is looked at too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from inspect import signature
from math import gcd
from typing import Any

from torch import nn
from torch.nn.modules.conv import _ConvNd

from stitchcli.records import Misbuilt
from stitchcli.tracing.containers import walk

#: Constructor, the argument that has to divide, and what it has to divide.
_RULES: tuple[tuple[type[nn.Module], str, tuple[str, ...]], ...] = (
    (_ConvNd, "groups", ("in_channels", "out_channels")),
    (nn.GroupNorm, "num_groups", ("num_channels",)),
    (nn.MultiheadAttention, "num_heads", ("embed_dim",)),
)
_MARK = "_stitch_misbuilt"
#: One entry for each ``mending`` that is open.
_active: list[bool] = []


def is_mending() -> bool:
    """Whether layers are built otherwise at present."""
    return bool(_active)


def note(module: Any, width: Any, of: str, divisor: Any, argument: str) -> bool:
    """Mark a module whose own check says that ``divisor`` has to divide ``width``; False for what
    is no such check."""
    if not isinstance(module, nn.Module) or type(width) is not int or type(divisor) is not int:
        return False
    if divisor and width % divisor:
        found = Misbuilt("", argument.removeprefix("self."), divisor, of, width, divisor)
        vars(module).setdefault(_MARK, found)
    return bool(divisor)


@contextmanager
def mending() -> Iterator[None]:
    """Build what can be built inside the block; a layer built otherwise than it was written bears a
    mark, also when it is copied."""
    with ExitStack() as stack:
        _active.append(True)
        stack.callback(_active.pop)
        for kind, argument, widths in _RULES:
            original = kind.__init__
            kind.__init__ = _forgiving(original, argument, widths)  # type: ignore[method-assign]
            stack.callback(setattr, kind, "__init__", original)
        yield


def build_or_mend(build: Callable[[], Any]) -> Any:
    """What ``build`` gives; built otherwise, and marked, where a layer refuses its numbers."""
    try:
        return build()
    except (ValueError, AssertionError) as error:
        with mending():
            built = build()
        if not isinstance(built, nn.Module) or not misbuilt_in(built):
            raise error from None
        return built


def pass_mark(donor: nn.Module, module: nn.Module) -> None:
    """Give a module the mark of the one that its numbers are from, or none."""
    vars(module).pop(_MARK, None)
    if (found := vars(donor).get(_MARK)) is not None:
        vars(module)[_MARK] = found


def misbuilt_in(network: nn.Module) -> tuple[Misbuilt, ...]:
    """The marked layers of a network, by their paths."""
    marked = ((path, vars(each).get(_MARK)) for path, each in walk(network))
    return tuple(replace(found, path=path) for path, found in marked if found is not None)


def _forgiving(
    build: Callable[..., None], argument: str, widths: tuple[str, ...]
) -> Callable[..., None]:
    parameters = signature(build)

    def build_what_can_be(module: nn.Module, *args: Any, **kwargs: Any) -> None:
        bound = parameters.bind(module, *args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments
        found = _refused(given, argument, widths)
        if found is not None:
            given[argument] = found.used
        build(*bound.args, **bound.kwargs)
        if found is not None:
            vars(module)[_MARK] = found

    return build_what_can_be


def _refused(given: Mapping[str, Any], argument: str, widths: tuple[str, ...]) -> Misbuilt | None:
    divisor, sizes = given[argument], [given[name] for name in widths]
    if type(divisor) is not int or divisor < 1 or not all(type(size) is int for size in sizes):
        return None
    odd = next((name for name in widths if given[name] % divisor), None)
    if odd is None:
        return None
    return Misbuilt("", argument, divisor, odd, given[odd], gcd(divisor, *sizes))
