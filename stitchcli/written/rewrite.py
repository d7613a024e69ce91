"""Edits as changes of the user's own source files.

Each edit gives texts that could stand in the place of what is written; which of them mends the
network is for a trial to say. Nothing outside the user's own files is ever touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from stitchcli.errors import EditError
from stitchcli.records import (
    BlockSpec,
    Call,
    Change,
    Edit,
    Fix,
    Insert,
    Matched,
    Remove,
    Resized,
    Set,
    Trace,
    Wrap,
)
from stitchcli.sources.recording import Seen
from stitchcli.surgery.select import select
from stitchcli.written.arguments import argument_of, places_of
from stitchcli.written.candidates import alternatives, names_for
from stitchcli.written.joins import even_operands, projected_operand
from stitchcli.written.places import (
    CONVOLUTIONS,
    added_argument,
    built_at,
    deleted_statement,
    name_of_nn,
)

_MOST = 10
Way = tuple[Change, ...]


@dataclass(frozen=True)
class Rewriter:
    """A network as it is written, and its trace before any edit."""

    trace: Trace
    routes: Mapping[str, Seen]

    def ways(self, fix: Fix) -> Iterator[Way]:
        """At most ten ways to write a fix, the likeliest first."""
        if fix.inputs or fix.instead or not fix.edits:
            return
        edited = frozenset(path for edit in fix.edits for path in self._paths(edit))
        found: list[Way] = [()]
        for edit in fix.edits:
            ways = list(self._ways(edit, edited))
            longer = (tuple(dict.fromkeys((*one, *way))) for one in found for way in ways)
            found = list(islice((way for way in longer if _is_consistent(way)), _MOST))
        yield from found

    def _paths(self, edit: Edit) -> tuple[str, ...]:
        try:
            return select(edit.where, self.trace)
        except EditError:
            return ()

    def _ways(self, edit: Edit, edited: frozenset[str]) -> Iterator[Way]:
        paths = self._paths(edit)
        for path in paths if len(paths) == 1 else ():
            match edit:
                case Set(attribute=name, value=value):
                    yield from self._set(path, name, value)
                case Insert() | Remove() if not self._built_alone(path, edited):
                    return  # the same line builds modules that are to stay as they are
                case Insert(side=side, block=BlockSpec() as block):
                    yield from self._insert(path, side, block)
                case Wrap(block=Resized()):
                    yield from even_operands(self._call(path))
                case Wrap(block=Matched()):
                    yield from projected_operand(self._call(path), self.routes)
                case Remove():
                    yield from self._remove(path)

    def _built_alone(self, path: str, edited: frozenset[str]) -> bool:
        """Whether the call that builds a module builds none but those that are edited."""
        site = self.trace.layers[path].built if path in self.trace.layers else None
        same = {p for p, layer in self.trace.layers.items() if layer.built == site}
        return site is not None and same <= edited

    def _call(self, label: str) -> Call:
        return self.trace.calls[self.trace.functional[label]]

    def _set(self, path: str, name: str, value: Any) -> Iterator[Way]:
        if path not in self.routes:
            return
        expressions = argument_of(self.routes[path], name)
        for place in places_of(expressions):
            for text in alternatives(place, value):
                yield (Change(place.site, place.text, text),)
        call = built_at(self.routes[path])
        given = any(each.site.user for each in expressions)  # and no default of torch's own
        if not given and call is not None and (added := added_argument(call, name, value)):
            yield (added,)

    def _insert(self, path: str, side: str, block: BlockSpec) -> Iterator[Way]:
        """The block in an nn.Sequential with what is built at the place."""
        call = built_at(self.routes[path]) if path in self.routes else None
        calls = self.trace.module_calls.get(path, ())
        nn = name_of_nn(call.file) if call else ""
        refs = (calls[0].inputs if side == "before" else calls[0].outputs) if calls else ()
        if call is None or not nn or not refs:
            return
        step = self.routes[path].route[self.routes[path].constructors]
        for values in (step.values, {}):
            text = _block_text(block, refs[0].shape, nn, values)
            if text:
                both = (text, call.text) if side == "before" else (call.text, text)
                yield (call.become(f"{nn}.Sequential({', '.join(both)})"),)

    def _remove(self, path: str) -> Iterator[Way]:
        call = built_at(self.routes[path]) if path in self.routes else None
        if call is None:
            return
        if path not in self.trace.called and (deleted := deleted_statement(call)):
            yield (deleted,)
        if nn := name_of_nn(call.file):
            yield (call.become(f"{nn}.Identity()"),)


def _is_consistent(way: Way) -> bool:
    """Whether no two changes are of one place."""
    return len({change.site for change in way}) == len(way)


def _block_text(
    block: BlockSpec, shape: tuple[int, ...], nn: str, values: Mapping[str, Any]
) -> str:
    """A simple block in torch's own layers, for a tensor of a shape; empty for any other."""
    numbers = dict(block.arguments)
    match block.name:
        case "pointwise" if len(shape) in CONVOLUTIONS:
            widths = names_for(values, shape[1]), names_for(values, numbers["out_channels"])
            return f"{nn}.{CONVOLUTIONS[len(shape)]}({', '.join(widths)}, 1)"
        case "Linear":
            widths = names_for(values, shape[-1]), names_for(values, numbers["out_features"])
            return f"{nn}.Linear({', '.join(widths)})"
        case "resize":
            return f"{nn}.Upsample(size={numbers['size']!r})"
        case "AdaptiveAvgPool2d":
            return f"{nn}.AdaptiveAvgPool2d({numbers['output_size']!r})"
    return ""
