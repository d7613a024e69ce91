"""How the time of stitch grows: python -m bench.growth docs/growth.md docs/growth.svg."""

from __future__ import annotations

import math
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import metadata
from pathlib import Path
from statistics import median

from accuracy.machine import machine
from bench.clock import run, stitch

_INPUT = ("--input", "1x4x8x8", "--device", "meta", "--quiet")
_REPEATS = 3


@dataclass(frozen=True)
class Series:
    """What grows, by how much, and the words for one size."""

    name: str
    sizes: Sequence[int]
    words: Callable[[int], list[str]]


def _edits(count: int) -> list[str]:
    flags = [word for index in range(count) for word in ("--replace", f"{index}=pointwise")]
    return ["tests/bench/large.py:flat", "--arg", "n=1000", *flags]


def _network(kind: str) -> Callable[[int], list[str]]:
    return lambda size: [f"tests/bench/large.py:{kind}", "--arg", f"n={size}"]


SERIES = [
    Series("modules", (100, 1_000, 10_000, 100_000), _network("wide")),
    Series("edits of a network of 1,000 convolutions", (1, 10, 100, 1_000), _edits),
    Series("functional calls", (10, 100, 1_000, 2_000), _network("calls")),
    Series("levels of modules in modules", (10, 50, 100, 200, 500), _network("deep")),
]

_HEAD = """# Growth

Written by `make growth` on {date} ({machine}, Python {python}, torch {torch}): seconds of whole
`stitch inspect` processes on meta, medians of {repeats}. "Each" is the time that one more takes
at the large end, and the exponent that of the time over that of the smallest size, between the
two largest: 1 is linear.

![seconds over size, both logarithmic](growth.svg)
"""


def main(page: Path, drawing: Path) -> None:
    """Measure every series, and write the page and the drawing."""
    from bench.drawing import Curve, draw  # needs matplotlib, which the tests do without

    curves, parts = [], []
    for series in SERIES:
        points = [(size, _seconds(series.words(size))) for size in series.sizes]
        print(series.name, points, flush=True)
        curves.append(Curve(series.name, points))
        parts.append(_table(series.name, points))
    head = _HEAD.format(
        date=date.today().isoformat(), machine=machine(), python=platform.python_version(),
        torch=metadata.version("torch"), repeats=_REPEATS,
    )  # fmt: skip
    page.write_text("\n".join([head, *parts]), encoding="utf-8")
    drawing.write_text(draw(curves), encoding="utf-8")


def _seconds(words: Sequence[str]) -> float:
    command, found = stitch("inspect", *words, *_INPUT), list[float]()
    for _ in range(_REPEATS):
        seconds, worked = run(command)
        assert worked, command[:8]
        found.append(seconds)
        if seconds > 20:
            break
    return median(found)


def _table(name: str, points: Sequence[tuple[int, float]]) -> str:
    (n0, t0), (n1, t1), (n2, t2) = points[0], points[-2], points[-1]
    each = 1000 * (t2 - t1) / (n2 - n1)
    exponent = math.log((t2 - t0) / max(t1 - t0, 1e-3)) / math.log((n2 - n0) / (n1 - n0))
    cells = " | ".join(f"{size:,}" for size, _ in points)
    times = " | ".join(f"{seconds:.2f}" for _, seconds in points)
    rules = "--:|" * len(points)
    return (
        f"## {name.capitalize()}\n\n| size | {cells} |\n|---|{rules}\n| seconds | {times} |\n\n"
        f"Each {each:.2f} ms; exponent {exponent:.2f}.\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
