"""ST202: a module with parameters that never ran: counted, saved, and never trained.

A module that lends its weight to another's forward did its work without being called, and is no
fault; neither is one without parameters.
"""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import Audit, Diagnostic, Fix, Label, Remove, Trace
from stitchcli.usage import unused_modules
from stitchcli.words.paths import without_indices
from stitchcli.words.selectors import exactly


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for each outermost module none of whose weights was read; the same module of
    every repeated block is one."""
    trace = audit.result
    if not trace.complete:
        return
    groups: dict[tuple[str, str], dict[str, int]] = {}
    for path, count in unused_modules(trace).items():
        groups.setdefault((without_indices(path), trace.layers[path].kind), {})[path] = count
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
