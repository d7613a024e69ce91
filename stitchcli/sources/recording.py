"""Noting, while a network is built, where each module is built and with what arguments."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

from torch import nn

from stitchcli.records import Site
from stitchcli.tracing import mending
from stitchcli.tracing.containers import walk
from stitchcli.tracing.sites import Spot, is_model_code, is_own_code, is_torch_code, site_of

_DEEPEST = 60


@dataclass(frozen=True)
class Step:
    """One function on the way to a module's constructor, and where in it the call of the next one
    stands. ``values`` are the plain ones among its variables, for functions outside of torch."""

    code: CodeType
    instruction: int
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def site(self) -> Site | None:
        """The span of the call."""
        return site_of((self.code, self.instruction))


@dataclass(frozen=True)
class Seen:
    """A module as it was built: the functions that were running, the innermost first, how many of
    them are constructors of the module itself, and the arguments of the outermost of these."""

    module: nn.Module
    route: tuple[Step, ...]
    constructors: int
    arguments: Mapping[str, Any]

    @property
    def spot(self) -> Spot | None:
        """Where the module is built: None for what stitch itself builds, the network as a whole."""
        step = next(
            (s for s in self.route[self.constructors :] if not is_torch_code(s.code.co_filename)),
            None,
        )
        if step is None or not is_model_code(step.code.co_filename):
            return None
        return step.code, step.instruction


class Recording:
    """What was seen; keeps the modules alive so that their ids stay their own."""

    def __init__(self) -> None:
        self._seen: dict[int, Seen] = {}

    def note(self, module: nn.Module, frame: FrameType | None) -> None:
        """``frame`` is the one that called nn.Module.__init__."""
        if id(module) in self._seen:
            return
        steps: list[Step] = []
        constructors = 0
        arguments: dict[str, Any] = {}
        while frame is not None and len(steps) < _DEEPEST:
            if frame.f_code.co_filename == mending.__file__:
                frame = frame.f_back  # it stands between a layer and its constructor
                continue
            if constructors == len(steps) and _self_of(frame) is module:
                constructors += 1
                arguments = _arguments_of(frame)
            steps.append(Step(frame.f_code, frame.f_lasti, _values_of(frame)))
            if is_own_code(frame.f_code.co_filename):
                break
            frame = frame.f_back
        self._seen[id(module)] = Seen(module, tuple(steps), constructors, arguments)

    def sites(self, module: nn.Module) -> Mapping[str, Site]:
        """Module path → span of the call that built it."""
        return self._of_each(module, lambda seen: site_of(seen.spot))

    def arguments(self, module: nn.Module) -> Mapping[str, Mapping[str, Any]]:
        """Module path → constructor arguments."""
        return self._of_each(module, lambda seen: seen.arguments)

    def routes(self, module: nn.Module) -> Mapping[str, Seen]:
        """Module path → all that was seen when it was built."""
        return self._of_each(module, lambda seen: seen)

    def _of_each(self, module: nn.Module, read: Callable[[Seen], Any]) -> dict[str, Any]:
        found = {}
        for path, each in walk(module):
            seen = self._seen.get(id(each))
            value = read(seen) if seen is not None else None
            if value is not None:
                found[path] = value
        return found


@contextmanager
def recording() -> Iterator[Recording]:
    """Note every module that is built inside the block."""
    notes = Recording()
    original = nn.Module.__init__

    def init_and_note(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        notes.note(self, sys._getframe(1))
        original(self, *args, **kwargs)

    nn.Module.__init__ = init_and_note  # type: ignore[method-assign]
    try:
        yield notes
    finally:
        nn.Module.__init__ = original  # type: ignore[method-assign]


def _self_of(frame: FrameType) -> object:
    names = frame.f_code.co_varnames
    return frame.f_locals.get(names[0]) if frame.f_code.co_argcount and names else None


def _values_of(frame: FrameType) -> dict[str, Any]:
    """The plain variables of a function; of a module, those that it reads."""
    code = frame.f_code
    if is_torch_code(code.co_filename):
        return {}
    found = frame.f_locals
    names = code.co_names if code.co_name == "<module>" else tuple(found)
    values = {n: found[n] for n in names if n in found and _is_plain(found[n])}
    constants = frame.f_globals
    for name in code.co_names:
        if name not in values and name in constants and _is_plain(constants[name]):
            values[name] = constants[name]
    return values


def _is_plain(value: object) -> bool:
    if type(value) in (int, float, bool, str, type(None)):
        return True
    return type(value) in (tuple, list) and all(type(v) in (int, float) for v in value)  # type: ignore[attr-defined]


def _arguments_of(frame: FrameType) -> dict[str, Any]:
    """The constructor's parameters by name; ``*args`` and ``**kwargs`` under their own names."""
    code = frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount
    found = frame.f_locals
    arguments = {name: found[name] for name in code.co_varnames[1:count] if name in found}
    if code.co_flags & 0x04:  # *args cannot be given again by name
        arguments["*"] = found.get(code.co_varnames[count], ())
        count += 1
    if code.co_flags & 0x08:
        arguments |= found.get(code.co_varnames[count], {})
    return arguments
