"""Sizes near a size: multiples of powers of two, and what networks of one size are made for."""

from __future__ import annotations

from collections.abc import Iterator

STEPS = (2, 4, 8, 16, 32, 64, 128)
_USUAL = (224, 256, 384, 512, 32)


def rounded(given: tuple[int, ...], step: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The nearest multiples of ``step`` below and above, for each axis."""
    lower = tuple(size // step * step for size in given)
    return lower, tuple(-(-size // step) * step for size in given)


def sizes_near(given: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Other sizes that are worth a trial, the nearest first."""
    seen = {given}
    for step in STEPS:
        for size in reversed(rounded(given, step)):
            if size not in seen and min(size) > 0:
                seen.add(size)
                yield size
    if len(given) == 2:
        yield from ((side, side) for side in _USUAL if (side, side) not in seen)
