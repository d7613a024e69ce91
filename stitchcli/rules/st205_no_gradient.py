"""ST205: parameters that a backward pass gives no gradient.

With `--backward` the network is run once more on a copy, and its outputs, summed, are gone back
over. Named is each outermost module none of whose parameters is reached, and why, where the forward
tells. A module that never ran is ST202; a frozen parameter is no fault.

Severity: warning; an error where the backward pass itself fails, as after a change in place of what
it needs.

Why: the optimiser skips what has no gradient, so that a branch stays as random as it was made, and
distributed training stops at it. The loss goes down all the same.

Example:

    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.Conv2d(3, 8, 3, padding=1)
            self.head = nn.Conv2d(8, 2, 1)

        def forward(self, x):
            return self.head(self.encoder(x).detach())

    $ stitch inspect model.py --input 1x3x32x32 --backward
    warning[ST205]: encoder (Conv2d) gets no gradient: 224 parameters that do not learn

Fix: take out the `detach()`, `.data` or `torch.no_grad()` between the module and the output, or
use its output. Where it is not to learn, freeze it with `requires_grad_(False)`. After a change in
place, write `x = x + y` for `x += y`, and `inplace=False`.
"""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import Audit, Backward, Call, Diagnostic, Fix, Label, Trace, Weight
from stitchcli.rules.widths import set_one
from stitchcli.usage import unused_modules

_BLOCKS_GRADIENTS = frozenset(
    """
    detach detach_ argmax argmin argsort eq ne lt le gt ge multinomial bernoulli one_hot long int
    bool byte searchsorted bucketize nonzero isnan isfinite isinf logical_and logical_or
    logical_not sign
    """.split()
)


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for each outermost module, or for the failure."""
    trace = audit.result
    if trace.backward is None:
        return
    if trace.backward.error:
        yield _failure(trace, trace.backward)
        return
    weights = {weight.path: weight for weight in trace.weights}
    missed = {name: weights[name] for name in trace.backward.missed if name in weights}
    dead = tuple(f"{path}." for path in unused_modules(trace))
    groups: dict[str, list[Weight]] = {}
    for name, weight in missed.items():
        if not name.startswith(dead):
            groups.setdefault(_outermost(trace, name, missed), []).append(weight)
    for path, group in groups.items():
        yield _say(trace, path, group)


def _outermost(trace: Trace, name: str, missed: dict[str, Weight]) -> str:
    """The largest module around a parameter in which nothing learns."""
    learning = [w.path for w in trace.weights if w.trainable and w.path not in missed]
    path = name.rpartition(".")[0]
    while path:
        parent = path.rpartition(".")[0]
        if not parent or any(other.startswith(f"{parent}.") for other in learning):
            return path
        path = parent
    return path


def _say(trace: Trace, path: str, group: list[Weight]) -> Diagnostic:
    layer = trace.layers.get(path) or trace.layers[""]
    whole = all(w in group for w in trace.weights if w.trainable and _is_in(w, path))
    name = f"{path} ({layer.kind})" if path and whole else ", ".join(w.path for w in group[:3])
    count = sum(weight.count for weight in group)
    why, call = _why(trace, path, group)
    spans = [Label(layer.built, "built here")] if path and layer.built else []
    if call is not None and call.site is not None:
        spans.append(Label(call.site, "the gradient ends here"))
    get = "gets" if (path and whole) or len(group) == 1 else "get"
    return Diagnostic(
        code="ST205",
        severity="warning",
        path=path,
        title=f"{name} {get} no gradient: {count:,} parameters that do not learn",
        primary=spans[0] if spans else None,
        secondary=tuple(spans[1:]),
        consumers=tuple(weight.path for weight in group),
        notes=(why, f"in {trace.mode} mode"),
    )


def _is_in(weight: Weight, path: str) -> bool:
    return weight.path.startswith(f"{path}.") if path else True


def _why(trace: Trace, path: str, group: list[Weight]) -> tuple[str, Call | None]:
    """What the forward tells: the way from the parameters to the output."""
    if not any(weight.users for weight in group):
        return "no operation reads it", None
    names = {name for weight in group for name in (weight.path, *weight.aliases)}
    users = {user for weight in group for user in weight.users}
    waiting = [
        call.index
        for call in trace.calls
        if (call.is_module and call.op and call.path in users)
        or any(ref.name in names and ref.producer is None for ref in call.inputs)
    ]
    ends = {ref.producer for ref in trace.calls[0].outputs}
    blocks: list[Call] = []
    seen: set[int] = set()
    takers = _takers(trace)
    while waiting:
        index = waiting.pop()
        if index in seen:
            continue
        seen.add(index)
        call = trace.calls[index]
        if not call.is_module and call.op in _BLOCKS_GRADIENTS:
            blocks.append(call)
            continue
        if index in ends:
            return "its output reaches the network's, but outside of autograd: torch.no_grad?", None
        waiting += takers.get(index, [])
    if blocks:
        first = min(blocks, key=lambda call: call.index)
        return f"{first.op} lets no gradient through", first
    return "no output depends on it: unused, or taken out with .data or .item()", None


def _takers(trace: Trace) -> dict[int, list[int]]:
    """The calls that take what a call gives."""
    found: dict[int, list[int]] = {}
    for call in trace.calls:
        for ref in call.inputs:
            if ref.producer is not None and ref.producer != call.index:
                found.setdefault(ref.producer, []).append(call.index)
    return found


def _failure(trace: Trace, found: Backward) -> Diagnostic:
    in_place = "inplace operation" in found.error or "in-place" in found.error
    title = f"the backward pass fails: {found.error}"
    if in_place:
        title = f"the backward pass fails: what {found.op or 'an op'} needs is changed in place"
    layers = [layer for layer in trace.layers.values() if layer.attributes.get("inplace") is True]
    edits = tuple(set_one(layer, "inplace", False) for layer in layers)
    fixes = [Fix(f"{layer.path} not in place", (edit,))
             for layer, edit in zip(layers, edits, strict=True)]  # fmt: skip
    fixes.append(Fix("nothing in place", edits))
    return Diagnostic(
        code="ST205",
        severity="error",
        path="",
        title=title,
        primary=Label(found.site, "saved here for the backward pass") if found.site else None,
        op=found.op,
        notes=(found.error,) if in_place else (),
        fixes=tuple(fixes) if in_place and edits else (),
    )
