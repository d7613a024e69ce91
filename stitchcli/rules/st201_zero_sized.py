"""ST201: a layer with a dimension of zero, which torch builds and runs without a word.

Its weight has no elements and its output does not depend on its input.

Severity: error

Why: the classic is squeeze-and-excitation with `channel=3, reduction=16`: 3 // 16 = 0 hidden
features, so that the gate is a constant. The network trains, slightly worse, and nothing says why.

Example:

    from torch import nn

    class Net(nn.Module):
        def __init__(self, channel=3, reduction=16):
            super().__init__()
            hidden = channel // reduction
            self.fc = nn.Sequential(
                nn.Linear(channel, hidden), nn.ReLU(), nn.Linear(hidden, channel), nn.Sigmoid()
            )

        def forward(self, x):
            return x * self.fc(x.mean((2, 3)))[:, :, None, None]

    $ stitch inspect model.py --input 1x3x32x32
    error[ST201]: zero-sized layers: fc.0 (Linear 3 → 0), fc.2 (Linear 0 → 3)

Fix: write `max(channel // reduction, 1)`, give a smaller reduction, or leave the block out where
there are so few channels.
"""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import Audit, Diagnostic, Fix, Label, Layer, Trace
from stitchcli.rules.widths import set_one, width_in, width_out
from stitchcli.words.shapes import format_shape


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for each module that has zero-sized layers as children."""
    trace = audit.result
    groups: dict[str, list[Layer]] = {}
    for weight in trace.weights:
        if weight.count == 0 and weight.is_sized and not weight.is_buffer:
            layer = trace.layers[weight.path.rpartition(".")[0]]
            group = groups.setdefault(_block_of(layer.path, trace), [])
            if layer not in group:
                group.append(layer)
    for layers in groups.values():
        yield _say(trace, layers)


def _block_of(path: str, trace: Trace) -> str:
    """The nearest module around a layer that is no mere container."""
    parent = path.rpartition(".")[0]
    while parent and trace.layers[parent].kind in ("Sequential", "ModuleList", "ModuleDict"):
        parent = parent.rpartition(".")[0]
    return parent


def _say(trace: Trace, layers: list[Layer]) -> Diagnostic:
    first = layers[0]
    words = ", ".join(f"{layer.path} {_widths(layer)}" for layer in layers)
    shapes = tuple(
        (weight.path, weight.shape, "weight")
        for weight in trace.weights
        if weight.count == 0 and weight.path.rpartition(".")[0] in {layer.path for layer in layers}
    )
    return Diagnostic(
        code="ST201",
        severity="error",
        path=first.path,
        title=f"zero-sized {'layers' if len(layers) > 1 else 'layer'}: {words}",
        phase="build",
        primary=Label(first.built, "a width of 0") if first.built else None,
        operands=shapes,
        notes=("torch runs it silently; its output does not depend on its input",),
        fixes=_fixes(layers),
        argument=next((name for name, value in first.attributes.items() if value == 0), ""),
    )


def _widths(layer: Layer) -> str:
    first, last = width_in(layer), width_out(layer)
    if first and last:
        return f"({layer.kind} {layer.attributes[first]} → {layer.attributes[last]})"
    return f"({layer.kind} {format_shape(tuple(v for v in layer.attributes.values() if v == 0))})"


def _fixes(layers: list[Layer]) -> tuple[Fix, ...]:
    edits = tuple(
        set_one(layer, name, 1)
        for layer in layers
        for name in dict.fromkeys((width_in(layer), width_out(layer)))
        if name and layer.attributes[name] == 0
    )
    return (Fix("a width of at least 1", edits),) if edits else ()
