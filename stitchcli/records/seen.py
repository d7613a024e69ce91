"""What was seen: calls, weights, layers, and the facts that the rules look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from stitchcli.records.asked import Shape, TensorSpec

#: A call by the path of its module, its op (none for the module itself), and how many came before.
CallKey = tuple[str, str, int]
_JOINS = ("add", "sub", "mul", "div")


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
    module call, the positional ones by nothing; ``settings`` are those of a functional call that
    are no tensors, as (name, text). Where the trace is metered, ``moved`` are the bytes that were
    read and written in this call itself, and ``peak`` those that were alive at once.
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
    settings: tuple[tuple[str, str], ...] = ()
    moved: int = 0
    peak: int = 0

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
    the modules in whose call an op read it. ``is_saved`` is False for a buffer that no state dict
    holds, ``is_sized`` for one of a lazy layer that never ran."""

    path: str
    shape: Shape
    dtype: str
    trainable: bool
    is_buffer: bool = False
    aliases: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    is_saved: bool = True
    is_sized: bool = True
    itemsize: int = 0

    @property
    def count(self) -> int:
        """Number of elements."""
        total = 1
        for size in self.shape:
            total *= size
        return total

    @property
    def bytes(self) -> int:
        """Number of bytes of its elements."""
        return self.count * self.itemsize


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
    """One forward pass: a crash is part of the record. ``other_mode`` are modules that run in the
    other of train and eval mode; it is looked up only where some did not run in this one.
    ``operations`` is how many ops torch dispatched, and ``uncounted`` are those of them without a
    formula, by name and number of calls; ``macs_by_op`` are the MACs of the others. ``is_metered``
    says that bytes were looked at too."""

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
    operations: int = 0
    macs_by_op: Mapping[str, int] = field(default_factory=dict)
    is_metered: bool = False
    strangers: tuple[Stranger, ...] = ()
    misbuilt: tuple[Misbuilt, ...] = ()
    other_mode: frozenset[str] = frozenset()
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

    @cached_property
    def moved(self) -> int:
        """Bytes that all ops read and wrote."""
        return sum(call.moved for call in self.calls)

    @cached_property
    def peak(self) -> int:
        """The most bytes of activations, inputs included, that were alive at once."""
        return max((call.peak for call in self.calls), default=0)

    @cached_property
    def weight_bytes(self) -> Mapping[str, int]:
        """Bytes of parameters and buffers by dtype, the largest share first."""
        found: dict[str, int] = {}
        for weight in self.weights:
            found[weight.dtype] = found.get(weight.dtype, 0) + weight.bytes
        return dict(sorted(found.items(), key=lambda item: -item[1]))

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
    def inner_calls(self) -> Mapping[int, tuple[int, ...]]:
        """The calls right inside of each call, by indices."""
        found: dict[int, list[int]] = {}
        for call in self.calls:
            if call.parent is not None:
                found.setdefault(call.parent, []).append(call.index)
        return {index: tuple(inner) for index, inner in found.items()}

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
