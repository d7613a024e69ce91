"""A call of a module or a function while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from stitchcli.records import Call, Ref
from stitchcli.tracing.sites import Spot, site_of


@dataclass
class OpenCall:
    """A call that is still running, or has ended but is not yet a record."""

    index: int
    path: str
    kind: str
    op: str | None
    parent: int | None
    atomic: bool
    spot: Spot | None
    inputs: tuple[Ref, ...] = ()
    outputs: tuple[Ref, ...] = ()
    macs: int = 0
    route: tuple[Spot, ...] = ()
    given: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    moved: int = 0
    peak: int = 0

    def close(self) -> Call:
        """The finished record."""
        route = tuple(site for spot in self.route if (site := site_of(spot)))
        return Call(
            self.index, self.path, self.kind, self.op, self.parent,
            self.inputs, self.outputs, self.macs, site_of(self.spot), route, self.given,
            self.settings, self.moved, self.peak,
        )  # fmt: skip
