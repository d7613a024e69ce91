"""ST202: a module with parameters that never ran: counted, saved, and never trained.

A module that lends its weight to another's forward did its work without being called, and is no
fault; neither is one without parameters.
"""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import Audit, Diagnostic, Fix, Label, Remove, Trace
from stitchcli.words.selectors import exactly


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for each outermost module none of whose weights was read; the same module of
    every repeated block is one."""
    trace = audit.result
    if not trace.complete:
        return
    groups: dict[tuple[str, str], dict[str, int]] = {}
    for path, count in unused_modules(trace).items():
        alike = ".".join("#" if part.isdigit() else part for part in path.split("."))
        groups.setdefault((alike, trace.layers[path].kind), {})[path] = count
    for group in groups.values():
        yield _say(trace, group)


def _say(trace: Trace, group: dict[str, int]) -> Diagnostic:
    path = next(iter(group))
    layer = trace.layers[path]
    count = sum(group.values())
    more = f" and {len(group) - 1} like it" if len(group) > 1 else ""
    return Diagnostic(
        code="ST202",
        severity="warning",
        path=path,
        title=f"{path} ({layer.kind}){more} never ran: {count:,} parameters that get no gradient",
        primary=Label(layer.built, "built here") if layer.built else None,
        consumers=tuple(group),
        notes=(f"in {trace.mode} mode",),
        fixes=(Fix("leave it out", tuple(Remove(exactly(each)) for each in group)),),
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
