"""Blocks in series, in parallel, with a shortcut: what is made of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from torch import nn

from stitchcli.binding import Place
from stitchcli.errors import EditError
from stitchcli.records import Block, Matched, Parallel, Residual, Resized, Series, Shape
from stitchcli.surgery.adapters import adapted, joinable, leading
from stitchcli.surgery.layouts import axis_of
from stitchcli.surgery.made import Made, Measures, Odd, alike, below
from stitchcli.surgery.parts import (
    MatchedPart,
    ParallelPart,
    Part,
    ResidualPart,
    ResizedPart,
    SeriesPart,
)
from stitchcli.surgery.place import takes

if TYPE_CHECKING:
    from stitchcli.surgery.build import Builder


def series(builder: Builder, parts: Sequence[Block], place: Place, measures: Measures) -> Made:
    """One after the other, each for the shape that the one before gives."""
    here, made = place, list[Made]()
    for part in parts:
        made.append(builder.make(part, here, measures))
        here = _behind(here, made[-1].shape)
    modules = [each.module for each in made]
    plain = len(place.shapes) < 2 and not any(isinstance(m, Part) for m in modules)
    prefix = "" if plain else "parts."
    pieces = tuple(p for i, each in enumerate(made) for p in below(each, f"{prefix}{i}"))
    module = nn.Sequential(*modules) if plain else SeriesPart(modules)
    odd = next((each.odd for each in made if each.odd), None)
    mended = Series(_mended(parts, made)) if odd else None
    shape = made[-1].mended_shape or made[-1].shape
    return Made(module, made[-1].shape, pieces, mended, shape, odd)


def parallel(builder: Builder, block: Parallel, place: Place, measures: Measures) -> Made:
    """Side by side; branches that do not fit the leading one are noted, with what mends them."""
    made = [builder.make(part, place, measures) for part in block.parts]
    axis = axis_of(place.layout_out)
    module = ParallelPart([each.module for each in made], block.merge, axis)
    pieces = tuple(p for i, each in enumerate(made) for p in below(each, f"parts.{i}"))
    shape = _merged([each.shape for each in made], block.merge, axis)
    parts, odd = list(_mended(block.parts, made)), next((m.odd for m in made if m.odd), None)
    goals = list[Shape]()
    wanted = leading(block.parts, [each.shape for each in made], place)
    for index, each in enumerate(made):
        goal = joinable(wanted, each.shape, block.merge, axis)
        goals.append(goal)
        if each.shape != goal:
            parts[index] = adapted(parts[index], each.shape, goal, place)
            odd = odd or Odd("branch", block.parts[index], each.shape, goal)
    mended = replace(block, parts=tuple(parts)) if odd else None
    mended_shape = _merged(goals, block.merge, axis)
    return Made(module, shape, pieces, mended, mended_shape, odd)


def residual(builder: Builder, part: Block, place: Place, measures: Measures) -> Made:
    """With a shortcut around it. Raises EditError where several tensors come in."""
    if len(place.shapes) > 1:
        raise EditError(
            f"residual at {place.path}: {len(place.shapes)} tensors come in, so there is no "
            "one shortcut",
            "write parallel(self, ...) instead",
        )
    made = builder.make(part, place, measures)
    odd, mended = made.odd, made.mended or part
    came = place.shapes[0] if place.shapes else ()
    if made.shape and came and made.shape != came:
        odd = odd or Odd("branch", part, made.shape, came)
        mended = adapted(mended, made.shape, came, place)
    pieces = below(made, "part")
    whole = Residual(mended) if odd else None
    return Made(ResidualPart(made.module), made.shape, pieces, whole, came, odd)


def matched(builder: Builder, part: Block, place: Place, measures: Measures) -> Made:
    """With a projection of every further tensor to the width of the first."""
    made = builder.make(part, alike(place), measures)
    projections = [_projection(builder, shape, place) for shape in place.shapes[1:]]
    module = MatchedPart(made.module, projections)
    mended = Matched(made.mended) if made.mended else None
    return Made(module, made.shape, below(made, "part"), mended, made.mended_shape, made.odd)


def resized(builder: Builder, part: Block, place: Place, measures: Measures) -> Made:
    """With every tensor brought to the largest height and width among them."""
    sizes = tuple(max(each) for each in zip(*(shape[2:] for shape in place.shapes), strict=True))
    here = replace(place, shapes=tuple((*shape[:2], *sizes) for shape in place.shapes))
    made = builder.make(part, here, measures)
    mended = Resized(made.mended) if made.mended else None
    pieces = below(made, "part")
    return Made(ResizedPart(made.module), made.shape, pieces, mended, made.mended_shape, made.odd)


def _projection(builder: Builder, shape: Shape, place: Place) -> nn.Module:
    """From the width of one tensor to that of the first."""
    axis = axis_of(place.layout)
    came, wanted = shape[axis], place.shapes[0][axis]
    if came == wanted:
        return nn.Identity()
    with builder.device:
        if axis == -1:
            return nn.Linear(came, wanted).to(builder.dtype)
        kinds = {3: nn.Conv1d, 4: nn.Conv2d, 5: nn.Conv3d}
        return kinds[len(shape)](came, wanted, 1).to(builder.dtype)


def _mended(parts: Sequence[Block], made: Sequence[Made]) -> tuple[Block, ...]:
    return tuple(each.mended or part for part, each in zip(parts, made, strict=True))


def _behind(place: Place, shape: Shape) -> Place:
    """The place of the next block in a series; what slid over the map has done so."""
    if not shape:
        return replace(place, shapes=(), window={}, given=("",))
    here = replace(takes(place, shape), given=("",))
    here = replace(here, shapes=here.shapes[:1], layout=place.layout_out)
    if here.size != place.size_out:
        return here
    window = dict(place.window)
    kernel, dilation = window.get("kernel_size"), window.get("dilation")
    if "stride" in window and isinstance(kernel, tuple) and isinstance(dilation, tuple):
        window["stride"] = (1,) * len(kernel)
        window["padding"] = tuple(d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True))
    elif here.family == "pool":
        window = {}
    return replace(here, window=window)


def _merged(shapes: Sequence[Shape], merge: str, axis: int) -> Shape:
    if not all(shapes) or any(len(shape) != len(shapes[0]) for shape in shapes):
        return ()
    if merge != "concat":
        return tuple(max(sizes) for sizes in zip(*shapes, strict=True))
    total = list(shapes[0])
    total[axis] = sum(shape[axis] for shape in shapes)
    return tuple(total)
