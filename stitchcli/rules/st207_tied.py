"""ST207: two places that share one module's weights after the edits, though they did not before.

A block that hands out the same instance each time, or that keeps a layer in its class, ties the
weights of all the places where it is put. What the network shared before the edits, and what a
block shares within itself, is no fault.

Severity: warning

Why: each block seems to have weights of its own, and is counted once in all: the parameters are
too few, a step of the optimiser for one place moves every other, and only one set of weights is
ever learned.

Example:

    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)

        def forward(self, x):
            return self.b(self.a(x))

    class Gate(nn.Module):
        weights = {}

        def __init__(self, channels):
            super().__init__()
            self.conv = self.weights.setdefault(channels, nn.Conv2d(channels, channels, 1))

        def forward(self, x):
            return x * self.conv(x).sigmoid()

    $ stitch inspect model.py:Net --device meta --input 1x3x32x32 --after 'conv=model.py:Gate'
    warning[ST207]: 2 places share one Conv2d of 72 parameters since the edits

Fix: build the layer in the block's `__init__`, every time; a cache, a default argument or a class
attribute holds one instance for all. Where the sharing is meant, leave it out with `--ignore
ST207`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from stitchcli.records import Audit, Diagnostic, Label, Trace, Weight


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for each outermost module that stands at several places."""
    if not audit.edited:
        return
    result = audit.result
    built = {each.path for item in audit.applied for each in item.built}
    before, now = _modules(audit.base), _modules(result)
    known = {name: w.path for w in audit.base.weights for name in (w.path, *w.aliases)}
    groups: dict[tuple[str, ...], list[Weight]] = {}
    for weight in result.weights:
        names = (weight.path, *weight.aliases)
        if weight.is_buffer or len({_place(name, built) for name in names}) < 2:
            continue
        apart = {known.get(name) or _as_before(name, before): name for name in reversed(names)}
        if len(apart) > 1:
            groups.setdefault(_outermost(sorted(apart.values()), now), []).append(weight)
    for owners, weights in groups.items():
        yield _say(result, owners, weights)


def _modules(trace: Trace) -> dict[str, str]:
    """The first path of every module, by each of its paths."""
    return {path: e.path for e in trace.layers.values() for path in (e.path, *e.aliases)}


def _as_before(name: str, before: Mapping[str, str]) -> str:
    """A weight's name, where the nearest module around it that was there before the edits is
    called by its first path."""
    module, rest = name, ""
    while module not in before:
        module, _, last = module.rpartition(".")
        rest = f".{last}{rest}"
    return before[module] + rest


def _place(name: str, built: set[str]) -> str:
    """The outermost block that was put in around a weight; else the weight itself."""
    parts = name.split(".")
    ends = (".".join(parts[:end]) for end in range(1, len(parts)))
    return next((path for path in ends if path in built), name)


def _outermost(names: Sequence[str], now: Mapping[str, str]) -> tuple[str, ...]:
    """The paths of the whole of what is shared."""
    owners = [name.rpartition(".")[0] for name in names]
    while True:
        around = [path.rpartition(".")[0] for path in owners]
        if len(set(around)) < len(around) or len({now.get(path) for path in around}) > 1:
            return tuple(owners)
        owners = around


def _say(trace: Trace, owners: tuple[str, ...], weights: list[Weight]) -> Diagnostic:
    layer = trace.layers.get(owners[0])
    kind = layer.kind if layer is not None else "module"
    count = sum(weight.count for weight in weights)
    return Diagnostic(
        code="ST207",
        severity="warning",
        path=owners[0],
        title=f"{len(owners)} places share one {kind} of {count:,} parameters since the edits",
        primary=Label(layer.built, "built here") if layer and layer.built else None,
        consumers=owners,
        notes=(f"at {', '.join(owners[:6])}", "they are counted, and learned, once"),
    )
