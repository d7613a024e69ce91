"""The rows of a report, and what it shows only where that is asked for: bytes, seconds, what other
tools count."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from stitchcli.errors import DeviceError, StitchError
from stitchcli.peers.check import cross_check
from stitchcli.records import Column, PeerCount, Stage, Timing, Trace
from stitchcli.stages import RowTimes, enough, keyed_calls, stages
from stitchcli.surgery.copies import full_copy
from stitchcli.tracing.timing import time_calls
from stitchcli.workbench import Workbench

_IN_BYTES: frozenset[Column] = frozenset(["memory", "moved", "intensity"])
_OF_BUFFERS: frozenset[Column] = frozenset(["buffers", "weights"])


@dataclass(frozen=True)
class View:
    """What a report shows of two traces; ``times`` are those of the whole forward."""

    rows: tuple[Stage, ...]
    depth: int
    times: tuple[Timing | None, Timing | None]
    peers: tuple[PeerCount, ...]


@dataclass(frozen=True)
class Sides:
    """Both traces, and the networks that they are of, before the edits where that is needed."""

    base: Trace
    result: Trace
    before: nn.Module | None
    after: nn.Module


@dataclass(frozen=True)
class _Times:
    whole: Timing | None = None
    rows: RowTimes = field(default_factory=dict)


def counts_bytes(columns: Collection[Column]) -> bool:
    """Whether traces have to count bytes."""
    return not _IN_BYTES.isdisjoint(columns)


def before_edits(
    module: nn.Module, columns: Collection[Column], device: str, is_edited: bool
) -> nn.Module | None:
    """A network as it is now, where it is to be timed and the edits change it. Raises DeviceError
    where there is nothing to time."""
    if "seconds" not in columns:
        return None
    if device == "meta":
        raise DeviceError("on meta there is no time to measure", "give --device cpu or cuda")
    return full_copy(module) if is_edited else None


def view_of(
    bench: Workbench, sides: Sides, columns: Collection[Column], depth: int | None, check: bool
) -> View:
    """The rows at a depth, by default the smallest that shows something; seconds where a column
    asks for them; what others count where that is to be checked."""
    depth = depth or enough(sides.result)
    before = after = _Times()
    if "seconds" in columns:
        after = before = _times(bench, sides.after, sides.result, depth, sides.result.device)
        if sides.before is not None:
            before = _times(bench, sides.before, sides.base, depth, sides.result.device)
    rows = stages(
        sides.base, sides.result, depth,
        buffers=not _OF_BUFFERS.isdisjoint(columns), times=(before.rows, after.rows),
    )  # fmt: skip
    peers = _peers(bench, sides.after, sides.result) if check else ()
    return View(rows, depth, (before.whole, after.whole), peers)


def _times(bench: Workbench, module: nn.Module, trace: Trace, depth: int, device: str) -> _Times:
    """Run a traced network on a device; where it cannot, a note says so."""
    if not trace.complete or trace.problems:
        bench.notes.append("seconds are not measured: the network has faults")
        return _Times()
    mode: Any = trace.mode
    try:
        with bench.guard("being timed"):
            wanted = keyed_calls(trace, depth)
            return _Times(*time_calls(module, trace.inputs, wanted, device=device, mode=mode))
    except StitchError as error:
        bench.notes.append(f"seconds are not measured: {error.message}")
        return _Times()


def _peers(bench: Workbench, module: nn.Module, trace: Trace) -> tuple[PeerCount, ...]:
    """What other tools count in a traced network; a note where there is nothing to count."""
    if not trace.complete or trace.problems:
        bench.notes.append("there is no cross-check: the network has faults")
        return ()
    with bench.guard("being counted by others"):
        return cross_check(module, trace)
