"""ST108: a block that gives another shape than its place, or the branches beside it, want.

Found while an edit is carried out: the block is run at its place, and what it gives is compared
with what stood there, with the branches of the same `parallel`, or with its other inputs.

Severity: error where something refuses what then comes, a warning where the network's output
changes, a note where all goes on as before.

Why: the block is the cause, while the layers behind it are the ones that complain. With this code
the report has one fault instead of a cascade.

Example:

    $ stitch inspect unet --device meta --replace 'down2=Conv2d:out_channels=7,kernel_size=1'
    error[ST108]: the block at down2 gives 1×7×128×128, and 1×256×64×64 is wanted there

Fix: the same edit with adapters is tried and offered: a projection to the width, a resize to the
size. Or give the block the stride and the channels of its place yourself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from stitchcli.records import (
    Applied,
    Audit,
    Diagnostic,
    Fix,
    Insert,
    Misfit,
    Replace,
    Severity,
    Wrap,
)
from stitchcli.words.edits import print_edit
from stitchcli.words.selectors import exactly_label
from stitchcli.words.shapes import format_shape


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for each edit with blocks that do not fit."""
    broke = len(audit.result.problems) > len(audit.base.problems) or (
        audit.base.complete and not audit.result.complete
    )
    changed = audit.result.outputs != audit.base.outputs
    if audit.base.problems and not broke:
        return  # what came by in a broken network is not what is wanted
    severity: Severity = "error" if broke else "warning" if changed else "note"
    for item in audit.applied:
        if item.misfits:
            yield _diagnostic(item, item.misfits[0], severity)


def _diagnostic(item: Applied, first: Misfit, severity: Severity) -> Diagnostic:
    gives, wanted = format_shape(first.gives), format_shape(first.wanted)
    match first.kind:
        case "branch":
            title = f"{first.part} gives {gives} in a branch beside {wanted}"
        case "input":
            title = (
                f"{first.part} at {first.label} takes equal maps, and is given {wanted} and {gives}"
            )
        case _:
            title = f"the block at {first.label} gives {gives}, and {wanted} is wanted there"
    labels = list(dict.fromkeys(misfit.label for misfit in item.misfits))
    more = f"; so at {len(labels) - 1} more places" if len(labels) > 1 else ""
    return Diagnostic(
        code="ST108",
        severity=severity,
        path=first.label,
        title=title + more,
        phase="config",
        notes=(f"in {print_edit(item.edit)}",),
        fixes=tuple(_fixes(item)),
        call=0,
    )


def _fixes(item: Applied) -> Iterator[Fix]:
    """The same edit with adapters; where they differ from place to place, one edit for each."""
    edit = item.edit
    if not isinstance(edit, Replace | Wrap | Insert):
        return
    mended = {misfit.label: misfit.mended for misfit in item.misfits}
    blocks = {block for block in mended.values() if block is not None}
    if not blocks or blocks == {edit.block}:
        return
    title = "make the block fit its place"
    if len(blocks) == 1 and set(mended) == set(item.matched):
        yield Fix(title, (replace(edit, block=blocks.pop()),), instead=(edit,))
        return
    edits = tuple(
        replace(edit, where=exactly_label(label), block=mended.get(label) or edit.block)
        for label in item.matched
    )
    yield Fix(title, edits, instead=(edit,))
