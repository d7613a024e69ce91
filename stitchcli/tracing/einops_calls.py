"""Calls of ``rearrange``, ``reduce`` and ``repeat``: where a pattern does not fit, that is noted
and the forward goes on.

einops parses a pattern by the number of axes, then applies what it found to the tensor. Both steps
are looked up in its module at every call, however its functions were imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch

from stitchcli.tracing.contracts.patterns import least_rank, unfit
from stitchcli.tracing.recorder import Recorder

_PLAIN = ("rearrange", "repeat")


@contextmanager
def watch_einops(recorder: Recorder) -> Iterator[None]:
    """Go on after a pattern that does not fit; nothing where einops was not imported."""
    einops: Any = sys.modules.get("einops.einops")
    if not all(hasattr(einops, n) for n in ("_prepare_transformation_recipe", "_apply_recipe")):
        yield
        return
    prepare, apply = einops._prepare_transformation_recipe, einops._apply_recipe
    last = _Last()

    def prepare_and_note(pattern: str, operation: Any, axes_names: Any, ndim: int) -> Any:
        last.pattern, last.is_of_rank = pattern, True
        last.op = operation if operation in _PLAIN else "reduce"
        try:
            return prepare(pattern, operation, axes_names, ndim)
        except einops.EinopsError:
            rank = least_rank(pattern)
            if ndim == rank:
                raise
            last.is_of_rank = False
            return prepare(pattern, operation, axes_names, rank)

    def apply_and_go_on(
        backend: Any, recipe: Any, tensor: Any, reduction_type: Any, axes_lengths: Any
    ) -> Any:
        try:
            if last.is_of_rank:
                return apply(backend, recipe, tensor, reduction_type, axes_lengths)
            raise einops.EinopsError("the pattern has another number of axes")
        except einops.EinopsError:
            with torch._C.DisableTorchFunction():
                found = unfit(last.pattern, dict(axes_lengths), tensor)
            if found is None:
                raise
        fault, fixed = found
        call = recorder.odd(fault, last.op, _caller(sys._getframe(1)))
        result = apply(backend, recipe, fixed, reduction_type, axes_lengths)
        recorder.after(call, result)
        return result

    einops._prepare_transformation_recipe, einops._apply_recipe = prepare_and_note, apply_and_go_on
    try:
        yield
    finally:
        einops._prepare_transformation_recipe, einops._apply_recipe = prepare, apply


@dataclass
class _Last:
    """What the pattern that is being applied was: ``is_of_rank`` says that it has as many axes as
    the tensor."""

    pattern: str = ""
    op: str = ""
    is_of_rank: bool = True


def _caller(frame: FrameType | None) -> FrameType | None:
    """The frame that called einops."""
    while frame is not None and frame.f_globals.get("__name__", "").startswith("einops."):
        frame = frame.f_back
    return frame
