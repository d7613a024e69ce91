"""Builds what an edit asks for at one place: a block, or blocks in series and in parallel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    Series,
    Shape,
    Site,
)
from stitchcli.surgery import compose
from stitchcli.surgery.fit import Fitted, NeedsNumbers, fit
from stitchcli.surgery.made import Made, Measures, Odd, Piece, alike
from stitchcli.surgery.parts import (
    ItselfPart,
)
from stitchcli.tracing.devices import StayOn
from stitchcli.words.blocks import print_block
from stitchcli.words.formulas import evaluate

_META = torch.device("meta")


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
        return self._named(block, place, measures)

    def _shape_of_itself(self, place: Place) -> Shape:
        return self.itself(place.shapes) if self.itself else place.shape_out

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
        if way is None and place.shapes and alike(place).shapes != place.shapes:
            return self._unequal(block, module, piece, place)
        return Made(module, way.shape if way else (), (piece,), way.order if way else ())

    def _unequal(self, block: BlockSpec, module: nn.Module, piece: Piece, place: Place) -> Made:
        """A block that does not run on tensors of several shapes, but may on such of one."""
        trial = Builder(self.catalog, _META, self.dtype).make(block, alike(place))
        if not trial.shape:
            return Made(module, (), (piece,))
        odd = Odd("input", block, place.shapes[1], place.shapes[0])
        return Made(module, (), (piece,), (), Matched(block), trial.shape, odd)

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


def _shown(value: Any) -> Any:
    """An argument as a report shows it."""
    if isinstance(value, Block):
        return print_block(value)
    return value.__name__ if isinstance(value, type) else value
