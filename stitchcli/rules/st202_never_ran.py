"""ST202: a module with parameters that never ran: counted, saved, and never trained.

A module that lends its weight to another's forward did its work without being called, and is no
fault; neither is one without parameters.
"""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import Audit, Diagnostic, Fix, Label, Remove, Trace
from stitchcli.words.selectors import exactly


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for each outermost module none of whose weights was read."""
    trace = audit.result
    if not trace.complete:
        return
    for path, count in unused_modules(trace).items():
        layer = trace.layers[path]
        yield Diagnostic(
            code="ST202",
            severity="warning",
            path=path,
            title=f"{path} ({layer.kind}) never ran: {count:,} parameters that get no gradient",
            phase="forward",
            primary=Label(layer.built, "built here") if layer.built else None,
            notes=(f"in {trace.mode} mode",),
            fixes=(Fix("leave it out", (Remove(exactly(path)),)),),
        )


def unused_modules(trace: Trace) -> dict[str, int]:
    """Path and parameter count of each outermost module that did nothing."""
    unread: dict[str, int] = {}
    alive: set[str] = set(trace.called)
    for weight in trace.weights:
        if weight.is_buffer:
            continue
        owner = weight.path.rpartition(".")[0]
        if weight.users:
            alive.update(name.rpartition(".")[0] for name in (weight.path, *weight.aliases))
        else:
            unread[owner] = unread.get(owner, 0) + weight.count
    found: dict[str, int] = {}
    for owner, count in unread.items():
        if path := _outermost(owner, alive):
            found[path] = found.get(path, 0) + count
    return {path: count for path, count in found.items() if count}


def _outermost(path: str, alive: set[str]) -> str | None:
    """The largest dead module around ``path``; None if the path itself did something."""
    if not path or any(each == path or each.startswith(f"{path}.") for each in alive):
        return None
    while True:
        parent = path.rpartition(".")[0]
        if not parent or any(each == parent or each.startswith(f"{parent}.") for each in alive):
            return path
        path = parent
