"""Two traces → the rows of the report, disjoint, so that every column adds up to its total."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace

from stitchcli.records import Amount, Call, Shape, Stage, Trace
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
Key = tuple[str, str, int]


@dataclass(frozen=True)
class _Row:
    """One row of one trace."""

    path: str
    kind: str
    op: str | None
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    params: int
    macs: int
    note: str = ""


_NOTHING = _Row("", "", None, (), (), 0, 0)


def stages(base: Trace, result: Trace, depth: int | None) -> tuple[tuple[Stage, ...], int]:
    """The rows at a depth of calls within calls, and that depth; without one, the smallest that
    shows more than a handful."""
    if depth is None:
        depth = _enough(result)
    before = _rows(base, depth)
    after = before if result is base else _rows(result, depth)
    found = []
    for key, row in after.items():
        found.append(_stage(row, before.get(key, _NOTHING), row))
    for key, row in before.items():
        if key not in after:
            found.append(_stage(replace(row, note="gone"), row, _NOTHING))
    return tuple(found), depth


def _stage(shown: _Row, base: _Row, result: _Row) -> Stage:
    return Stage(
        shown.path, shown.kind, shown.op, shown.inputs, shown.outputs,
        Amount(base.params, result.params), Amount(base.macs, result.macs), shown.note,
    )  # fmt: skip


def _enough(trace: Trace) -> int:
    rows = 0
    for depth in range(1, _DEEPEST):
        found = len(_rows(trace, depth))
        if found >= _ENOUGH_ROWS:
            return depth
        if found == rows:
            return max(depth - 1, 1)
        rows = found
    return _DEEPEST


def _rows(trace: Trace, depth: int) -> dict[Key, _Row]:
    """Rows by path, op and how often these came before."""
    costs = _subtree_macs(trace)
    seen: Counter[tuple[str, str]] = Counter()
    rows: dict[Key, _Row] = {}
    for call in _calls_at(trace, depth):
        key = (call.path, "" if call.is_module else call.op or "")
        note = "again" if call.is_module and seen[key] else ""
        macs = costs[call.index] if call.is_module else call.macs
        inputs, outputs = (tuple(r.shape for r in refs) for refs in (call.inputs, call.outputs))
        row = _Row(call.path, call.kind, call.op, inputs, outputs, 0, macs, note)
        rows[(*key, seen[key])] = row
        seen[key] += 1
    return _with_params(trace, rows)


def _subtree_macs(trace: Trace) -> list[int]:
    totals = [call.macs for call in trace.calls]
    for call in reversed(trace.calls):
        if call.parent is not None:
            totals[call.parent] += totals[call.index]
    return totals


def _calls_at(trace: Trace, depth: int) -> Iterator[Call]:
    """The calls that stand as rows: those at the depth, and what ends above it."""
    levels: dict[int, int] = {}
    inner = {call.parent for call in trace.calls if _is_row(call)}
    open_rows: set[int] = set()
    for call in trace.calls:
        levels[call.index] = 0 if call.parent is None else levels[call.parent] + 1
        if call.parent in open_rows:
            open_rows.add(call.index)
            continue
        if not _is_row(call):
            continue
        ends_here = levels[call.index] >= depth or call.index not in inner or not call.is_module
        if ends_here:
            open_rows.add(call.index)
            yield call


def _is_row(call: Call) -> bool:
    return call.is_module or call.macs > 0 or call.op in _SHOWN


def _with_params(trace: Trace, rows: dict[Key, _Row]) -> dict[Key, _Row]:
    """Give each weight to exactly one row, adding rows for those of none."""
    counts: Counter[str] = Counter()
    extra: Counter[str] = Counter()
    first = {key[0]: key for key in reversed(rows) if not key[1]}
    nearest = _nearest(first)
    for weight in trace.weights:
        if weight.is_buffer:
            continue
        owner = weight.path.rpartition(".")[0]
        place = nearest(owner)
        if place is None:
            extra[owner] += weight.count
        else:
            counts[place] += weight.count
    filled = {
        key: replace(row, params=counts[row.path]) if key == first.get(row.path) else row
        for key, row in rows.items()
    }
    return filled | _leftovers(trace, extra)


def _leftovers(trace: Trace, extra: Counter[str]) -> dict[Key, _Row]:
    """Weights of modules that never ran, and own weights of modules that are shown in parts."""
    dead = unused_modules(trace) if trace.complete else {}
    nearest = _nearest(dead)
    rows: dict[Key, _Row] = {}
    grouped: Counter[tuple[str, str]] = Counter()
    for owner, count in extra.items():
        inside = nearest(owner)
        if inside is not None:
            grouped[(inside, "never ran")] += count
        else:
            ran = owner in trace.called
            grouped[(owner, "own parameters" if ran else "used through its weights")] += count
    for (path, note), count in grouped.items():
        layer = trace.layers[path]
        rows[(path, f" {note}", 0)] = _Row(path, layer.kind, None, (), (), count, 0, note)
    return rows


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
