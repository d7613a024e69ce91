"""What the rules share: spans, operands, and the words for them."""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.records import Audit, Diagnostic, Fix, Label, Mismatch, Problem, Ref, Trace
from stitchcli.rules.provenance import is_input, name_of, origin


def problems(audit: Audit, *kinds: str) -> Iterator[Problem]:
    """The facts of some kinds, in the order in which the forward met them; the same fact at every
    call of a module that is called again and again is one."""
    seen = set()
    for problem in audit.result.problems:
        shapes = tuple(ref.shape for ref in problem.operands)
        fact = (problem.kind, problem.op, problem.path, problem.site, shapes)
        if problem.kind in kinds and fact not in seen:
            seen.add(fact)
            yield problem


def from_problem(
    trace: Trace,
    problem: Problem,
    code: str,
    title: str,
    label: str,
    *,
    built_label: str = "",
    argument: str | None = None,
    notes: tuple[str, ...] = (),
    fixes: tuple[Fix, ...] = (),
    consumers: tuple[str, ...] = (),
) -> Diagnostic:
    """A diagnostic whose spans are where the layer was built and where the forward calls it."""
    layer = trace.layers.get(problem.path)
    built = Label(layer.built, built_label) if built_label and layer and layer.built else None
    forward = Label(problem.site, label) if problem.site else None
    spans = [span for span in (built, forward) if span is not None]
    return Diagnostic(
        code=code,
        severity="error",
        path=problem.path,
        title=title,
        primary=spans[0] if spans else None,
        secondary=tuple(spans[1:]),
        op=problem.op,
        operands=tuple(operand(trace, ref, index) for index, ref in enumerate(problem.operands)),
        mismatch=Mismatch(problem.dim, problem.expected, problem.got),
        notes=notes,
        consumers=consumers,
        fixes=fixes,
        call=problem.call,
        argument=argument or "",
    )


def operand(trace: Trace, ref: Ref, index: int) -> tuple[str, tuple[int, ...], str]:
    """Name, shape and origin of a tensor."""
    name = ref.name or f"operand {index + 1}"
    if ref.producer is None:
        return name, ref.shape, "input" if is_input(ref) else "weight"
    call = trace.calls[ref.producer]
    made_by = call.path if call.is_module else f"{call.op} in {call.path or 'the root'}"
    return name, ref.shape, made_by


def short_name(trace: Trace, ref: Ref, axis: int = 1) -> str:
    """What made a tensor, in a word; behind a functional call, what decided its width."""
    if ref.producer is None:
        return ref.name or "a constant"
    call = trace.calls[ref.producer]
    if call.is_module:
        return call.path
    return name_of(trace, origin(trace, ref, ref.shape[axis] if len(ref.shape) > axis else 0))


def label_of(trace: Trace, index: int) -> str | None:
    """The label of a functional call; None where no edit can speak of it."""
    return next((label for label, call in trace.functional.items() if call == index), None)


def owner(path: str, trace: Trace) -> str:
    """A module's path, or the network's class for the root."""
    return path or trace.layers[""].kind
