"""A network that was loaded, with what was learnt while it was built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from stitchcli.records import Site, TensorSpec
from stitchcli.sources.recording import Seen
from stitchcli.sources.revisions import Revision
from stitchcli.sources.user_code import UserCode


@dataclass(frozen=True)
class Network:
    """``built``, ``arguments`` and ``routes`` are keyed by module path: the span of the call that
    built a module, what its constructor was given, and all that was running then. ``owned`` is
    False for a module that the caller goes on using, which must then never be edited itself.
    ``revision`` is where it comes from, if from git."""

    name: str
    target: str
    module: nn.Module
    device: str = "cpu"
    inputs: tuple[TensorSpec, ...] | None = None
    built: Mapping[str, Site] = field(default_factory=dict)
    arguments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    routes: Mapping[str, Seen] = field(default_factory=dict)
    user_code: UserCode = field(default_factory=lambda: UserCode(()))
    owned: bool = True
    notes: tuple[str, ...] = ()
    revision: Revision | None = None
