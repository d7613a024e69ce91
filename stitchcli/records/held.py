"""What ``stitch check`` knows: limits, what was measured, and what came of holding one to the
other. All numbers are exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

METRICS = ("params", "trainable", "buffers", "macs", "flops")
Grade = Literal["error", "warn", "ignore"]
LimitKind = Literal["max", "min", "exact", "target", "max-increase"]
Level = Literal["error", "warn"]
Status = Literal["pass", "warn", "fail", "inherited", "unmeasured"]


@dataclass(frozen=True)
class Slack:
    """How far a number may be from another: ``absolute`` in units, ``relative`` as a share of the
    other number. Where both are given, only what exceeds both is too far."""

    absolute: int | None = None
    relative: Fraction | None = None


@dataclass(frozen=True)
class Limit:
    """One limit of one metric (``params``, or ``params@down*`` for a subtree): ``value`` for all
    but ``max-increase``, ``slack`` for that and for ``target``."""

    metric: str
    kind: LimitKind
    value: int = 0
    slack: Slack = Slack()
    level: Level = "error"

    @property
    def name(self) -> str:
        """What the check is called in every format, as ``params.max``."""
        return f"{self.metric}.{self.kind}"


def is_of_forward(metric: str) -> bool:
    """Whether a metric depends on the forward pass, and so on its input."""
    return metric.partition("@")[0] in ("macs", "flops")


@dataclass(frozen=True)
class Measured:
    """The numbers of one network. ``missing`` says why a metric could not be measured."""

    values: Mapping[str, int]
    missing: Mapping[str, str] = field(default_factory=dict)

    def without_forward(self, why: str) -> Measured:
        """The same without what depends on the forward pass."""
        run = {name for name in self.values if is_of_forward(name)}
        values = {name: value for name, value in self.values.items() if name not in run}
        return Measured(values, {**self.missing, **dict.fromkeys(sorted(run), why)})


@dataclass(frozen=True)
class Verdict:
    """What came of one check: ``over`` is how far the number is beyond what is allowed, ``bound``
    the number up to which (for ``min``: down to which) it would have passed. Of faults, tensors and
    ops it is how many there are. Shapes are text."""

    name: str
    metric: str
    status: Status
    actual: int | str | None = None
    base: int | str | None = None
    bound: int | str | None = None
    over: int = 0
    text: str = ""
