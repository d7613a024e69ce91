"""Carry out edits on a module, in place and in a fixed order.

Every selector speaks of the network as it was before any edit. Then modules are replaced, changed
arguments set, functional calls edited, blocks put around and beside modules, and modules removed,
whatever the order of the flags; inserted blocks are not searched for further matches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from stitchcli.binding import Place
from stitchcli.catalog import Catalog
from stitchcli.errors import EditError
from stitchcli.records import (
    Applied,
    Block,
    BlockSpec,
    Built,
    Edit,
    Insert,
    Misfit,
    Remove,
    Replace,
    Set,
    Shape,
    Trace,
    Wrap,
)
from stitchcli.surgery.adapted import Adapted
from stitchcli.surgery.build import Builder
from stitchcli.surgery.copies import meta_copy
from stitchcli.surgery.fit import run_quietly, zeros
from stitchcli.surgery.functions import FunctionEdits
from stitchcli.surgery.insert import Side, insert
from stitchcli.surgery.layouts import axis_of
from stitchcli.surgery.made import Made, arguments_of, below, built_from, misfits_of, pieces_of
from stitchcli.surgery.parts import ByWidth, Called, Part, Removed, width_key
from stitchcli.surgery.place import after, before, gives, places_of, takes
from stitchcli.surgery.rebuild import carry_attributes, device_and_dtype, keep_weights, rebuild
from stitchcli.surgery.select import is_inside
from stitchcli.surgery.settle import Paths, settle
from stitchcli.surgery.tree import Tree
from stitchcli.tracing.layers import is_plain
from stitchcli.words.blocks import first_name

Done = tuple[list[Built], list[Misfit]]
_NEVER_CALLED = "select the modules inside it ({path}.*), or the one around it"


def apply(
    module: nn.Module,
    edits: Sequence[Edit],
    base: Trace,
    catalog: Catalog,
    arguments: Mapping[str, Mapping[str, Any]],
) -> tuple[Applied, ...]:
    """Edit ``module``, of which ``base`` is a trace, and say what was done. Raises EditError."""
    return Surgeon(module, base, catalog, arguments).run(edits)


class Surgeon:
    """One application of edits to one module."""

    def __init__(
        self,
        module: nn.Module,
        base: Trace,
        catalog: Catalog,
        arguments: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.module = module
        self.base = base
        self.catalog = catalog
        self.arguments = dict(arguments)
        self.tree = Tree(module)
        #: What comes in and goes out at each edited module, after the edits so far.
        self.places: dict[str, tuple[Place, ...]] = {}
        #: What does not fit, by the number of the edit.
        self.misfits: dict[int, list[Misfit]] = {}

    def run(self, edits: Sequence[Edit]) -> tuple[Applied, ...]:
        """Select for all edits, then carry them out kind by kind."""
        matched, notes = settle(edits, self.base)
        functions = FunctionEdits(self.module, self.base, self._builder)
        built: dict[int, list[Built]] = {index: [] for index in range(len(edits))}
        left: list[tuple[int, Edit, str]] = []
        for kind in (Replace, Wrap, Insert, Remove):
            for index, edit in enumerate(edits):
                for path in matched[index] if isinstance(edit, kind) else ():
                    if path in self.base.functional:
                        functions.add(index, edit, path)
                    else:
                        left.append((index, edit, path))
        self._carry_out_all([each for each in left if isinstance(each[1], Replace)], built)
        self._set_all([(e, m) for e, m in zip(edits, matched, strict=True) if isinstance(e, Set)])
        for index, each in functions.carry_out():
            built[index].append(each)
        self._carry_out_all([each for each in left if not isinstance(each[1], Replace)], built)
        return tuple(
            Applied(
                edit, paths, tuple(built[index]), (*said, *self._untied(edit, paths)),
                (*self._misfits(index), *functions.misfits.get(index, ())),
            )
            for index, (edit, paths, said) in enumerate(zip(edits, matched, notes, strict=True))
        )  # fmt: skip

    def _carry_out_all(
        self, steps: Sequence[tuple[int, Edit, str]], built: dict[int, list[Built]]
    ) -> None:
        for index, edit, path in steps:
            done, misfits = self._carry_out(edit, path)
            built[index] += done
            self.misfits.setdefault(index, []).extend(misfits)

    def _misfits(self, index: int) -> Iterator[Misfit]:
        """Of one edit: those that no later edit of the same place made good."""
        for misfit in self.misfits.get(index, ()):
            old, new = places_of(misfit.label, self.base), self.places[misfit.label]
            if misfit.kind != "block" or any(
                (a.shapes, a.shape_out) != (b.shapes, b.shape_out)
                for a, b in zip(old, new, strict=True)
            ):
                yield misfit

    def _untied(self, edit: Edit, paths: Paths) -> tuple[str, ...]:
        """A weight with several names, one of which is now another weight's."""
        if not isinstance(edit, Replace | Set):
            return ()
        tied = [w for w in self.base.weights if w.aliases and not w.is_buffer]
        apart = []
        for weight in tied:
            names = (weight.path, *weight.aliases)
            held = {id(self.tree.parameter(name)) for name in names}
            if len(held) > 1 and any(n.rpartition(".")[0] in paths for n in names):
                apart.append(f"{' and '.join(names)} are no longer one weight")
        return tuple(apart)

    def _carry_out(self, edit: Edit, path: str) -> Done:
        match edit:
            case Replace(block=block):
                return self._replace(path, block)
            case Wrap(block=block):
                return self._wrap(path, block)
            case Insert():
                return self._insert(path, edit)
            case Remove():
                self.tree.put(path, Removed())
        return [], []

    def _replace(self, path: str, block: Block) -> Done:
        self._refuse_unreachable(path)
        old = self.tree[path]
        places = self._places(path)
        new, made = self._make(block, path, places, old)
        if isinstance(new, Part | nn.Sequential) and not isinstance(new, Adapted):
            unlike = any(place.given != ("",) * len(place.shapes) for place in places)
            if unlike and not isinstance(block, BlockSpec):
                new = Called(new)
                made = [(key, replace(m, pieces=below(m, "part"))) for key, m in made]
        pieces = pieces_of(made)
        plain = pieces[0].arguments if len(pieces) == 1 and not pieces[0].path else {}
        carry_attributes(old, new, {k: v for k, v in plain.items() if is_plain(v)})
        if type(new) is type(old):
            keep_weights(old, new)
        self.tree.put(path, new)
        self.arguments[path] = plain
        self.places[path] = _given(places, made)
        return built_from(path, pieces), misfits_of(path, block, places, [m for _, m in made])

    def _set_all(self, found: Sequence[tuple[Set, Paths]]) -> None:
        """All new arguments of a module at once: groups and widths depend on each other."""
        changes: dict[str, dict[str, Any]] = {}
        for edit, paths in found:
            for path in paths:
                if path in self.base.functional:
                    raise EditError(
                        f"{path!r} is a function call, which has no arguments to set",
                        f"replace it, as with --replace {path}=BLOCK",
                    )
                changes.setdefault(path, {})[edit.attribute] = edit.value
        for path, values in changes.items():
            built_with = self.arguments.get(path, {})
            self.tree.put(path, rebuild(self.tree[path], values, built_with))
            if built_with:
                self.arguments[path] = {**built_with, **values}

    def _wrap(self, path: str, block: Block) -> Done:
        self._refuse_uncalled(path, "around")
        places = self._places(path)
        inner = [replace(place, shapes=place.shapes[:1], given=("",), main=0) for place in places]
        target = self.tree[path]
        new, made = self._make(block, path, inner, target, self._measured(target, places))
        child = insert(target, "around", new, first_name(block))
        self.places[path] = _given(places, made)
        built = built_from(f"{path}.{child}" if path else child, pieces_of(made))
        return built, misfits_of(path, block, inner, [m for _, m in made])

    def _insert(self, path: str, edit: Insert) -> Done:
        self._refuse_uncalled(path, edit.side)
        places = self._places(path)
        around = [after(p) if edit.side == "after" else before(p) for p in places]
        target = self.tree[path]
        new, made = self._make(edit.block, path, around, target)
        side: Side = edit.side
        child = insert(target, side, new, first_name(edit.block))
        moved = _given(around, made)
        self.places[path] = tuple(
            gives(place, new.shape_out) if side == "after" else takes(place, new.shape_out)
            for place, new in zip(places, moved, strict=True)
        )
        built = built_from(f"{path}.{child}" if path else child, pieces_of(made))
        return built, misfits_of(path, edit.block, around, [m for _, m in made])

    def _make(
        self,
        block: Block,
        path: str,
        places: Sequence[Place],
        old: nn.Module,
        itself: Callable[[Sequence[Shape]], Shape] | None = None,
    ) -> tuple[nn.Module, list[tuple[str, Made]]]:
        """The module for a block at all the places of a path: one, or one for each width. The
        second value holds what was made for each place, by the key of its width."""
        builder = self._builder(old, itself)
        made = [
            (width_key(place.shapes, axis_of(place.layout)), builder.make(block, place))
            for place in places
        ]
        by_width: dict[str, Made] = {}
        for key, each in made:
            first = by_width.setdefault(key, each)
            if arguments_of(first) != arguments_of(each):
                raise EditError(
                    f"{path!r} runs {len(places)} times at one width and several sizes: no one "
                    f"block {first_name(block)!r} fits all",
                    f"leave it out with --except {path}",
                )
        first = made[0][1]
        if all(arguments_of(first) == arguments_of(each) for _, each in made):
            return first.module, [("", each) for _, each in made]
        axis = axis_of(places[0].layout)
        return ByWidth({key: each.module for key, each in by_width.items()}, axis), made

    def _builder(
        self, old: nn.Module, itself: Callable[[Sequence[Shape]], Shape] | None = None
    ) -> Builder:
        device, dtype = device_and_dtype(old if _has_weights(old) else self.module)
        return Builder(self.catalog, device, dtype, itself)

    def _measured(
        self, module: nn.Module, places: Sequence[Place]
    ) -> Callable[[Sequence[Shape]], Shape]:
        """The shape that a module gives for tensors of some shapes, run where it was not seen."""

        def shape_for(shapes: Sequence[Shape]) -> Shape:
            for place in places:
                if tuple(shapes) == place.shapes[:1]:
                    return place.shape_out
            try:
                values = zeros(shapes, places[0].dtype, torch.device("meta"))
                result = run_quietly(meta_copy(module).train(False), values)
            except Exception:
                return ()  # the trace will tell
            return tuple(result.shape) if isinstance(result, torch.Tensor) else ()

        return shape_for

    def _places(self, path: str) -> tuple[Place, ...]:
        return self.places.get(path) or places_of(path, self.base)

    def _refuse_uncalled(self, path: str, side: str) -> None:
        if self.base.calls and path not in self.base.called:
            raise EditError(
                f"{path!r} is never called itself, so a block {side} it would never run",
                _NEVER_CALLED.format(path=path),
            )

    def _refuse_unreachable(self, path: str) -> None:
        """A module that never runs but lends its weight cannot be replaced by calling another."""
        if path in self.base.called:
            return
        inside = [w for w in self.base.weights if w.path.startswith(f"{path}.")]
        lent = {
            user for w in inside for user in w.users if user != path and not is_inside(user, path)
        }
        if lent:
            raise EditError(
                f"{path!r} is never called: {min(lent) or 'the root'!r} uses its weight directly",
                f"replace the module around it, or leave it out with --except {path}",
            )


def _given(places: Sequence[Place], made: Sequence[tuple[str, Made]]) -> tuple[Place, ...]:
    return tuple(gives(place, each.shape) for place, (_, each) in zip(places, made, strict=True))


def _has_weights(module: nn.Module) -> bool:
    return any(isinstance(p, torch.Tensor) for p in module.parameters())
