"""Every frozen record that flows through stitch. Standard library only.

A record is complete when it is made; each stage of the pipeline is a function from
records to records. The order here is the order of the pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

Shape = tuple[int, ...]
_JOINS = ("add", "sub", "mul", "div")
WordKind = Literal["any", "name", "type", "family", "role", "op", "re"]
Operator = Literal["=", "!=", "<", "<=", ">", ">="]

# ---------------------------------------------------------------- what is asked for


@dataclass(frozen=True)
class TensorSpec:
    """Shape and dtype of one tensor, for instance ``1x77:int64``. A ``name`` makes it a keyword
    argument of the forward."""

    shape: Shape
    dtype: str = "float32"
    name: str = ""


@dataclass(frozen=True)
class Target:
    """Where a network comes from: ``text`` as typed, ``arguments`` for its constructor."""

    text: str
    arguments: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Word:
    """One step of a selector. ``kind`` is ``any`` unless a prefix such as ``type:`` forces it."""

    text: str
    kind: WordKind = "any"


@dataclass(frozen=True)
class Condition:
    """A filter on a module's attribute, for instance ``k>=3``."""

    attribute: str
    operator: Operator
    value: Any


@dataclass(frozen=True)
class Selector:
    """``scope/what[conditions]@index``: which modules an edit speaks of."""

    words: tuple[Word, ...]
    conditions: tuple[Condition, ...] = ()
    at: int | tuple[int | None, int | None] | None = None


@dataclass(frozen=True)
class Formula:
    """Arithmetic on ``cin``, ``cout``, ``h`` and ``w``, the measures of the place."""

    text: str


@dataclass(frozen=True)
class ClassName:
    """A class that is handed on as an argument and not built, as in ``norm_layer=BatchNorm2d``."""

    name: str


@dataclass(frozen=True)
class BlockSpec:
    """A block by name (catalog, ``torch.nn``, ``file.py:Class``) and the arguments given to it.

    A value is a literal, a Formula, a ClassName or a Block.
    """

    name: str
    arguments: tuple[tuple[str, Any], ...] = ()
    positional: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Itself:
    """``self`` in an expression: what stands at the place."""


@dataclass(frozen=True)
class Series:
    """``a + b`` or ``series(a, b)``: one after the other."""

    parts: tuple[Block, ...]


Merge = Literal["add", "mul", "concat", "mean"]


@dataclass(frozen=True)
class Parallel:
    """``parallel(a, b, merge=add)``: side by side on the same input."""

    parts: tuple[Block, ...]
    merge: Merge = "add"


@dataclass(frozen=True)
class Residual:
    """``residual(a)``: ``x + a(x)``."""

    part: Block


@dataclass(frozen=True)
class Matched:
    """``matched(a)``: all tensors that come in are brought to the shape of the first, by 1×1
    projections and interpolation, and then given to the block."""

    part: Block


@dataclass(frozen=True)
class Resized:
    """``resized(a)``: all tensors that come in are brought to the largest height and width among
    them, and then given to the block."""

    part: Block


Block = BlockSpec | Itself | Series | Parallel | Residual | Matched | Resized


@dataclass(frozen=True)
class Replace:
    """``--replace SEL=BLOCK``."""

    where: Selector
    block: Block


@dataclass(frozen=True)
class Wrap:
    """``--wrap SEL=BLOCK``: the block holds ``self``, what it is put around."""

    where: Selector
    block: Block


@dataclass(frozen=True)
class Insert:
    """``--after SEL=BLOCK`` or ``--before SEL=BLOCK``."""

    side: Literal["after", "before"]
    where: Selector
    block: Block


@dataclass(frozen=True)
class Set:
    """``--set SEL.attribute=value``: the layer is built again with one argument changed."""

    where: Selector
    attribute: str
    value: Any


@dataclass(frozen=True)
class Remove:
    """``--remove SEL``: the module becomes an identity."""

    where: Selector


@dataclass(frozen=True)
class Keep:
    """``--except SEL``: no edit touches these modules."""

    where: Selector


Edit = Replace | Wrap | Insert | Set | Remove | Keep

# ---------------------------------------------------------------- what was seen


@dataclass(frozen=True)
class Site:
    """A span in a source file; lines count from 1, columns from 0. ``user`` is False for a file
    that belongs to an installed package."""

    file: str
    line: int
    col: int
    end_line: int
    end_col: int
    function: str = ""
    user: bool = True


@dataclass(frozen=True)
class Ref:
    """A tensor as an op met it: ``producer`` is the index of the call that made it, or None for
    an input, a weight or a constant, which ``name`` then names."""

    shape: Shape
    dtype: str
    producer: int | None = None
    name: str = ""

    @property
    def is_activation(self) -> bool:
        """True for what a call made or the network was given, False for weights and constants."""
        return self.producer is not None or self.name.partition(" ")[0] == "input"


@dataclass(frozen=True)
class Call:
    """One module call or one functional call, in execution order.

    ``path`` is the module's dotted path ("" is the root), or for a functional call that of the
    module whose forward made it. ``macs`` counts multiply-accumulates run in this call itself and
    not in the calls inside it. ``route`` holds the calls between that forward and ``site``, the
    innermost first, where the op stands in a helper function. ``given`` names the arguments of a
    module call, the positional ones by nothing.
    """

    index: int
    path: str
    kind: str
    op: str | None
    parent: int | None
    inputs: tuple[Ref, ...]
    outputs: tuple[Ref, ...]
    macs: int
    site: Site | None = None
    route: tuple[Site, ...] = ()
    given: tuple[str, ...] = ()

    @property
    def is_module(self) -> bool:
        """True for a module call, False for a functional one."""
        return bool(self.kind)

    @property
    def is_selectable(self) -> bool:
        """True for a functional call that an edit can speak of: adding a bias or a number to one
        activation is none."""
        if self.is_module or self.op is None:
            return False
        return self.op not in _JOINS or sum(ref.is_activation for ref in self.inputs) > 1


@dataclass(frozen=True)
class Weight:
    """One parameter or buffer, listed once however many names it has; ``users`` are the paths of
    the modules in whose call an op read it."""

    path: str
    shape: Shape
    dtype: str
    trainable: bool
    is_buffer: bool = False
    aliases: tuple[str, ...] = ()
    users: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Number of elements."""
        total = 1
        for size in self.shape:
            total *= size
        return total


@dataclass(frozen=True)
class Layer:
    """What is known of one module without running it; ``aliases`` are its further paths."""

    path: str
    kind: str
    family: str
    attributes: Mapping[str, Any]
    is_leaf: bool
    built: Site | None = None
    block: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """A fact: an op was given tensors it cannot take, and what was done to go on.

    ``kind`` says which contract was broken; ``operand`` is the index in ``operands`` of the tensor
    that does not fit, ``dim`` its axis.
    """

    kind: Literal["channels", "cat", "broadcast", "features", "shrunk", "pattern", "refused"]
    op: str
    path: str
    call: int
    operands: tuple[Ref, ...]
    operand: int
    dim: int | None
    expected: int | None
    got: int | None
    text: str = ""
    site: Site | None = None


@dataclass(frozen=True)
class Misbuilt:
    """A layer that could not be built from its numbers: ``argument`` was ``given`` and does not
    divide ``width``, which is what the layer's argument ``of`` says. It was built with ``used``, so
    that the rest can be looked at."""

    path: str
    argument: str
    given: int
    of: str
    width: int
    used: int


@dataclass(frozen=True)
class Stranger:
    """A module with parameters that ran and is no part of the network: ``path`` is the module whose
    forward ran it, ``is_new`` says that it was built in that forward, and ``learns`` that a
    parameter of it wants a gradient."""

    path: str
    kind: str
    params: int
    is_new: bool
    learns: bool
    site: Site | None = None


@dataclass(frozen=True)
class NonFinite:
    """Numbers that stopped being finite on the way to an output: ``call`` is the index of the call
    that ``gives`` inf or nan and was given none but in ``weight``, where that is named."""

    gives: str
    call: int | None
    weight: str = ""


@dataclass(frozen=True)
class Backward:
    """A backward pass from the sum of all outputs: ``missed`` are the parameters that learn and
    were given no gradient. Where it failed, ``error`` is what torch said; ``op`` and ``site`` are
    those of the call that it could not go back over, as far as torch tells."""

    missed: tuple[str, ...]
    error: str = ""
    op: str = ""
    site: Site | None = None


@dataclass(frozen=True)
class Trace:
    """One forward pass: a crash is part of the record."""

    calls: tuple[Call, ...]
    weights: tuple[Weight, ...]
    layers: Mapping[str, Layer]
    problems: tuple[Problem, ...]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    uncounted: tuple[tuple[str, int], ...]
    device: str
    mode: str
    complete: bool = True
    strangers: tuple[Stranger, ...] = ()
    misbuilt: tuple[Misbuilt, ...] = ()
    nonfinite: NonFinite | None = None
    backward: Backward | None = None

    @cached_property
    def params(self) -> int:
        """Elements of all parameters, each counted once."""
        return sum(weight.count for weight in self.weights if not weight.is_buffer)

    @cached_property
    def trainable(self) -> int:
        """Elements of all parameters that require a gradient."""
        return sum(w.count for w in self.weights if w.trainable and not w.is_buffer)

    @cached_property
    def buffers(self) -> int:
        """Elements of all buffers."""
        return sum(weight.count for weight in self.weights if weight.is_buffer)

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of all calls."""
        return sum(call.macs for call in self.calls)

    @property
    def flops(self) -> int:
        """Floating-point operations: 2 for each multiply-accumulate."""
        return 2 * self.macs

    @cached_property
    def functional(self) -> Mapping[str, int]:
        """Selectable functional calls by their labels, which are selectors too: ``up1/cat``, or
        ``up1/cat@1`` where there are several at or below a path, counted in execution order;
        ``op:cat@0`` in the forward of the root."""
        counts: dict[tuple[str, str], int] = {}
        found: list[tuple[int, str, str, int]] = []
        for call in self.calls:
            if not call.is_selectable or call.op is None:
                continue
            parts = call.path.split(".") if call.path else []
            found.append((call.index, call.path, call.op, counts.get((call.path, call.op), 0)))
            for end in range(len(parts) + 1):
                key = ".".join(parts[:end]), call.op
                counts[key] = counts.get(key, 0) + 1
        return {
            (f"{path}/{op}" if path else f"op:{op}")
            + (f"@{rank}" if counts[path, op] > 1 else ""): index
            for index, path, op, rank in found
        }

    @cached_property
    def module_calls(self) -> Mapping[str, tuple[Call, ...]]:
        """The calls of each module that ran, by its path."""
        found: dict[str, list[Call]] = {}
        for call in self.calls:
            if call.is_module:
                found.setdefault(call.path, []).append(call)
        return {path: tuple(calls) for path, calls in found.items()}

    @cached_property
    def params_below(self) -> Mapping[str, int]:
        """Elements of the parameters of each module and all in it, each weight once."""
        found: dict[str, int] = {}
        for weight in self.weights:
            if weight.is_buffer:
                continue
            parts = weight.path.split(".")[:-1]
            for end in range(len(parts) + 1):
                path = ".".join(parts[:end])
                found[path] = found.get(path, 0) + weight.count
        return found

    @cached_property
    def called(self) -> frozenset[str]:
        """Paths of the modules that ran."""
        return frozenset(self.module_calls)


# ---------------------------------------------------------------- what is said about it


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


@dataclass(frozen=True)
class Stage:
    """One row of the report; rows are disjoint, so that their sums are the totals.

    ``note`` says what a number alone would hide: never ran, shared, own weights.
    """

    path: str
    kind: str
    op: str | None
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    params: Amount
    macs: Amount
    note: str = ""


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
class Report:
    """Everything that ``stitch inspect`` has to say about one network. ``together`` mends all the
    faults that can be mended at once; ``ignored`` are findings that were not asked for; ``fixed``
    are those that were mended for this report, ``texts`` the user's files as patches for that make
    them."""

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
    versions: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[Diagnostic, ...] = ()

    @property
    def has_errors(self) -> bool:
        """True if a fault of severity ``error`` was found, or a check failed."""
        faults = any(diagnostic.severity == "error" for diagnostic in self.diagnostics)
        return faults or any(check.status == "fail" for check in self.checks)
