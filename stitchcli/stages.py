"""Two traces → the rows of the report, disjoint, so that every column adds up to its total."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stitchcli.records import Amount, Call, CallKey, Shape, Stage, Timing, Trace, Weight
from stitchcli.usage import unused_modules

_ENOUGH_ROWS = 5
_DEEPEST = 64

#: Functional calls that stand as rows of their own even where they multiply nothing.
_SHOWN = frozenset(
    """
    cat stack add sub mul div matmul bmm einsum interpolate pad softmax max_pool1d max_pool2d
    max_pool3d avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d
    adaptive_avg_pool3d adaptive_max_pool2d pixel_shuffle pixel_unshuffle grid_sample
    scaled_dot_product_attention
    """.split()
)
RowTimes = Mapping[CallKey, Timing]


@dataclass(frozen=True)
class _Row:
    """One row of one trace."""

    path: str
    kind: str
    op: str | None
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    macs: int = 0
    moved: int = 0
    peak: int = 0
    note: str = ""
    params: int = 0
    trainable: int = 0
    buffers: int = 0
    weight_bytes: int = 0


_AMOUNTS = ("params", "macs", "trainable", "buffers", "weight_bytes", "moved", "peak")
_NOTHING = _Row("", "", None, (), ())


def stages(
    base: Trace,
    result: Trace,
    depth: int,
    *,
    buffers: bool = False,
    times: tuple[RowTimes, RowTimes] = ({}, {}),
) -> tuple[Stage, ...]:
    """The rows at a depth of calls within calls. ``buffers`` asks for rows of buffers that no other
    row holds; ``times`` are those of rows before and after the edits."""
    before = _rows(base, depth, buffers)
    after = before if result is base else _rows(result, depth, buffers)
    found = []
    for key, row in after.items():
        found.append(_stage(key, row, before.get(key, _NOTHING), row, times))
    for key, row in before.items():
        if key not in after:
            found.append(_stage(key, replace(row, note="gone"), row, _NOTHING, times))
    return tuple(found)


def _stage(
    key: CallKey, shown: _Row, base: _Row, result: _Row, times: tuple[RowTimes, RowTimes]
) -> Stage:
    amounts: dict[str, Any] = {
        name: Amount(getattr(base, name), getattr(result, name)) for name in _AMOUNTS
    }
    return Stage(
        shown.path, shown.kind, shown.op, shown.inputs, shown.outputs, note=shown.note,
        times=(times[0].get(key), times[1].get(key)), **amounts,
    )  # fmt: skip


def enough(trace: Trace) -> int:
    """The smallest depth that shows more than a handful of rows."""
    rows = 0
    for depth in range(1, _DEEPEST):
        found = len(_rows(trace, depth))
        if found >= _ENOUGH_ROWS:
            return depth
        if found == rows:
            return max(depth - 1, 1)
        rows = found
    return _DEEPEST


def _rows(trace: Trace, depth: int, buffers: bool = False) -> dict[CallKey, _Row]:
    """Rows by path, op and how often these came before."""
    macs, moved, peaks = _with_inner(trace)
    rows: dict[CallKey, _Row] = {}
    for key, call in keyed_calls(trace, depth).items():
        note = "again" if call.is_module and key[2] else ""
        inputs, outputs = (tuple(r.shape for r in refs) for refs in (call.inputs, call.outputs))
        at = call.index
        rows[key] = _Row(
            call.path, call.kind, call.op, inputs, outputs, macs[at], moved[at], peaks[at], note
        )
    return _with_weights(trace, rows, buffers)


def keyed_calls(trace: Trace, depth: int) -> dict[CallKey, Call]:
    """The calls that stand as rows, by path, op and how often these came before, as rows or not."""
    seen: Counter[tuple[str, str]] = Counter()
    found: dict[CallKey, Call] = {}
    for call, is_row in _calls_at(trace, depth):
        key = (call.path, "" if call.is_module else call.op or "")
        if is_row:
            found[(*key, seen[key])] = call
        seen[key] += 1
    return found


def _with_inner(trace: Trace) -> tuple[list[int], list[int], list[int]]:
    """MACs, bytes moved and bytes alive of every call and all calls in it."""
    macs = [call.macs for call in trace.calls]
    moved = [call.moved for call in trace.calls]
    peaks = [call.peak for call in trace.calls]
    for call in reversed(trace.calls):
        if (parent := call.parent) is not None:
            macs[parent] += macs[call.index]
            moved[parent] += moved[call.index]
            peaks[parent] = max(peaks[parent], peaks[call.index])
    return macs, moved, peaks


def _calls_at(trace: Trace, depth: int) -> Iterator[tuple[Call, bool]]:
    """The calls at the depth, and what ends above it; and whether each stands as a row."""
    levels: dict[int, int] = {}
    inner = {call.parent for call in trace.calls if _is_row(call)}
    open_rows: set[int] = set()
    for call in trace.calls:
        levels[call.index] = 0 if call.parent is None else levels[call.parent] + 1
        if call.parent in open_rows:
            open_rows.add(call.index)
            continue
        if not _is_row(call):
            yield call, False
            continue
        ends_here = levels[call.index] >= depth or call.index not in inner or not call.is_module
        if ends_here:
            open_rows.add(call.index)
            yield call, True


def _is_row(call: Call) -> bool:
    return call.is_module or call.macs > 0 or call.moved > 0 or call.op in _SHOWN


def _with_weights(trace: Trace, rows: dict[CallKey, _Row], buffers: bool) -> dict[CallKey, _Row]:
    """Give each weight to exactly one row, adding rows for those of none; for buffers of none
    only where they are asked for."""
    held: dict[str, list[Weight]] = {}
    extra: dict[str, list[Weight]] = {}
    first = {key[0]: key for key in reversed(rows) if not key[1]}
    nearest = _nearest(first)
    for weight in trace.weights:
        owner = weight.path.rpartition(".")[0]
        place = nearest(owner)
        if place is not None:
            held.setdefault(place, []).append(weight)
        elif buffers or not weight.is_buffer:
            extra.setdefault(owner, []).append(weight)
    filled = {
        key: _holding(row, held.get(row.path, ())) if key == first.get(row.path) else row
        for key, row in rows.items()
    }
    return filled | _leftovers(trace, extra)


def _holding(row: _Row, weights: Sequence[Weight]) -> _Row:
    params = [weight for weight in weights if not weight.is_buffer]
    return replace(
        row,
        params=sum(weight.count for weight in params),
        trainable=sum(weight.count for weight in params if weight.trainable),
        buffers=sum(weight.count for weight in weights if weight.is_buffer),
        weight_bytes=sum(weight.bytes for weight in weights),
    )


def _leftovers(trace: Trace, extra: Mapping[str, Sequence[Weight]]) -> dict[CallKey, _Row]:
    """Weights of modules that never ran, and own weights of modules that are shown in parts."""
    dead = unused_modules(trace) if trace.complete else {}
    nearest = _nearest(dead)
    grouped: dict[tuple[str, str], list[Weight]] = {}
    for owner, weights in extra.items():
        inside = nearest(owner)
        if inside is not None:
            place, note = inside, "never ran"
        elif owner not in trace.called:
            is_used = any(weight.users for weight in weights)
            place, note = owner, "used through its weights" if is_used else "never ran"
        else:
            only_buffers = all(weight.is_buffer for weight in weights)
            place, note = owner, "own buffers" if only_buffers else "own parameters"
        grouped.setdefault((place, note), []).extend(weights)
    return {
        (path, f" {note}", 0): _holding(
            _Row(path, trace.layers[path].kind, None, (), (), note=note), weights
        )
        for (path, note), weights in grouped.items()
    }


def _nearest(places: Container[str]) -> Callable[[str], str | None]:
    """For a path: itself, or the innermost path around it, that is one of ``places``."""
    known: dict[str, str | None] = {}

    def find(path: str) -> str | None:
        climbed = []
        while path not in known and path not in places and path:
            climbed.append(path)
            path = path.rpartition(".")[0]
        found = known.get(path, path if path in places else None)
        known.update(dict.fromkeys(climbed, found))
        return found

    return find
