"""ST206: the output is inf or nan for an input of unit-normal numbers.

What is named is the call that gave such a number and was given none, upstream of the output; or the
weight that held one before the forward began. It needs numbers, so it is not looked for on meta.

Severity: error

Why: a division by what may be zero, the root or the logarithm of what may be negative, an exponent
without bounds: the first step of training makes every weight nan, and the loss says only that.

Example:

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, padding=1)
            self.head = nn.Conv2d(8, 2, 1)

        def forward(self, x):
            x = self.conv(x)
            x = torch.log(x)
            return self.head(x)

    $ stitch inspect model.py --input 1x3x32x32
    error[ST206]: log gives nan from finite numbers, and the output is not finite

Fix: bound what is divided by or rooted (`x / (norm + 1e-6)`, `x.clamp(min=1e-6).log()`); build
weights with numbers in them, as `torch.empty` does not.
"""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import Audit, Diagnostic, Label
from stitchcli.rules.common import operand, owner


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for the first such call."""
    trace, found = audit.result, audit.result.nonfinite
    if found is None:
        return
    call = trace.calls[found.call] if found.call is not None else None
    path = call.path if call is not None else ""
    layer = trace.layers.get(found.weight.rpartition(".")[0]) if found.weight else None
    op = (call.op or call.kind) if call is not None else ""
    if found.weight:
        title = f"{found.weight} holds numbers that are not finite, and so does the output"
    elif call is not None:
        title = f"{op} gives {found.gives} from finite numbers, and the output is not finite"
    else:
        title = f"the output holds {found.gives}"
    spans = [Label(layer.built, "built here")] if layer is not None and layer.built else []
    if call is not None and call.site is not None:
        spans.append(Label(call.site, f"gives {found.gives}"))
    yield Diagnostic(
        code="ST206",
        severity="error",
        path=layer.path if layer is not None else path,
        title=title,
        primary=spans[0] if spans else None,
        secondary=tuple(spans[1:]),
        op=op,
        operands=tuple(operand(trace, ref, i) for i, ref in enumerate(call.inputs)) if call else (),
        notes=(f"in {owner(path, trace)}, in {trace.mode} mode, for unit-normal inputs",),
        call=found.call,
    )
