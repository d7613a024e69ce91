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
    Matched,
    Parallel,
    Residual,
    Resized,
    Series,
    Shape,
    Site,
)
from stitchcli.surgery import compose
from stitchcli.surgery.fit import Fitted, NeedsNumbers, fit
from stitchcli.surgery.made import Made, Measures, Odd, Piece, alike, shown
from stitchcli.surgery.parts import (
    ItselfPart,
)
from stitchcli.tracing.devices import StayOn
from stitchcli.tracing.mending import build_or_mend
from stitchcli.tracing.preserve import random_states
from stitchcli.words.formulas import evaluate

_META = torch.device("meta")


@dataclass(frozen=True)
class Job:
    """One named block that is to be built at a place, with the arguments for its constructor."""

    block: BlockSpec
    source: Any
    arguments: Mapping[str, Any]
    place: Place
    measures: Measures

    @property
    def key(self) -> Any:
        """What decides how the block can be run."""
        words = [
            (name, id(value) if isinstance(value, type) else repr(value))
            for name, value in self.arguments.items()
        ]
        return id(self.source), repr(words), repr(replace(self.place, path="")), repr(self.measures)


@dataclass(frozen=True)
class Known:
    """How a block can be run (None where no way works), where it asks for CUDA, and whether it can
    be built on meta."""

    way: Fitted | None
    sites: dict[Site, None]
    on_meta: bool


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
                return compose.series(self, parts, place, measures)
            case Parallel():
                return compose.parallel(self, block, place, measures)
            case Residual(part=part):
                return compose.residual(self, part, place, measures)
            case Matched(part=part):
                return compose.matched(self, part, place, measures)
            case Resized(part=part):
                return compose.resized(self, part, place, measures)
        return self._named(block, place, measures)

    def _shape_of_itself(self, place: Place) -> Shape:
        return self.itself(place.shapes) if self.itself else place.shape_out

    def _named(self, block: BlockSpec, place: Place, measures: Measures) -> Made:
        source = self.catalog.find(block.name)
        given = {name: self._value(value, measures) for name, value in block.arguments}
        positional = [self._value(value, measures) for value in block.positional]
        arguments = bind(source, block.name, given, place, positional=positional)
        job = Job(block, source, arguments, place, measures)
        known = self.catalog.fits.get(job.key)
        if known is None:
            known = self.catalog.fits[job.key] = self._fit(job)
        module = self._construct(job, self.device, known)
        notes = [*known.way.notes(place)] if known.way else []
        for site in known.sites:
            notes.append(f"{site.file}:{site.line} asks for CUDA; kept on {self.device.type}")
        path = ""
        if known.way is not None:
            adapted = known.way.adapt(module, place)
            path, module = ("" if adapted is module else "block"), adapted
        piece = Piece(path, block.name, arguments, tuple(dict.fromkeys(notes)))
        if known.way is None and place.shapes and alike(place).shapes != place.shapes:
            return self._unequal(job, module, piece)
        return Made(module, known.way.shape if known.way else (), (piece,))

    def _unequal(self, job: Job, module: nn.Module, piece: Piece) -> Made:
        """A block that does not run on tensors of several shapes, but may on such of one."""
        shapes = job.place.shapes
        trial = Builder(self.catalog, _META, self.dtype)
        made = trial.make(job.block, alike(job.place), job.measures)
        if not made.shape:
            return Made(module, (), (piece,))
        odd = Odd("input", job.block, shapes[1], shapes[0])
        return Made(module, (), (piece,), Matched(job.block), made.shape, odd)

    def _fit(self, job: Job) -> Known:
        """How a block can be run at its place, tried on a twin of it that has no numbers; on one
        that has, where the block needs them."""
        sites: dict[Site, None] = {}
        on_meta = True
        for device in (_META, torch.device("cpu")):
            try:
                with random_states():
                    twin = self._construct(job, device, Known(None, sites, on_meta))
                    if not job.place.shapes:
                        return Known(None, sites, on_meta)
                    way = fit(twin.train(False), job.place, is_map_block(job.source), device, sites)
                return Known(way, sites, on_meta)
            except NeedsNumbers:
                continue
            except EditError as error:
                if device != _META or error.__cause__ is None:
                    raise
                on_meta = False  # what cannot be built without numbers may be built with them
        return Known(None, sites, on_meta)

    def _construct(self, job: Job, device: torch.device, known: Known) -> nn.Module:
        built_on = device if known.on_meta else torch.device("cpu")
        stay = StayOn(built_on.type)
        made = {name: self._built(value, job, built_on) for name, value in job.arguments.items()}
        try:
            with built_on, stay:
                module = build_or_mend(lambda: job.source(**made))
        except Exception as error:
            name, path = job.block.name, job.place.path
            words = ", ".join(f"{word}={shown(value)!r}" for word, value in job.arguments.items())
            raise EditError(
                f"block {name!r} cannot be built at {path!r} with {words}: {error}",
                f"give other arguments ({name}:name=value) or leave it out: --except {path}",
            ) from error
        known.sites.update(stay.sites)
        if not isinstance(module, nn.Module):
            raise EditError(
                f"block {job.block.name!r} gave no nn.Module", "name a class or a factory"
            )
        return module.to(device, self.dtype)

    def _value(self, value: Any, measures: Measures) -> Any:
        """A value of an argument, but for the blocks in it, which are built for each device."""
        match value:
            case Formula():
                return evaluate(value, measures)
            case ClassName(name=name):
                return self.catalog.find(name)
        return value

    def _built(self, value: Any, job: Job, device: torch.device) -> Any:
        if isinstance(value, Block):
            nested = Builder(self.catalog, device, self.dtype)
            return nested.make(value, job.place, job.measures).module
        return value
