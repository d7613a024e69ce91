"""One run of ``stitch check``: what a model is held to, what was measured, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from stitchcli.records.asked import Edit, Shape, Target, TensorSpec
from stitchcli.records.held import Grade, Level, Limit, Measured, Status, Verdict
from stitchcli.records.seen import Site

#: Names of the checks that are no limits.
FAULTS, UNCOUNTED, BASE = "faults", "uncounted-ops", "base"
OUTPUT, CHECKPOINT = "output-shape", "checkpoint-compatible"


@dataclass(frozen=True)
class ModelCheck:
    """One model of a project, and what it is held to. ``selectors`` are the subtrees that its
    limits speak of; ``lines`` say on which line of the settings a check stands, by its name, and
    under ``""`` the model itself."""

    name: str
    target: Target
    inputs: tuple[TensorSpec, ...] = ()
    edits: tuple[Edit, ...] = ()
    mode: Literal["eval", "train"] = "eval"
    limits: tuple[Limit, ...] = ()
    output_shape: tuple[Shape, ...] | None = None
    checkpoint: Level | None = None
    faults: Grade = "error"
    uncounted: Grade = "warn"
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def selectors(self) -> tuple[str, ...]:
        """Metrics of subtrees, as ``params@down*``."""
        return tuple(dict.fromkeys(x.metric for x in self.limits if "@" in x.metric))

    @property
    def needs_base(self) -> bool:
        """True where a limit speaks of what was before."""
        return bool(self.checkpoint) or any(x.kind == "max-increase" for x in self.limits)


@dataclass(frozen=True)
class Own:
    """What a module costs without those in it."""

    params: int = 0
    trainable: int = 0
    buffers: int = 0
    macs: int = 0


@dataclass(frozen=True)
class Fault:
    """One finding of the audit: ``line`` is all of it on one line, ``details`` are its notes and
    the fixes that were tried."""

    code: str
    path: str
    line: str
    details: tuple[str, ...] = ()
    site: Site | None = None
    label: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What it is known by in another run."""
        return self.code, self.path


@dataclass(frozen=True)
class Facts:
    """What was measured of one network, all of it plain data. ``outputs`` and ``inputs`` are as
    people write them; ``modules`` are those that cost something by themselves, ``built`` where the
    user's own are built; ``subtrees`` are the paths that a metric's selector means; ``state`` are
    the shapes of the state dict; ``document`` is the model in ``--format json``. ``is_complete`` is
    False where a fault made the forward go on with what is not the user's network, ``is_guessed``
    says that nobody gave the inputs."""

    measured: Measured
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    mode: str
    torch: str
    modules: Mapping[str, Own] = field(default_factory=dict)
    subtrees: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    state: Mapping[str, str] = field(default_factory=dict)
    device: str = "meta"
    is_complete: bool = True
    is_guessed: bool = False
    faults: tuple[Fault, ...] = ()
    uncounted: tuple[tuple[str, int], ...] = ()
    built: Mapping[str, Site] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict)

    def without_forward(self, why: str) -> Facts:
        """The same without what depends on the forward pass."""
        return replace(self, measured=self.measured.without_forward(why), outputs=())


@dataclass(frozen=True)
class Moved:
    """What one part of a network has more than before."""

    path: str
    params: int
    macs: int


@dataclass(frozen=True)
class Against:
    """What a model was compared with: ``label`` is ``baseline`` or a commit.

    ``facts`` are None where there is nothing to compare with, and ``text`` says why: ``is_new``
    because the model is, ``is_required`` because what was asked for is not there at all.
    ``changes`` and ``lost`` (tensors of base's state dict that do not load) are known where both
    networks were at hand; ``changed_lines`` are those of the user's files that are not the base's.
    """

    label: str
    facts: Facts | None = None
    text: str = ""
    help: str = ""
    is_new: bool = False
    changes: tuple[Moved, ...] | None = None
    lost: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    is_required: bool = False
    changed_lines: Mapping[str, tuple[range, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """Why a model could not be measured."""

    message: str
    help: str = ""
    details: str = ""
    is_bug: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came back from the process that measured a model."""

    facts: Facts | None = None
    against: Against | None = None
    failure: Failure | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Checked:
    """One model, held to its budget. ``why`` says for a check which modules' counts moved, or are
    the largest; the first of them first."""

    model: ModelCheck
    verdicts: tuple[Verdict, ...]
    facts: Facts | None = None
    against: Against | None = None
    failure: Failure | None = None
    why: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class CheckReport:
    """Everything that ``stitch check`` has to say. ``file`` holds the settings, as people write it
    here; ``id`` tells this report from others on the same change."""

    models: tuple[Checked, ...]
    exit_code: int
    file: str
    id: str
    versions: Mapping[str, str | None]
    notes: tuple[str, ...] = ()

    @property
    def verdicts(self) -> tuple[tuple[Checked, Verdict], ...]:
        """Every verdict with its model."""
        return tuple((model, verdict) for model in self.models for verdict in model.verdicts)

    def with_status(self, *statuses: Status) -> tuple[tuple[Checked, Verdict], ...]:
        """Those with one of several statuses."""
        return tuple(each for each in self.verdicts if each[1].status in statuses)
