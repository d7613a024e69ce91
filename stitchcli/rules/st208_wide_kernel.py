"""ST208: a kernel as wide as the whole axis that it slides over.

Looked for in padded, dense convolutions of stride 1; long depthwise kernels are meant.

Severity: warning

Why: it is what happens when a channel count is passed as the kernel size. Efficient channel
attention slides a kernel of 3 or 5 over its channels; with the count itself it has as many weights
as channels and sees them all at once, and it still runs.

Example:

    from torch import nn

    class Net(nn.Module):
        def __init__(self, channels=63):
            super().__init__()
            self.stem = nn.Conv2d(3, channels, 1)
            self.gate = nn.Conv1d(1, 1, channels, padding=channels // 2)

        def forward(self, x):
            x = self.stem(x)
            gate = self.gate(x.mean((2, 3)).unsqueeze(1)).sigmoid()
            return x * gate.transpose(1, 2).unsqueeze(3)

    $ stitch inspect model.py --input 1x3x32x32
    warning[ST208]: gate slides a kernel of 63 over 63

Fix: give the kernel that was meant (`--set gate.kernel_size=3 --set gate.padding=1`); in the file,
look at the order of the arguments.
"""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import Audit, Call, Diagnostic, Fix, Label, Layer, Set, Shape
from stitchcli.words.selectors import exactly
from stitchcli.words.shapes import format_shape

#: Smaller ones are common on the small maps at the end of a network.
_LEAST = {1: 7, 2: 15, 3: 15}


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for each padded convolution whose kernel covers all that it slides over."""
    trace = audit.result
    seen: set[str] = set()
    for call in trace.calls:
        layer = trace.layers.get(call.path) if call.is_module else None
        if layer is None or layer.path in seen or layer.family != "conv":
            continue
        kernel = _kernel(layer)
        if kernel and _covers(kernel, call):
            seen.add(layer.path)
            yield _say(layer, call, kernel)


def _kernel(layer: Layer) -> Shape:
    """The kernel of a dense convolution that is no stem or pooling; long depthwise ones are
    meant."""
    kernel, stride = layer.attributes.get("kernel_size"), layer.attributes.get("stride")
    if not isinstance(kernel, tuple) or stride != (1,) * len(kernel):
        return ()
    return kernel if layer.attributes.get("groups") == 1 else ()


def _covers(kernel: Shape, call: Call) -> bool:
    if not call.inputs or not call.outputs:
        return False
    rank = len(kernel)
    came, gave = call.inputs[0].shape[-rank:], call.outputs[0].shape[-rank:]
    return came == gave and all(
        k >= size and k >= _LEAST.get(rank, 15) for k, size in zip(kernel, came, strict=True)
    )


def _say(layer: Layer, call: Call, kernel: Shape) -> Diagnostic:
    where = exactly(layer.path)
    edits = (Set(where, "kernel_size", 3), Set(where, "padding", 1))
    size = call.inputs[0].shape[-len(kernel) :]
    return Diagnostic(
        code="ST208",
        severity="warning",
        path=layer.path,
        title=f"{layer.path} slides a kernel of {format_shape(kernel)} over {format_shape(size)}",
        primary=Label(layer.built, "built here") if layer.built else None,
        notes=("was a channel count passed as the kernel size?",),
        fixes=(Fix("a kernel of 3", edits),),
        argument="kernel_size",
    )
