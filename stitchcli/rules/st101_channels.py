"""ST101: a layer is given another number of channels than it was built for.

Convolutions, linear layers, norms, embeddings and attention carry the width that they take in as
an argument. Here another width arrived. Layers that refuse the same width from the same producer
are one fault.

Severity: error

Why: it is the everyday fault of stitching. Torch stops at the first and names neither the layer nor
what made the wrong number. The label under the call says where it came from; after a `cat`, as a
sum of its parts.

Example:

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.skip, self.deep = nn.Conv2d(3, 16, 1), nn.Conv2d(3, 16, 1)
            self.fuse = nn.Conv2d(16, 8, 3, padding=1)

        def forward(self, x):
            return self.fuse(torch.cat([self.skip(x), self.deep(x)], dim=1))

    $ stitch inspect model.py --input 1x3x32x32
    error[ST101]: conv2d expects 16 channels, got 32

Fix: let the layer take what comes (`--set fuse.in_channels=32`), let the producer give what is
wanted, or put a 1×1 projection between them. Each is tried before it is offered. The first span is
where the number is written, so it is the line to change in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd, prod

from stitchcli.records import Audit, Diagnostic, Fix, Insert, Layer, Problem, Trace
from stitchcli.rules.branches import fit_axis
from stitchcli.rules.common import from_problem, owner, problems
from stitchcli.rules.provenance import describe, module_of, origin, takers
from stitchcli.rules.widths import (
    adapter,
    pointwise,
    producer_fixes,
    set_in,
    set_one,
    set_out,
    width_in,
)
from stitchcli.words.selectors import exactly
from stitchcli.words.shapes import format_shape


def check(audit: Audit) -> Iterator[Diagnostic]:
    """One diagnostic for each producer and the width that its consumers wanted instead."""
    trace = audit.result
    groups: dict[tuple[object, ...], list[Problem]] = {}
    for problem in problems(audit, "channels"):
        if not is_features(trace, problem):
            groups.setdefault(_cause(trace, problem), []).append(problem)
    for group in groups.values():
        yield _say(trace, group)


def is_features(trace: Trace, problem: Problem) -> bool:
    """True where a flatten or view stands before a linear layer: that is ST104's to say."""
    ref = problem.operands[problem.operand]
    if problem.op != "linear" or problem.got is None or len(ref.shape) > 2:
        return False
    return origin(trace, ref, problem.got).reshaped


def _cause(trace: Trace, problem: Problem) -> tuple[object, ...]:
    ref = problem.operands[problem.operand]
    found = origin(trace, ref, problem.got or 0)
    made = (found.call.path, found.call.op) if found.call else found.ref.name
    return made, problem.expected, problem.got, "" if found.call or made else problem.path


def _say(trace: Trace, group: list[Problem]) -> Diagnostic:
    first = group[0]
    ref = first.operands[first.operand]
    came = describe(trace, ref, first.dim or 0)
    if first.expected is None:
        title = f"{first.op}: {first.text}"
    else:
        title = f"{first.op} expects {first.expected} {_unit(first)}, got {first.got}"
    consumers = tuple(dict.fromkeys(owner(p.path, trace) for p in group))
    layer = trace.layers.get(first.path)
    forgotten = _forgotten(first)
    notes = (f"refused by {', '.join(consumers)}",) if len(consumers) > 1 else ()
    return from_problem(
        trace,
        first,
        "ST101",
        title,
        came,
        built_label=f"built for {first.expected}" if first.expected else "built here",
        argument=width_in(layer) if layer else None,
        notes=(*notes, *forgotten),
        consumers=consumers,
        fixes=tuple(_fixes(trace, group)),
    )


def _forgotten(problem: Problem) -> tuple[str, ...]:
    """Where the number that is wanted stands on another axis, or is what a flatten would give."""
    shape, dim, expected = problem.operands[problem.operand].shape, problem.dim, problem.expected
    if problem.op not in ("linear", "layer_norm", "rms_norm") or expected is None:
        return ()
    axes = [axis for axis, size in enumerate(shape) if size == expected and axis not in (0, dim)]
    if axes:
        return (f"axis {axes[0]} has {expected}: was a permute or a transpose forgotten?",)
    if len(shape) > 2 and prod(shape[1:]) == expected:
        return (f"{format_shape(shape[1:])} flattened is {expected}: was a flatten forgotten?",)
    return ()


def _unit(problem: Problem) -> str:
    """Channels stand behind the batch, features last."""
    rank = len(problem.operands[problem.operand].shape)
    last = problem.dim == rank - 1
    if problem.op in ("layer_norm", "rms_norm") and not last:
        return f"on axis {problem.dim}"
    return "features" if last and (rank != 2 or problem.op == "linear") else "channels"


def _fixes(trace: Trace, group: list[Problem]) -> Iterator[Fix]:
    first = group[0]
    expected, got = first.expected, first.got
    if got is None:
        return
    if first.op.startswith("conv") and expected is None:
        yield from _other_groups(trace.layers.get(first.path))
        return
    layers = [trace.layers[p.path] for p in group if p.path in trace.layers]
    consumer_side = [edit for layer in layers for edit in set_in(layer, got)]
    shape = layers[0].attributes.get("normalized_shape") if layers else None
    if isinstance(shape, tuple) and len(shape) > 1:
        tail = first.operands[first.operand].shape[-len(shape) :]
        consumer_side = [set_one(layer, "normalized_shape", tail) for layer in layers]
    if consumer_side:
        names = ", ".join(dict.fromkeys(owner(layer.path, trace) for layer in layers))
        yield Fix(f"let {names} take {got}", tuple(dict.fromkeys(consumer_side)))
    depthwise = len(layers) == 1 and layers[0].attributes.get("groups", 1) == expected
    if depthwise and expected is not None:  # it gives what it takes
        behind = takers(trace, trace.calls[first.call], expected)
        following = [edit for call in behind for edit in set_in(trace.layers[call.path], got)]
        edits = tuple(dict.fromkeys([*consumer_side, *following]))
        yield Fix(f"let {layers[0].path} take {got}, and what follows too", edits)
    if expected is None:
        return
    ref = first.operands[first.operand]
    found = origin(trace, ref, got)
    yield from producer_fixes(trace, found.call, found.followers, expected)
    if found.call is not None and found.call.op == "cat":
        yield from _one_part(trace, found.call.index, expected - got)
    if first.dim is not None and len(ref.shape) == 3:
        yield from fit_axis(trace, ref, first.dim, expected)
    if edit := adapter(layers[0], ref.shape, expected) if layers else None:
        yield Fix(f"a 1×1 projection to {expected} before {layers[0].path}", (edit,))
    if (path := module_of(trace, ref)) and len(group) > 1:
        block = pointwise(expected)
        yield Fix(
            f"a 1×1 projection to {expected} after {path}", (Insert("after", exactly(path), block),)
        )


def _other_groups(layer: Layer | None) -> Iterator[Fix]:
    """Groups that divide what a convolution takes and what it gives."""
    if layer is None:
        return
    groups, a, b = (layer.attributes[n] for n in ("groups", "in_channels", "out_channels"))
    for number in dict.fromkeys((gcd(gcd(a, b), groups), gcd(a, b), 1)):
        yield Fix(f"groups={number} in {layer.path}", (set_one(layer, "groups", number),))


def _one_part(trace: Trace, cat: int, missing: int) -> Iterator[Fix]:
    """A cat is too wide or too narrow: let one of its parts make up for it."""
    call = trace.calls[cat]
    for part in call.inputs:
        if len(part.shape) < 2:
            continue
        found = origin(trace, part, part.shape[1])
        if found.call is not None and found.call.path in trace.layers and found.call.is_module:
            width = part.shape[1] + missing
            if width > 0 and set_out(trace.layers[found.call.path], width):
                yield from producer_fixes(trace, found.call, found.followers, width)
