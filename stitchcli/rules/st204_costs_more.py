"""ST204: a replacement that has more parameters than what it replaced.

Only where other places of the same `--replace` became smaller; where all of them grew, it is what
was asked for.

Severity: warning; a note where every place grew.

Why: a replacement by name reaches places for which it was not meant. A 1×1 convolution made
depthwise-separable is the usual one: its depthwise part is all extra.

Example:

    $ stitch inspect unet --device meta --replace conv=dwconv
    warning[ST204]: --replace conv=dwconv costs more at outc 130 → 192

Fix: leave those places as they were (`--except outc`), or select more closely
(`--replace 'conv[k=3]=dwconv'`).
"""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import Audit, Diagnostic, Fix, Keep, Replace
from stitchcli.words.edits import print_edit
from stitchcli.words.selectors import exactly


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for each --replace of which some places, but not all, grew."""
    for item in audit.applied:
        if not isinstance(item.edit, Replace):
            continue
        growth = {}
        for path in item.matched:
            base = audit.base.params_below.get(path, 0)
            result = audit.result.params_below.get(path, 0)
            if result > base:
                growth[path] = (base, result)
        if not growth:
            continue
        everywhere = len(growth) == len(item.matched)
        shown = ", ".join(f"{p} {b:,} → {r:,}" for p, (b, r) in list(growth.items())[:4])
        more = f" and {len(growth) - 4} more" if len(growth) > 4 else ""
        fix = Fix("leave it as it was", tuple(Keep(exactly(path)) for path in growth))
        yield Diagnostic(
            code="ST204",
            severity="warning" if not everywhere else "note",
            path=next(iter(growth)),
            title=f"{print_edit(item.edit)} costs more at {shown}{more}",
            phase="config",
            fixes=() if everywhere or len(growth) > 3 else (fix,),
        )
