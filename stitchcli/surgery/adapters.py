"""What makes a block fit: projections and resizes, offered as a fix and never put in unasked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stitchcli.binding import Place
from stitchcli.records import Block, BlockSpec, Formula, Series, Shape
from stitchcli.surgery.layouts import axis_of
from stitchcli.words.blocks import holds_itself
from stitchcli.words.values import collapse


def adapted(block: Block, gives: Shape, wanted: Shape, place: Place) -> Block:
    """A block with what turns the shape that it gives into the wanted one behind it; the block
    itself where nothing simple does."""
    parts = block.parts if isinstance(block, Series) else (block,)
    adapters = _adapters(gives, wanted, place)
    return Series((*parts, *adapters)) if adapters else block


def leading(parts: Sequence[Block], shapes: Sequence[Shape], place: Place) -> Shape:
    """The shape that the branches of a parallel have to give: that of ``self``, where it is one."""
    for part, shape in zip(parts, shapes, strict=True):
        if holds_itself(part) and shape:
            return shape
    return place.shape_out


def joinable(wanted: Shape, shape: Shape, merge: str, axis: int) -> Shape:
    """What a branch that gives ``shape`` has to give so that it can be merged: the same but for
    the channels where they are concatenated; an axis of size 1 is broadcast as it is."""
    if not shape or len(shape) != len(wanted):
        return shape
    if merge == "concat":
        sizes = list(wanted)
        sizes[axis] = shape[axis]
        return tuple(sizes)
    fits = all(a in (b, 1) for a, b in zip(shape, wanted, strict=True))
    return shape if fits else wanted


def _adapters(gives: Shape, wanted: Shape, place: Place) -> list[BlockSpec]:
    if not gives or len(gives) != len(wanted) or 0 in (*gives, *wanted):
        return []
    axis = axis_of(place.layout_out)
    if axis == -1:
        same = gives[:-1] == wanted[:-1]
        return [BlockSpec("Linear", (("out_features", wanted[-1]),))] if same else []
    width = _width(wanted[1], place)
    sizes = list(zip(gives[2:], wanted[2:], strict=True))
    if all(a == b for a, b in sizes):
        return [BlockSpec("pointwise", width)]
    steps = {-(-a // b) for a, b in sizes}
    if len(steps) == 1 and all((a - 1) // max(steps) + 1 == b for a, b in sizes):
        return [BlockSpec("pointwise", (*width, ("stride", max(steps))))]
    size: Any = collapse(wanted[2:])
    if wanted[2:] == place.size and len(place.size) == 2:
        size = Formula("(h, w)")
    resize = BlockSpec("resize", (("size", size),))
    return [resize] if gives[1] == wanted[1] else [BlockSpec("pointwise", width), resize]


def _width(wanted: int, place: Place) -> tuple[tuple[str, Any], ...]:
    """The width of a projection, in words that hold at every place of an edit if they can."""
    if wanted == place.out_channels:
        return ()
    return (("out_channels", Formula("cin") if wanted == place.in_channels else wanted),)
