"""Noting, while a network is built, where each module is built and with what arguments."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from torch import nn

from stitchcli.records import Site
from stitchcli.tracing.sites import Spot, builder_spot, site_of


class Recording:
    """What was seen; keeps the modules alive so that their ids stay their own."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[nn.Module, Spot | None, dict[str, Any]]] = {}

    def note(self, module: nn.Module, frame: FrameType | None) -> None:
        """``frame`` is the one that called nn.Module.__init__."""
        if id(module) in self._seen:
            return
        constructor = None
        while frame is not None and _self_of(frame) is module:
            constructor, frame = frame, frame.f_back
        arguments = _arguments_of(constructor) if constructor else {}
        self._seen[id(module)] = (module, builder_spot(frame), arguments)

    def sites(self, module: nn.Module) -> Mapping[str, Site]:
        """Module path → span of the call that built it."""
        found = {}
        for path, each in module.named_modules():
            if (seen := self._seen.get(id(each))) and (site := site_of(seen[1])):
                found[path] = site
        return found

    def arguments(self, module: nn.Module) -> Mapping[str, Mapping[str, Any]]:
        """Module path → constructor arguments."""
        return {
            path: self._seen[id(each)][2]
            for path, each in module.named_modules()
            if id(each) in self._seen
        }


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
