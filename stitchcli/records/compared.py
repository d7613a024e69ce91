"""What ``stitch diff`` knows: which parts of two networks are each other, and what is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from stitchcli.records.asked import Shape
from stitchcli.records.said import Report

DifferenceKind = Literal["added", "removed", "changed", "replaced", "moved", "reshaped"]


@dataclass(frozen=True)
class Part:
    """One side of a change: a module, or a functional call by its label (``up1/cat``). ``params``
    and ``macs`` are what this change accounts for, so that changes add up to the totals; ``inside``
    are the classes of its children; ``inputs`` and ``outputs`` are those of the first of its
    ``runs``."""

    path: str
    kind: str
    config: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[Shape, ...] = ()
    outputs: tuple[Shape, ...] = ()
    params: int = 0
    macs: int = 0
    block: str = ""
    inside: tuple[str, ...] = ()
    is_call: bool = False
    runs: int = 1


@dataclass(frozen=True)
class Difference:
    """What one network has otherwise than the other; a side is None where it has no such part.
    ``values`` are the settings that differ, before and after. ``reshaped`` is the same part on
    other shapes, at another cost; ``moved`` the same part in another place."""

    kind: DifferenceKind
    base: Part | None
    head: Part | None
    values: tuple[tuple[str, Any, Any], ...] = ()

    @property
    def part(self) -> Part:
        """The side to name it by: the modified network's, where it has one."""
        part = self.head or self.base
        assert part is not None
        return part

    @property
    def delta_params(self) -> int:
        """Parameters more than before."""
        return (self.head.params if self.head else 0) - (self.base.params if self.base else 0)

    @property
    def delta_macs(self) -> int:
        """Multiply-accumulates more than before."""
        return (self.head.macs if self.head else 0) - (self.base.macs if self.base else 0)


@dataclass(frozen=True)
class Renamed:
    """A module under another name at the same place: no change of the architecture, but one of
    the state dict, if there are ``tensors`` in it."""

    base: str
    head: str
    kind: str
    modules: int
    tensors: int


Fate = Literal["as_is", "renamed", "reshaped", "missing"]


@dataclass(frozen=True)
class Tensor:
    """What becomes of one tensor of base's state dict (or of a checkpoint): ``head`` is the key of
    the other network that it belongs to. ``params`` counts its elements if it is a parameter, and
    has not been counted under another name."""

    key: str
    shape: Shape
    fate: Fate
    params: int
    head: str = ""
    head_shape: Shape = ()


@dataclass(frozen=True)
class Checkpoint:
    """How a state dict of base fits the other network: a tensor each, the keys that nothing loads
    into (``new``), those into which torch would load what belongs elsewhere, unasked
    (``mistaken``), and those whose tensor is lost because another loads into the same weight after
    it (``overwritten``). ``file`` is the checkpoint that was read; empty for base's own."""

    tensors: tuple[Tensor, ...]
    new: tuple[str, ...]
    mistaken: tuple[str, ...]
    file: str = ""
    overwritten: tuple[str, ...] = ()

    def of(self, fate: Fate) -> tuple[Tensor, ...]:
        """The tensors with one fate."""
        return tuple(each for each in self.tensors if each.fate == fate)

    def percent(self, fate: Fate) -> float:
        """Their share of the parameters, in percent."""
        total = sum(each.params for each in self.tensors)
        return 100 * sum(each.params for each in self.of(fate)) / total if total else 0.0

    @property
    def mapping(self) -> dict[str, str]:
        """Key in base → key in the other network, of all that loads and is called otherwise."""
        return {each.key: each.head for each in self.of("renamed")}

    @property
    def loading(self) -> dict[str, str]:
        """Key in base → key in the other network, of all that loads."""
        return {each.key: each.head for each in self.tensors if each.fate in ("as_is", "renamed")}


@dataclass(frozen=True)
class Behaviour:
    """Both networks on the same input, with the weights they share copied: ``largest`` is the
    largest absolute difference, None where the outputs cannot be compared; ``text`` says why."""

    verdict: Literal["equal", "close", "differ", "not compared"]
    largest: float | None = None
    copied: int = 0
    text: str = ""


@dataclass(frozen=True)
class Diff:
    """Everything that ``stitch diff`` has to say. ``changes`` stand in the order of the modules of
    the modified network; their deltas add up to the difference of the totals."""

    base: Report
    head: Report
    changes: tuple[Difference, ...]
    renames: tuple[Renamed, ...]
    checkpoint: Checkpoint
    behaviour: Behaviour | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def differs(self) -> bool:
        """True if anything does: the architecture, the state dict's names, or the outputs."""
        tensors = self.checkpoint
        if self.behaviour is not None and self.behaviour.verdict == "differ":
            return True
        return bool(self.changes or self.renames or tensors.new or tensors.of("missing"))

    @property
    def has_errors(self) -> bool:
        """True if a fault was found in either network."""
        return self.base.has_errors or self.head.has_errors
