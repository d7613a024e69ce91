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
from stitchcli.surgery.made import Made, Piece, below, built_from, misfits_of, prefixed
from stitchcli.surgery.parts import (
    AroundPart,
    FunctionSite,
    ItselfPart,
    Removed,
    SeriesPart,
    width_key,
)
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
    key: str
    steps: list[Step]
    module: nn.Module

    @property
    def what(self) -> list[object]:
        """What is done, but for where."""
        return [
            (type(step.edit), getattr(step.edit, "block", None), [p.arguments for p in step.pieces])
            for step in self.steps
        ]


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
        order = operand_order(call, self.base)
        low = order and len(call.inputs[order[0]].shape) < 2
        if len(call.outputs) != 1 or not order or low:
            raise refusal(label, call, "it does not take activations and give one tensor")
        place = here = place_of_call(call, self.base, label)
        builder = self.builder(self.module.get_submodule(call.path))
        module: nn.Module = ItselfPart()
        for index, step in enumerate(steps):
            made, prefix = self._step(step.edit, builder, here, module, label)
            for earlier in steps[:index]:  # they stand further inside now
                earlier.pieces = prefixed(earlier.pieces, prefix)
            module, step.pieces = made.module, made.pieces
            here = gives(here, made.shape)
            if isinstance(step.edit, Replace | Wrap | Insert):
                misfits = misfits_of(label, step.edit.block, [place], [made])
                self.misfits.setdefault(step.index, []).extend(misfits)
        if here.shape_out == place.shape_out:
            for step in steps:  # what a later edit of the same place made good
                kept = [m for m in self.misfits.get(step.index, ()) if m.kind != "block"
                        or m.label != label]  # fmt: skip
                self.misfits[step.index] = kept
        return Edited(label, call, place, self._key(call, place), steps, module)

    def _step(
        self, edit: Edit, builder: Builder, place: Place, inner: nn.Module, label: str
    ) -> tuple[Made, str]:
        """The module at a call after one more edit, ``inner`` being that before, and where in it
        that stands now."""
        module: nn.Module
        match edit:
            case Replace(block=block):
                return builder.make(block, place), ""
            case Wrap(block=block):
                made = builder.make(block, place)
                if isinstance(inner, ItselfPart):
                    return made, ""
                module = AroundPart(made.module, inner)
                return replace(made, module=module, pieces=below(made, "outer")), "inner"
            case Insert(side="after", block=block):
                made = builder.make(block, after(place))
                module = SeriesPart([inner, made.module])
                return replace(made, module=module, pieces=below(made, "parts.1")), "parts.0"
            case Insert(block=block) if len(place.shapes) == 1:
                made = builder.make(block, before(place))
                module = SeriesPart([made.module, inner])
                return Made(module, place.shape_out, below(made, "parts.0")), "parts.1"
            case Remove():
                return Made(Removed(), place.shapes[0]), ""
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
        by_width = {spot: _by_width(edited) for spot, edited in by_spot.items()}
        self._refuse_others(path, owner, by_width)
        children: dict[Spot, tuple[str, str, nn.Module]] = {}
        names: set[str] = set()
        for spot, edited in by_width.items():
            first = next(iter(edited.values()))
            op = first.call.op or ""
            name = free_name(owner, f"{op}_{_name_of(first.steps)}", names)
            names.add(name)
            children[spot] = name, op, self._site(edited)
            for key, each in edited.items():
                place = ".".join(filter(None, (path, name, "blocks", key)))
                for step in each.steps:
                    yield from ((step.index, built) for built in built_from(place, step.pieces))
        splice(owner, children)

    def _site(self, edited: Mapping[str, Edited]) -> FunctionSite:
        """The child that stands at one place in the source, with a block for each width."""
        first = next(iter(edited.values()))
        orders = {key: operand_order(each.call, self.base) for key, each in edited.items()}
        modules = {key: each.module for key, each in edited.items()}
        activations = sorted(orders[first.key])
        return FunctionSite(modules, activations, orders, axis_of(first.place.layout))

    def _key(self, call: Call, place: Place) -> str:
        """The widths of a call's activations, in the order of its arguments."""
        shapes = [call.inputs[index].shape for index in sorted(operand_order(call, self.base))]
        return width_key(shapes, axis_of(place.layout))

    def _refuse_others(
        self, path: str, owner: nn.Module, by_width: Mapping[Spot, Mapping[str, Edited]]
    ) -> None:
        """A call that is not to be edited, at the same place in the source and of the same width,
        would be edited too. Raises EditError."""
        ops = {next(iter(edited.values())).call.op for edited in by_width.values()}
        for label, index in self.base.functional.items():
            call = self.base.calls[index]
            shape = call.inputs[0].shape if call.inputs else ()
            if call.path != path or call.op not in ops or label in self._steps or len(shape) < 2:
                continue
            try:
                edited = by_width.get(spot_of(call, owner, label))
            except EditError:
                continue
            key = self._key(call, place_of_call(call, self.base, label)) if edited else ""
            if edited and key in edited:
                raise _one_place(edited[key], label)


def _by_width(edited: Sequence[Edited]) -> dict[str, Edited]:
    """The first call of each width. Raises EditError where two of one width would get other
    blocks."""
    found: dict[str, Edited] = {}
    for each in edited:
        first = found.setdefault(each.key, each)
        if first.what != each.what:
            raise _one_place(first, each.label)
    return found


def _one_place(one: Edited, other: str) -> EditError:
    return EditError(
        f"{one.label!r} and {other!r} are one place in the source, run at one width: they cannot "
        "be told apart",
        f"edit both alike, as with {one.call.op}",
    )


def _name_of(steps: Sequence[Step]) -> str:
    """What the child is called after: the first block."""
    blocks = (getattr(step.edit, "block", None) for step in steps)
    return next((first_name(block) for block in blocks if block is not None), "removed")
