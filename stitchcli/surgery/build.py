"""Builds what an edit asks for at one place: a block, or blocks in series and in parallel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from stitchcli.binding import Place, bind
from stitchcli.catalog import Catalog, is_map_block
from stitchcli.errors import EditError
from stitchcli.records import (
    Block,
    BlockSpec,
    ClassName,
    Formula,
    Itself,
    Misfit,
    Parallel,
    Residual,
    Series,
    Shape,
    Site,
)
from stitchcli.surgery.adapters import adapted, joinable, leading
from stitchcli.surgery.fit import Fitted, NeedsNumbers, fit
from stitchcli.surgery.layouts import axis_of
from stitchcli.surgery.parts import ItselfPart, ParallelPart, Part, ResidualPart, SeriesPart
from stitchcli.surgery.place import takes
from stitchcli.tracing.devices import StayOn
from stitchcli.words.blocks import print_block
from stitchcli.words.formulas import evaluate

_META = torch.device("meta")
Measures = Mapping[str, int | None]


@dataclass(frozen=True)
class Piece:
    """One named block that was built: its path below the whole, what it was given, what to say."""

    path: str
    name: str
    arguments: Mapping[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Made:
    """A module for a place, the shape that it gives there (empty where nobody could tell), and the
    named blocks in it. ``order`` is that in which it takes several tensors; ``mended`` is the
    block with its branches made to fit each other and ``mended_shape`` what that gives, ``odd`` a
    branch that does not fit, what it gives and what the others give."""

    module: nn.Module
    shape: Shape
    pieces: tuple[Piece, ...] = ()
    order: tuple[int, ...] = ()
    mended: Block | None = None
    mended_shape: Shape = ()
    odd: tuple[Block, Shape, Shape] | None = None


class Builder:
    """Builds blocks on one device; ``itself`` gives the shape of what stands at the place, for
    tensors of other shapes than were seen there."""

    def __init__(
        self,
        catalog: Catalog,
        device: torch.device,
        dtype: torch.dtype | None,
        itself: Callable[[Sequence[Shape]], Shape] | None = None,
    ) -> None:
        self.catalog = catalog
        self.device = device
        self.dtype = dtype
        self.itself = itself

    def make(self, block: Block, place: Place, measures: Measures | None = None) -> Made:
        """The module for a block; ``measures`` are what formulas in it speak of, those of the place
        unless they are given. Raises EditError."""
        measures = place.measures if measures is None else measures
        match block:
            case Itself():
                return Made(ItselfPart(), self._shape_of_itself(place))
            case Series(parts=parts):
                return self._series(parts, place, measures)
            case Parallel():
                return self._parallel(block, place, measures)
            case Residual(part=part):
                return self._residual(part, place, measures)
        return self._named(block, place, measures)

    # -------------------------------------------------- compositions

    def _series(self, parts: Sequence[Block], place: Place, measures: Measures) -> Made:
        here, made = place, list[Made]()
        for part in parts:
            made.append(self.make(part, here, measures))
            here = _behind(here, made[-1].shape)
        modules = [each.module for each in made]
        plain = len(place.shapes) < 2 and not any(isinstance(m, Part) for m in modules)
        prefix = "" if plain else "parts."
        pieces = tuple(p for i, each in enumerate(made) for p in _below(each, f"{prefix}{i}"))
        module = nn.Sequential(*modules) if plain else SeriesPart(modules)
        odd = next((each.odd for each in made if each.odd), None)
        mended = Series(_mended(parts, made)) if odd else None
        shape = made[-1].mended_shape or made[-1].shape
        return Made(module, made[-1].shape, pieces, made[0].order, mended, shape, odd)

    def _parallel(self, block: Parallel, place: Place, measures: Measures) -> Made:
        made = [self.make(part, place, measures) for part in block.parts]
        axis = axis_of(place.layout_out)
        module = ParallelPart([each.module for each in made], block.merge, axis)
        pieces = tuple(p for i, each in enumerate(made) for p in _below(each, f"parts.{i}"))
        shape = _merged([each.shape for each in made], block.merge, axis)
        parts, odd = list(_mended(block.parts, made)), next((m.odd for m in made if m.odd), None)
        goals = list[Shape]()
        wanted = leading(block.parts, [each.shape for each in made], place)
        for index, each in enumerate(made):
            goal = joinable(wanted, each.shape, block.merge, axis)
            goals.append(goal)
            if each.shape != goal:
                parts[index] = adapted(parts[index], each.shape, goal, place)
                odd = odd or (block.parts[index], each.shape, goal)
        mended = replace(block, parts=tuple(parts)) if odd else None
        mended_shape = _merged(goals, block.merge, axis)
        return Made(module, shape, pieces, (), mended, mended_shape, odd)

    def _residual(self, part: Block, place: Place, measures: Measures) -> Made:
        if len(place.shapes) > 1:
            raise EditError(
                f"residual at {place.path}: {len(place.shapes)} tensors come in, so there is no "
                "one shortcut",
                "write parallel(self, ...) instead",
            )
        made = self.make(part, place, measures)
        odd, mended = made.odd, made.mended or part
        came = place.shapes[0] if place.shapes else ()
        if made.shape and came and made.shape != came:
            odd = odd or (part, made.shape, came)
            mended = adapted(mended, made.shape, came, place)
        pieces = _below(made, "part")
        whole = Residual(mended) if odd else None
        return Made(ResidualPart(made.module), made.shape, pieces, (), whole, came, odd)

    def _shape_of_itself(self, place: Place) -> Shape:
        return self.itself(place.shapes) if self.itself else place.shape_out

    # -------------------------------------------------- named blocks

    def _named(self, block: BlockSpec, place: Place, measures: Measures) -> Made:
        source = self.catalog.find(block.name)
        given = {name: self._value(value, measures) for name, value in block.arguments}
        positional = [self._value(value, measures) for value in block.positional]
        arguments = bind(source, block.name, given, place, positional=positional)
        shown = {name: _shown(value) for name, value in arguments.items()}
        known = block.name, repr(shown), place.shapes, place.layout, place.given, place.dtype
        twin, sites = None, dict[Site, None]()
        if known in self.catalog.fits:
            way, sites = self.catalog.fits[known]
        elif place.shapes:
            way, twin = self._fit(block, source, arguments, place, sites)
            self.catalog.fits[known] = way, sites
        else:
            way = None
        module = twin if twin is not None and self.device == _META else None
        if module is None:
            module = self._construct(block, source, arguments, place, self.device, sites)
        module = module.to(self.dtype) if self.dtype else module
        notes = [*way.notes(place)] if way else []
        notes += [f"{s.file}:{s.line} asks for CUDA; kept on {self.device.type}" for s in sites]
        path = ""
        if way is not None:
            adapted = way.adapt(module, place)
            path, module = ("" if adapted is module else "block"), adapted
        piece = Piece(path, block.name, shown, tuple(dict.fromkeys(notes)))
        return Made(module, way.shape if way else (), (piece,), way.order if way else ())

    def _fit(
        self,
        block: BlockSpec,
        source: Any,
        arguments: Mapping[str, Any],
        place: Place,
        sites: dict[Site, None],
    ) -> tuple[Fitted | None, nn.Module | None]:
        """How a block can be run at its place, tried on a twin of it that has no numbers; on one
        that has, where the block needs them."""
        is_map = is_map_block(source)
        for device in (_META, torch.device("cpu")):
            try:
                twin = self._construct(block, source, arguments, place, device, sites)
                twin.train(False)
                return fit(twin, place, device, is_map, None), twin.train()
            except NeedsNumbers:
                continue
            except EditError as error:
                if device == _META and error.__cause__ is not None:
                    continue  # what cannot be built without numbers may be built with them
                raise
        return None, None

    def _construct(
        self,
        block: BlockSpec,
        source: Any,
        arguments: Mapping[str, Any],
        place: Place,
        device: torch.device,
        sites: dict[Site, None],
    ) -> nn.Module:
        made = {name: self._built(value, place, device) for name, value in arguments.items()}
        stay = StayOn(device.type)
        try:
            with device, stay:
                module = source(**made)
        except Exception as error:
            words = ", ".join(f"{name}={_shown(value)!r}" for name, value in arguments.items())
            raise EditError(
                f"block {block.name!r} cannot be built at {place.path!r} with {words}: {error}",
                f"give other arguments ({block.name}:name=value) or leave it out: "
                f"--except {place.path}",
            ) from error
        sites.update(stay.sites)
        if not isinstance(module, nn.Module):
            raise EditError(f"block {block.name!r} gave no nn.Module", "name a class or a factory")
        return module

    def _value(self, value: Any, measures: Measures) -> Any:
        """A value of an argument, but for the blocks in it, which are built for each device."""
        match value:
            case Formula():
                return evaluate(value, measures)
            case ClassName(name=name):
                return self.catalog.find(name)
        return value

    def _built(self, value: Any, place: Place, device: torch.device) -> Any:
        if isinstance(value, Block):
            return Builder(self.catalog, device, self.dtype).make(value, place).module
        return value


def misfits_of(
    label: str, block: Block, places: Sequence[Place], made: Sequence[Made]
) -> list[Misfit]:
    """What does not fit of a block that was made for several places of one path."""
    found: list[Misfit] = []
    for place, each in zip(places, made, strict=True):
        mended = each.mended or block
        if each.odd is not None:
            part, gives, wanted = each.odd
            if place.shape_out and each.mended_shape != place.shape_out:
                mended = adapted(mended, each.mended_shape, place.shape_out, place)
            found.append(Misfit(label, wanted, gives, mended, print_block(part)))
        elif each.shape and place.shape_out and each.shape != place.shape_out:
            mended = adapted(mended, each.shape, place.shape_out, place)
            found.append(Misfit(label, place.shape_out, each.shape, mended))
    return list(dict.fromkeys(found))


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


def _below(made: Made, path: str) -> tuple[Piece, ...]:
    return tuple(replace(p, path=f"{path}.{p.path}" if p.path else path) for p in made.pieces)


def _merged(shapes: Sequence[Shape], merge: str, axis: int) -> Shape:
    if not all(shapes) or any(len(shape) != len(shapes[0]) for shape in shapes):
        return ()
    if merge != "concat":
        return tuple(max(sizes) for sizes in zip(*shapes, strict=True))
    total = list(shapes[0])
    total[axis] = sum(shape[axis] for shape in shapes)
    return tuple(total)


def _shown(value: Any) -> Any:
    """An argument as a report shows it."""
    if isinstance(value, Block):
        return print_block(value)
    return value.__name__ if isinstance(value, type) else value
