"""Curves of seconds over size, for pages with a light or a dark background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

import matplotlib
from matplotlib.figure import Figure

_GREY = "#808080"
_COLOURS = ("#1f77b4", "#e07b00", "#2a9d4a", "#c0448f")


@dataclass(frozen=True)
class Curve:
    """Sizes and seconds under one name."""

    name: str
    points: Sequence[tuple[int, float]]


def draw(curves: Sequence[Curve]) -> str:
    """An SVG with both axes logarithmic."""
    with matplotlib.rc_context({"svg.hashsalt": "growth", "svg.fonttype": "none"}):
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        axes = figure.subplots()
        for curve, colour in zip(curves, _COLOURS, strict=True):
            sizes, seconds = zip(*curve.points, strict=True)
            axes.loglog(sizes, seconds, "o-", color=colour, label=curve.name, markersize=4)
        axes.set_xlabel("size", color=_GREY)
        axes.set_ylabel("seconds", color=_GREY)
        axes.grid(True, which="major", color=_GREY, alpha=0.3)
        axes.tick_params(which="both", colors=_GREY)
        for spine in axes.spines.values():
            spine.set_color(_GREY)
        axes.legend(frameon=False, labelcolor=_GREY)
        text = StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())
