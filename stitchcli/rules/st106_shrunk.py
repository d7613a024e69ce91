"""ST106: a feature map is smaller than the kernel that is to slide over it.

Only the first such place is said; what follows it is its consequence and stands in a note.

Severity: error

Why: every strided layer and every unpadded one makes maps smaller. A deep network, or one more
block with a stride, uses up a small input before its end.

Example:

    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.convs = nn.Sequential(*[nn.Conv2d(3, 3, 3, stride=2) for _ in range(4)])

        def forward(self, x):
            return self.convs(x)

    $ stitch inspect model.py --input 1x3x16x16
    error[ST106]: conv2d needs at least 3 on axis 2, got 1×1

Fix: feed a larger input (the smallest that runs is offered), pad the layer (`--set
convs.3.padding=1`), or leave out one of the downsamplings (`--remove`).
"""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import Audit, Diagnostic, Fix, Problem, Remove, Shape
from stitchcli.rules.common import from_problem, owner, problems
from stitchcli.rules.inputs import larger_inputs
from stitchcli.rules.sliding import each_axis
from stitchcli.rules.widths import set_one
from stitchcli.words.selectors import exactly
from stitchcli.words.shapes import format_shape
from stitchcli.words.values import collapse


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for the first such place; what follows it is its consequence."""
    trace = audit.result
    found = list(problems(audit, "shrunk"))
    if not found:
        return
    first = found[0]
    size = _spatial(first)
    also = tuple(dict.fromkeys(owner(p.path, trace) for p in found[1:]))
    notes = (f"too small as well: {', '.join(also[:6])}",) if also else ()
    yield from_problem(
        trace,
        first,
        "ST106",
        f"{first.op} needs at least {first.expected} on axis {first.dim}, got {format_shape(size)}",
        f"the input's {format_shape(trace.inputs[0].shape[2:])} has shrunk to {format_shape(size)}",
        built_label="built here",
        argument="kernel_size",
        notes=notes,
        fixes=(*larger_inputs(trace), *_layer_fixes(audit, first.path, first.call)),
    )


def _spatial(problem: Problem) -> Shape:
    """The axes that a kernel slides over, also where there is none for the batch."""
    axes = next((int(letter) for letter in problem.op if letter.isdigit()), 2)
    return problem.operands[0].shape[-axes:]


def _layer_fixes(audit: Audit, path: str, call: int) -> Iterator[Fix]:
    layer = audit.result.layers.get(path)
    if layer is None or not path:
        return
    kernel = layer.attributes.get("kernel_size")
    if layer.family == "conv" and isinstance(kernel, tuple):
        came, padding = (
            audit.result.calls[call].inputs[0].shape[-len(kernel) :],
            each_axis(layer, "padding", len(kernel)),
        )
        fitting = tuple(min(k, c + 2 * p) for k, c, p in zip(kernel, came, padding, strict=True))
        edit = set_one(layer, "kernel_size", collapse(fitting))
        yield Fix(f"a kernel in {path} that fits", (edit,))
        same = tuple(k // 2 for k in kernel)
        edit = set_one(layer, "padding", collapse(same))
        yield Fix(f"pad {path} so that it keeps the size", (edit,))
    if layer.family == "pool":
        yield Fix(f"leave out {path}", (Remove(exactly(path)),))
