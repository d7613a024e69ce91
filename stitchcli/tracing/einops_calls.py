"""Calls of ``rearrange``, ``reduce`` and ``repeat``: where a pattern does not fit, that is noted
and the forward goes on.

einops parses a pattern by the number of axes, then applies what it found to the tensor. Both steps
are looked up in its module at every call, however its functions were imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch

from stitchcli.tracing.contracts.patterns import least_rank, unfit
from stitchcli.tracing.recorder import Recorder

_PREPARE, _APPLY = "_prepare_transformation_recipe", "_apply_recipe"


@contextmanager
def watch_einops(recorder: Recorder) -> Iterator[None]:
    """Go on after a pattern that does not fit; nothing where einops was not imported."""
    einops: Any = sys.modules.get("einops.einops")
    if not hasattr(einops, _PREPARE) or not hasattr(einops, _APPLY):
        yield
        return
    steps = _Steps(recorder, einops)
    setattr(einops, _PREPARE, steps.prepare)
    setattr(einops, _APPLY, steps.apply)
    try:
        yield
    finally:
        setattr(einops, _PREPARE, steps.own_prepare)
        setattr(einops, _APPLY, steps.own_apply)


class _Steps:
    """The two steps of einops. ``_pattern`` is the one that was parsed last, and ``_is_of_rank``
    says that it has as many axes as the tensor."""

    def __init__(self, recorder: Recorder, einops: Any) -> None:
        self.own_prepare, self.own_apply = getattr(einops, _PREPARE), getattr(einops, _APPLY)
        self._recorder = recorder
        self._error: type[Exception] = einops.EinopsError
        self._pattern, self._op, self._is_of_rank = "", "", True

    def prepare(self, pattern: str, operation: Any, axes_names: Any, ndim: int) -> Any:
        """Parse a pattern, where it has another number of axes for the number that it has."""
        self._pattern, self._is_of_rank = pattern, True
        self._op = operation if operation in ("rearrange", "repeat") else "reduce"
        try:
            return self.own_prepare(pattern, operation, axes_names, ndim)
        except self._error:
            rank = least_rank(pattern)
            if ndim == rank:
                raise
            self._is_of_rank = False
            return self.own_prepare(pattern, operation, axes_names, rank)

    def apply(
        self, backend: Any, recipe: Any, tensor: Any, reduction_type: Any, axes_lengths: Any
    ) -> Any:
        """Apply a pattern to a tensor, or to the nearest one that fits."""
        try:
            if self._is_of_rank:
                return self.own_apply(backend, recipe, tensor, reduction_type, axes_lengths)
            raise self._error("the pattern has another number of axes")
        except self._error:
            with torch._C.DisableTorchFunction():
                found = unfit(self._pattern, dict(axes_lengths), tensor)
            if found is None:
                raise
        fault, fixed = found
        call = self._recorder.odd(fault, self._op, _caller(sys._getframe(1)))
        result = self.own_apply(backend, recipe, fixed, reduction_type, axes_lengths)
        self._recorder.after(call, result)
        return result


def _caller(frame: FrameType | None) -> FrameType | None:
    """The frame that called einops."""
    while frame is not None and frame.f_globals.get("__name__", "").startswith("einops."):
        frame = frame.f_back
    return frame
