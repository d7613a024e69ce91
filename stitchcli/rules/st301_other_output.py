"""ST301: after the edits the network gives an output of another shape than before.

It is said where the network ran without a fault before and runs without one now: nothing in it
refuses what comes, but what takes its output, a head or a loss, was written for the shape before.
Where a block is at odds with its place, ST108 says so, and this code is silent.

Severity: warning

Why: a lost stride, a removed upsampling or another width is handed on by every layer that does not
care, and is met only when the loss compares the output with its target.

Example:

    $ stitch inspect unet --device meta --set outc.out_channels=4 --set outc.stride=2
    warning[ST301]: the output is 1×4×128×128, and was 1×2×256×256 before the edits

Fix: let the last module be followed by a projection to the width, or a resize to the size, that was
there before; both are tried. Where the other shape is what you want, as with a new head, leave it
out with `--ignore ST301`.
"""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import (
    Audit,
    BlockSpec,
    Diagnostic,
    Fix,
    Insert,
    Ref,
    Series,
    Shape,
    Trace,
)
from stitchcli.rules.provenance import module_of
from stitchcli.words.edits import print_edit
from stitchcli.words.selectors import exactly
from stitchcli.words.shapes import format_shape


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for all outputs."""
    base, result = audit.base, audit.result
    if not audit.edited or not _is_sound(base) or not _is_sound(result):
        return
    before, now = _shapes(base), _shapes(result)
    # another input gives another output, and a misfit is ST108's to say
    if before == now or base.inputs != result.inputs or any(i.misfits for i in audit.applied):
        return
    yield Diagnostic(
        code="ST301",
        severity="warning",
        path="",
        title=f"the output is {_words(now)}, and was {_words(before)} before the edits",
        notes=(
            *(f"after {print_edit(item.edit)}" for item in audit.applied if item.matched),
            "where that is meant: --ignore ST301",
        ),
        fixes=tuple(_fixes(result, before)),
    )


def _is_sound(trace: Trace) -> bool:
    return trace.complete and not trace.problems and not trace.misbuilt


def _shapes(trace: Trace) -> tuple[Shape, ...]:
    return tuple(spec.shape for spec in trace.outputs)


def _words(shapes: tuple[Shape, ...]) -> str:
    return ", ".join(format_shape(shape) for shape in shapes) or "nothing"


def _fixes(trace: Trace, before: tuple[Shape, ...]) -> Iterator[Fix]:
    """What brings every output back to its shape, behind the modules that give them."""
    given = trace.calls[0].outputs if trace.calls else ()
    if len(given) != len(before):
        return
    edits = []
    for ref, wanted in zip(given, before, strict=True):
        if ref.shape == wanted:
            continue
        path, block = module_of(trace, ref), _adapter(ref, wanted)
        if path is None or block is None:
            return
        edits.append(Insert("after", exactly(path), block))
    if edits:
        yield Fix("bring the output back to its shape", tuple(dict.fromkeys(edits)))


def _adapter(ref: Ref, wanted: Shape) -> BlockSpec | Series | None:
    """A projection where the width differs, a resize where the size does; None where neither will
    do."""
    got = ref.shape
    if len(got) != len(wanted) or got[:1] != wanted[:1]:
        return None
    last = len(got) - 1
    if got[:last] == wanted[:last] and len(got) <= 3:
        return BlockSpec("Linear", (("in_features", got[last]), ("out_features", wanted[last])))
    parts = []
    if got[1] != wanted[1]:
        # what stands there was measured before the edits, so the width that comes is said
        widths = (("in_channels", got[1]), ("out_channels", wanted[1]))
        parts.append(BlockSpec("pointwise", widths))
    if got[2:] != wanted[2:]:
        size = wanted[2] if len(wanted) == 3 else wanted[2:]
        parts.append(BlockSpec("resize", (("size", size),)))
    return parts[0] if len(parts) == 1 else Series(tuple(parts))
