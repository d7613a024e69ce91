"""What is said about it: diagnostics, fixes, patches, reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from stitchcli.records.asked import Block, Edit, Keep, Shape, TensorSpec
from stitchcli.records.seen import Site, Trace


@dataclass(frozen=True)
class Label:
    """A span with what is to be said about it."""

    site: Site
    text: str


@dataclass(frozen=True)
class Verification:
    """What happened when a fix was tried. ``remaining`` counts the faults still there."""

    ran: bool
    outputs: tuple[Shape, ...]
    delta_params: int
    remaining: int
    solved: bool


@dataclass(frozen=True)
class Change:
    """New text for a span of a source file, where ``before`` stands now."""

    site: Site
    before: str
    after: str


@dataclass(frozen=True)
class Patch:
    """A mend of the user's own files, and what happened when it was tried."""

    changes: tuple[Change, ...]
    verification: Verification


@dataclass(frozen=True)
class Fix:
    """A mend, in the same records that a user types; ``inputs`` replaces the dummy input, and
    ``edits`` stand in the place of those edits of the user's that are in ``instead``. ``patch`` is
    the same in the user's files, ``is_rare`` marks what works but is seldom meant."""

    title: str
    edits: tuple[Edit, ...] = ()
    inputs: tuple[TensorSpec, ...] | None = None
    instead: tuple[Edit, ...] = ()
    safety: Literal["safe", "unsafe", "display"] = "display"
    verification: Verification | None = None
    patch: Patch | None = None
    is_rare: bool = False


@dataclass(frozen=True)
class Mismatch:
    """The axis that does not agree, and both numbers."""

    dim: int | None
    expected: int | None
    got: int | None


Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Diagnostic:
    """One fault, said so that it can be mended from the report alone. ``call`` is the index of the
    call that met it, ``argument`` the one of the layer's constructor that is at odds; ``also`` are
    other layers that have the fault from the same place in the source, ``passing`` modules of the
    class in which the number is written that have no such fault."""

    code: str
    severity: Severity
    path: str
    title: str
    phase: Literal["build", "forward", "config"] = "forward"
    primary: Label | None = None
    secondary: tuple[Label, ...] = ()
    op: str = ""
    operands: tuple[tuple[str, Shape, str], ...] = ()
    mismatch: Mismatch | None = None
    consumers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()
    call: int | None = None
    argument: str = ""
    also: tuple[str, ...] = ()
    passing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Built:
    """A block that was put in: where, which, with what arguments, and how it was adapted."""

    path: str
    block: str
    arguments: Mapping[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Misfit:
    """What does not fit at a place: what a ``block`` gives there, what a ``branch`` of it gives
    beside the others, or its second ``input`` beside the first. ``mended`` is the whole block with
    what makes it fit; ``part`` the branch, or the block that takes the inputs."""

    label: str
    wanted: Shape
    gives: Shape
    mended: Block | None = None
    kind: Literal["block", "branch", "input"] = "block"
    part: str = ""


@dataclass(frozen=True)
class Applied:
    """One edit after it was carried out: the flag, what it matched, what was built."""

    edit: Edit
    matched: tuple[str, ...]
    built: tuple[Built, ...] = ()
    notes: tuple[str, ...] = ()
    misfits: tuple[Misfit, ...] = ()


@dataclass(frozen=True)
class Amount:
    """The same quantity before and after the edits."""

    base: int
    result: int


#: Columns of a report that are shown where they are asked for.
Column = Literal["trainable", "buffers", "weights", "memory", "moved", "intensity", "seconds"]
COLUMNS: tuple[Column, ...] = get_args(Column)


@dataclass(frozen=True)
class Timing:
    """Seconds of several runs: their median, and the quarters below and above it."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Stage:
    """One row of the report; rows are disjoint, so that their sums are the totals.

    ``note`` says what a number alone would hide: never ran, shared, own weights. ``weight_bytes``
    are those of parameters and buffers; ``moved`` and ``peak`` are bytes too, and there where the
    traces are metered. ``peak`` is what was alive at once while the row ran, whoever made it; its
    total is the largest. ``times`` are before and after the edits, where they were measured.
    """

    path: str
    kind: str
    op: str | None
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    params: Amount
    macs: Amount
    note: str = ""
    trainable: Amount = Amount(0, 0)
    buffers: Amount = Amount(0, 0)
    weight_bytes: Amount = Amount(0, 0)
    moved: Amount = Amount(0, 0)
    peak: Amount = Amount(0, 0)
    times: tuple[Timing | None, Timing | None] = (None, None)


@dataclass(frozen=True)
class Audit:
    """What the rules look at: the network before and after the edits."""

    base: Trace
    result: Trace
    applied: tuple[Applied, ...] = ()

    @property
    def edited(self) -> bool:
        """True if any edit changed the network."""
        return any(not isinstance(item.edit, Keep) for item in self.applied)


@dataclass(frozen=True)
class Fixed:
    """A fault that was found and mended, and how."""

    code: str
    path: str
    title: str
    fix: Fix


@dataclass(frozen=True)
class Check:
    """Something tried on the edited network: ``warn`` is for what the user has to judge, ``skip``
    for what could not be tried; ``text`` says why."""

    name: str
    status: Literal["pass", "warn", "fail", "skip"]
    text: str = ""


@dataclass(frozen=True)
class Reason:
    """Why another count differs from ours, and by how much: theirs minus ours. ``places`` are paths
    of modules."""

    why: str
    amount: int
    places: tuple[str, ...] = ()


@dataclass(frozen=True)
class PeerCount:
    """What another tool counts in the same network; the reasons add up to the difference. Where it
    failed, ``error`` is what it said."""

    tool: str
    version: str
    params: int | None = None
    macs: int | None = None
    params_because: tuple[Reason, ...] = ()
    macs_because: tuple[Reason, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Report:
    """Everything that ``stitch inspect`` has to say about one network. ``together`` mends all the
    faults that can be mended at once; ``ignored`` are findings that were not asked for; ``fixed``
    are those that were mended for this report, ``texts`` the user's files as patches for that make
    them, ``sources`` the same files as they were read. ``columns`` are those that were asked for
    besides the usual ones, ``times`` the seconds of the whole forward before and after the edits,
    where they were measured, ``peers`` what other tools count in the result."""

    name: str
    target: str
    base: Trace
    result: Trace
    applied: tuple[Applied, ...]
    stages: tuple[Stage, ...]
    depth: int
    diagnostics: tuple[Diagnostic, ...]
    inputs_guessed: bool
    notes: tuple[str, ...] = ()
    together: Fix | None = None
    checks: tuple[Check, ...] = ()
    fixed: tuple[Fixed, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[Diagnostic, ...] = ()
    columns: tuple[Column, ...] = ()
    times: tuple[Timing | None, Timing | None] = (None, None)
    peers: tuple[PeerCount, ...] = ()

    @property
    def has_errors(self) -> bool:
        """True if a fault of severity ``error`` was found, or a check failed."""
        faults = any(diagnostic.severity == "error" for diagnostic in self.diagnostics)
        return faults or any(check.status == "fail" for check in self.checks)
