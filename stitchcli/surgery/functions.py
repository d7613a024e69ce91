"""Edit functional calls: each place in the source of a forward gets a child module of its owner."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from torch import nn

from stitchcli.binding import Place
from stitchcli.errors import EditError
from stitchcli.records import (
    Built,
    Call,
    Edit,
    Insert,
    Misfit,
    Remove,
    Replace,
    Trace,
    Wrap,
)
from stitchcli.surgery.build import Builder
from stitchcli.surgery.insert import free_name
from stitchcli.surgery.layouts import axis_of
from stitchcli.surgery.made import Made, Piece, below, built_from, misfits_of
from stitchcli.surgery.parts import AroundPart, FunctionSite, ItselfPart, Removed, SeriesPart
from stitchcli.surgery.place import after, before, gives, operand_order, place_of_call
from stitchcli.surgery.spots import Spot, refusal, splice, spot_of
from stitchcli.words.blocks import first_name


@dataclass
class Step:
    """One edit at one functional call: its number among the edits, and what it built."""

    index: int
    edit: Edit
    pieces: tuple[Piece, ...] = ()


@dataclass
class Edited:
    """All that is done at one functional call."""

    label: str
    call: Call
    place: Place
    steps: list[Step]
    module: nn.Module
    order: tuple[int, ...]


class FunctionEdits:
    """The edits of functional calls, gathered and then carried out for all of an owner's at
    once; ``builder`` gives a Builder for blocks beside a module."""

    def __init__(
        self, module: nn.Module, base: Trace, builder: Callable[[nn.Module], Builder]
    ) -> None:
        self.module = module
        self.base = base
        self.builder = builder
        self.misfits: dict[int, list[Misfit]] = {}
        self._steps: dict[str, list[Step]] = {}

    def add(self, index: int, edit: Edit, label: str) -> None:
        """Note that edit number ``index`` concerns a functional call."""
        self._steps.setdefault(label, []).append(Step(index, edit))

    def carry_out(self) -> Iterator[tuple[int, Built]]:
        """Put everything in, and say what each edit built. Raises EditError."""
        by_owner: dict[str, list[Edited]] = {}
        for label, steps in self._steps.items():
            call = self.base.calls[self.base.functional[label]]
            by_owner.setdefault(call.path, []).append(self._edited(label, call, steps))
        for path, found in by_owner.items():
            yield from self._into(path, found)

    def _edited(self, label: str, call: Call, steps: list[Step]) -> Edited:
        if len(call.outputs) != 1 or not operand_order(call, self.base):
            raise refusal(label, call, "it does not take activations and give one tensor")
        place = place_of_call(call, self.base, label)
        builder = self.builder(self.module.get_submodule(call.path))
        module: nn.Module = ItselfPart()
        here, order = place, tuple(range(len(place.shapes)))
        for step in steps:
            made = self._step(step.edit, builder, here, module, label)
            module, step.pieces = made.module, made.pieces
            order = made.order if isinstance(step.edit, Replace) and made.order else order
            here = gives(here, made.shape)
            if isinstance(step.edit, Replace | Wrap | Insert):
                misfits = misfits_of(label, step.edit.block, [place], [made])
                self.misfits.setdefault(step.index, []).extend(misfits)
        return Edited(label, call, place, steps, module, order)

    def _step(
        self, edit: Edit, builder: Builder, place: Place, inner: nn.Module, label: str
    ) -> Made:
        """The module at a call after one more edit, ``inner`` being that before."""
        match edit:
            case Replace(block=block):
                return builder.make(block, place)
            case Wrap(block=block):
                made = builder.make(block, place)
                if isinstance(inner, ItselfPart):
                    return made
                return replace(made, module=AroundPart(made.module, inner))
            case Insert(side="after", block=block):
                made = builder.make(block, after(place))
                return replace(
                    made, module=SeriesPart([inner, made.module]), pieces=below(made, "parts.1")
                )
            case Insert(block=block) if len(place.shapes) == 1:
                made = builder.make(block, before(place))
                module = SeriesPart([made.module, inner])
                return Made(module, place.shape_out, below(made, "parts.0"))
            case Remove():
                return Made(Removed(), place.shapes[0])
        raise EditError(
            f"{label!r} takes {len(place.shapes)} tensors, so nothing can be put before it",
            "put the block after what makes one of them",
        )

    def _into(self, path: str, found: Sequence[Edited]) -> Iterator[tuple[int, Built]]:
        """Give the owner at ``path`` its new children, one for each place in its source."""
        owner = self.module.get_submodule(path)
        by_spot: dict[Spot, list[Edited]] = {}
        for each in found:
            by_spot.setdefault(spot_of(each.call, owner, each.label), []).append(each)
        self._refuse_others(path, owner, by_spot)
        children: dict[Spot, tuple[str, str, nn.Module]] = {}
        names: set[str] = set()
        for spot, edited in by_spot.items():
            op = edited[0].call.op or ""
            name = free_name(owner, f"{op}_{_name_of(edited[0].steps)}", names)
            names.add(name)
            children[spot] = name, op, self._site(edited)
            for key, each in self._by_width(edited).items():
                place = ".".join(filter(None, (path, name, "blocks", key)))
                for step in each.steps:
                    yield from ((step.index, built) for built in built_from(place, step.pieces))
        splice(owner, children)

    def _site(self, edited: Sequence[Edited]) -> FunctionSite:
        """The child that stands at one place in the source, with a block for each width."""
        first = edited[0]
        blocks = self._by_width(edited)
        orders = {}
        for key, each in blocks.items():
            made = operand_order(each.call, self.base)
            orders[key] = [made[index] for index in each.order]
        modules = {key: each.module for key, each in blocks.items()}
        return FunctionSite(
            modules, sorted(operand_order(first.call, self.base)), orders,
            axis_of(first.place.layout),
        )  # fmt: skip

    def _by_width(self, edited: Sequence[Edited]) -> dict[str, Edited]:
        """The first call of each width."""
        return {self._key(each.call, each.label): each for each in reversed(edited)}

    def _key(self, call: Call, label: str) -> str:
        axis = axis_of(place_of_call(call, self.base, label).layout)
        shapes = [call.inputs[index].shape for index in sorted(operand_order(call, self.base))]
        return "_".join(str(shape[axis]) for shape in shapes)

    def _refuse_others(
        self, path: str, owner: nn.Module, by_spot: Mapping[Spot, Sequence[Edited]]
    ) -> None:
        """A call that is not to be edited, at the same place in the source and of the same width,
        would be edited too. Raises EditError."""
        ours = {each.call.index for edited in by_spot.values() for each in edited}
        ops = {edited[0].call.op for edited in by_spot.values()}
        for label, index in self.base.functional.items():
            call = self.base.calls[index]
            if call.path != path or call.op not in ops or index in ours:
                continue
            try:
                edited = by_spot.get(spot_of(call, owner, label), ())
            except EditError:
                continue
            taken = self._by_width(edited).get(self._key(call, label)) if edited else None
            if taken is not None:
                raise EditError(
                    f"{taken.label!r} and {label!r} are one place in the source, run at one "
                    "width: they cannot be told apart",
                    f"edit both, as with {call.op}",
                )


def _name_of(steps: Sequence[Step]) -> str:
    """What the child is called after: the first block."""
    blocks = (getattr(step.edit, "block", None) for step in steps)
    return next((first_name(block) for block in blocks if block is not None), "removed")
