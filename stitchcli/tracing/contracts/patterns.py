"""Patterns of einops, such as ``b c (h p) (w p)``: which axis does not fit, and the nearest shape
that does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt, prod
from typing import Any

from torch import Tensor

from stitchcli.tracing.contracts.contract import Fault

Group = tuple[str, ...]
_ANY: Group = ("...",)


@dataclass(frozen=True)
class _Odd:
    """An axis that does not fit: ``fits`` is the nearest size that does."""

    dim: int
    size: int
    fits: int
    text: str


def unfit(pattern: str, lengths: Mapping[str, Any], x: Tensor) -> tuple[Fault, Tensor] | None:
    """What of a tensor does not fit the left side of a pattern, and a tensor that fits; None where
    all does, or where the pattern itself is what is wrong."""
    groups, shape = _left_side(pattern), list(x.shape)
    if not all(isinstance(length, int) and length > 0 for length in lengths.values()):
        return None
    least = least_rank(pattern)
    if len(shape) < least or (_ANY not in groups and len(shape) > least):
        more = "at least " if _ANY in groups else ""
        text = f"{_said(shape)} has {_axes(len(shape))}, and the pattern {more}{least}"
        fault = Fault("pattern", (x,), 0, None, least, len(shape), text)
        shape = _of_rank(shape, least)
    else:
        fault = None
    odd = _odd_axes(_spread(groups, len(shape)), lengths, shape)
    if odd is None or not (odd or fault):
        return None
    for each in odd:
        shape[each.dim] = each.fits
    if fault is None:
        first, *rest = odd
        text = f"axis {first.dim} of {_said(x.shape)} is {first.size}, {first.text}"
        text += "".join(f"; axis {o.dim} is {o.size}, {o.text}" for o in rest)
        fault = Fault("pattern", (x,), 0, first.dim, first.fits, first.size, text)
    return fault, x.new_zeros(shape)


def least_rank(pattern: str) -> int:
    """How many axes a tensor has at least that a pattern is for."""
    groups = _left_side(pattern)
    return len(groups) - (_ANY in groups)


def _left_side(pattern: str) -> list[Group]:
    """The axes of the tensor that is given, each as the names in it."""
    found: list[Group] = []
    group: list[str] | None = None
    for word in re.findall(r"\(|\)|\.\.\.|\w+", pattern.partition("->")[0]):
        if word == "(":
            group = []
        elif word == ")":
            found.append(tuple(group or ()))
            group = None
        elif group is not None:
            group.append(word)
        else:
            found.append((word,))
    return found


def _spread(groups: Sequence[Group], rank: int) -> list[Group | None]:
    """A group for every axis; None for those that the ellipsis stands for."""
    spread: list[Group | None] = []
    for group in groups:
        spread += [None] * (rank - len(groups) + 1) if group == _ANY else [group]
    return spread


def _odd_axes(
    groups: Sequence[Group | None], lengths: Mapping[str, int], shape: Sequence[int]
) -> list[_Odd] | None:
    """The axes that do not fit; None where the pattern leaves open what it means."""
    found = []
    for dim, (group, size) in enumerate(zip(groups, shape, strict=True)):
        if group is None:
            continue
        known = {n: int(n) if n.isdecimal() else lengths[n]
                 for n in group if n.isdecimal() or n in lengths}  # fmt: skip
        whole, free = prod(known.values()), len(group) - len(known)
        words = "·".join(n if n.isdecimal() else f"{n}={v}" for n, v in known.items())
        inside = f" in ({' '.join(group)})" if len(group) > 1 else ""
        if free > 1:
            return None
        if free and size % whole:
            fits = max(round(size / whole), 1) * whole
            found.append(_Odd(dim, size, fits, f"not a multiple of {words}{inside}"))
        elif not free and size != whole:
            found.append(_Odd(dim, size, whole, f"and not {words or 1}{inside}"))
    return found


def _of_rank(shape: Sequence[int], rank: int) -> list[int]:
    """A shape with another number of axes: tokens as a map, a map as tokens, else the last axes as
    one, or further axes of one."""
    match tuple(shape), rank:
        case (b, length, c), 4 if isqrt(length) ** 2 == length:
            return [b, c, isqrt(length), isqrt(length)]
        case (b, c, h, w), 3:
            return [b, h * w, c]
    if len(shape) > rank:
        return [*shape[: rank - 1], prod(shape[rank - 1 :])] if rank else []
    return [*shape, *[1] * (rank - len(shape))]


def _said(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "()"


def _axes(count: int) -> str:
    return f"{count} axis" if count == 1 else f"{count} axes"
