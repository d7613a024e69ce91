"""ST202: a module with parameters that never ran: counted, saved, and never trained.

A module that lends its weight to another's forward did its work without being called, and is no
fault; neither is one without parameters. The same module of every repeated block is one finding.

Severity: warning

Why: it is in the state dict and in every parameter count that is published, it is given no
gradient, and distributed training stops at it (*unused parameters*). Often it is what was forgotten
in the forward after an edit.

Example:

    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, padding=1)
            self.norm = nn.BatchNorm2d(8)

        def forward(self, x):
            return self.conv(x)

    $ stitch inspect model.py --input 1x3x32x32
    warning[ST202]: norm (BatchNorm2d) never ran: 16 parameters that get no gradient

Fix: call it in the forward, or leave it out (`--remove norm`). Where it is meant, as with a head
that runs in training only, end the line that builds it with `# stitch: ignore[ST202]`.
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
    groups: dict[object, dict[str, int]] = {}
    for path, count in unused_modules(trace).items():
        layer = trace.layers[path]
        place = layer.built if layer.built and layer.built.user else without_indices(path)
        kind = place, layer.kind, path in trace.other_mode
        groups.setdefault(kind, {})[path] = count
    for group in groups.values():
        yield _say(trace, group)


def _say(trace: Trace, group: dict[str, int]) -> Diagnostic:
    path = next(iter(group))
    layer = trace.layers[path]
    count = sum(group.values())
    more = f" and {len(group) - 1} like it" if len(group) > 1 else ""
    other = "eval" if trace.mode == "train" else "train"
    if all(each in trace.other_mode for each in group):
        return Diagnostic(
            code="ST202",
            severity="note",
            path=path,
            title=f"{path} ({layer.kind}){more} runs in {other} mode only",
            primary=Label(layer.built, "built here") if layer.built else None,
            consumers=tuple(group),
        )
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
