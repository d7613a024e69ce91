"""What one model measures, as it is and as it was: plain data, for the process that asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from stitchcli.checking.jobs import GitBase, Job
from stitchcli.comparing import compare
from stitchcli.comparing.tensors import state_shapes
from stitchcli.difference import on_inputs_of
from stitchcli.errors import EditError, StitchError
from stitchcli.filters import make_filter
from stitchcli.formats.findings import findings
from stitchcli.formats.json import model_document
from stitchcli.pipeline import Request, inspect_target
from stitchcli.records import (
    Against,
    Checkpoint,
    Facts,
    Fault,
    Measured,
    Moved,
    Own,
    Report,
    TensorSpec,
    Trace,
    Weight,
)
from stitchcli.surgery.select import select
from stitchcli.words.selectors import parse_selector
from stitchcli.words.shapes import print_spec, shape_text

FAULTY = "the forward has faults, so that its MACs are not known"
OTHER_INPUT = "it was measured on another input"


def measure(job: Job) -> Report:
    """The audit of a model as it is now. Raises StitchError."""
    return inspect_target(job.model.target, _request(job))


def measure_base(job: Job, base: GitBase, head: Report) -> Against:
    """The same for the model as it was, on the input of today, and what changed since."""
    if base.missing:
        return Against(base.label, text=base.missing, is_new=base.is_new, warnings=base.warnings)
    request = replace(_request(job), inputs=(), edits=base.edits, blocks=base.blocks)
    try:
        report = on_inputs_of(head, base.target, request)
    except StitchError as error:
        return Against(base.label, None, error.message, error.help, warnings=base.warnings)
    found = against_report(base.label, report, head, job.model.selectors)
    return replace(found, warnings=base.warnings)


def against_report(label: str, base: Report, head: Report, selectors: tuple[str, ...]) -> Against:
    """Another report as what a model is compared with."""
    facts = facts_of(base, selectors)
    if base.result.inputs != head.result.inputs:
        facts = facts.without_forward(OTHER_INPUT)
    found = compare(base.result, head.result)
    changes = tuple(Moved(c.part.path, c.delta_params, c.delta_macs) for c in found.changes)
    return Against(label, facts, changes=changes, lost=tuple(_lost(found.checkpoint)))


def _request(job: Job) -> Request:
    return Request(
        edits=job.model.edits,
        inputs=job.model.inputs,
        device=job.device,
        mode=job.model.mode,
        blocks=job.blocks,
        filter=make_filter(settings=(job.select, job.ignore)),
        try_out=False,
    )


def _lost(checkpoint: Checkpoint) -> Iterator[str]:
    """Keys of base's state dict that a strict load would refuse or put elsewhere."""
    wrong = {*checkpoint.mistaken, *checkpoint.overwritten}
    for tensor in checkpoint.tensors:
        if tensor.fate != "as_is" or tensor.key in wrong:
            yield tensor.key
    yield from checkpoint.new


def facts_of(report: Report, selectors: tuple[str, ...]) -> Facts:
    """Everything that is worth keeping of a report."""
    trace = report.result
    values, missing, subtrees = _totals(trace), {}, {}
    for metric in selectors:
        name, _, selector = metric.partition("@")
        try:
            subtrees[metric] = select(parse_selector(selector), trace)
            values[metric] = _below(name, subtrees[metric], trace)
        except EditError as error:
            missing[metric] = f"{error.message}; {error.help}"
    facts = Facts(
        Measured(values, missing),
        tuple(print_spec(spec) for spec in trace.inputs),
        tuple(_output_text(spec) for spec in trace.outputs),
        trace.mode,
        str(report.versions["torch"]),
        modules=_owns(trace),
        subtrees=subtrees,
        state={key: shape_text(shape) for key, shape in state_shapes(trace).items()},
        device=trace.device,
        is_guessed=report.inputs_guessed,
        faults=tuple(_faults(report)),
        uncounted=trace.uncounted,
        built={
            path: layer.built
            for path, layer in trace.layers.items()
            if layer.built is not None and layer.built.user
        },
        notes=report.notes,
        document=model_document(report),
    )
    if trace.complete and not trace.problems:
        return facts
    return replace(facts.without_forward(FAULTY), is_complete=False)


def _output_text(spec: TensorSpec) -> str:
    """As people write it, without the name of a keyword."""
    shape = shape_text(spec.shape)
    return shape if spec.dtype == "float32" else f"{shape}:{spec.dtype}"


def _faults(report: Report) -> Iterator[Fault]:
    for each in findings(report):
        if each.level == "error":
            span = each.primary
            site, label = (span.site, span.text) if span else (None, "")
            yield Fault(each.code, each.path, each.line, each.details, site, label)


def _totals(trace: Trace) -> dict[str, int]:
    return {
        "params": trace.params, "trainable": trace.trainable, "buffers": trace.buffers,
        "macs": trace.macs, "flops": trace.flops,
    }  # fmt: skip


def _below(metric: str, paths: tuple[str, ...], trace: Trace) -> int:
    """A metric of what is at or below any of several paths, each weight and call once."""
    if metric in ("macs", "flops"):
        return sum(_macs_below(paths, trace)) * (2 if metric == "flops" else 1)
    found = [
        weight
        for weight in trace.weights
        if any(_is_below(name, paths) for name in (weight.path, *weight.aliases))
    ]
    return sum(weight.count for weight in found if _counts(weight, metric))


def _macs_below(paths: tuple[str, ...], trace: Trace) -> Iterator[int]:
    labelled = {trace.functional[path] for path in paths if path in trace.functional}
    inside: set[int] = set()
    for call in trace.calls:
        chosen = call.index in labelled or (call.is_module and call.path in paths)
        if chosen or call.parent in inside or _is_below(f"{call.path}.", paths):
            inside.add(call.index)
            yield call.macs


def _is_below(name: str, paths: tuple[str, ...]) -> bool:
    """Whether a dotted name lies below one of the paths; everything is below the root."""
    return any(not path or name.startswith(f"{path}.") for path in paths)


def _counts(weight: Weight, metric: str) -> bool:
    if metric == "buffers":
        return weight.is_buffer
    return not weight.is_buffer and (weight.trainable or metric == "params")


def _owns(trace: Trace) -> Mapping[str, Own]:
    """What each module costs without those in it, where that is anything."""
    found: dict[str, Own] = {}
    for weight in trace.weights:
        path = weight.path.rpartition(".")[0]
        own = found.get(path, Own())
        if weight.is_buffer:
            found[path] = replace(own, buffers=own.buffers + weight.count)
        else:
            learns = own.trainable + weight.count * weight.trainable
            found[path] = replace(own, params=own.params + weight.count, trainable=learns)
    for call in trace.calls:
        if call.macs:
            own = found.get(call.path, Own())
            found[call.path] = replace(own, macs=own.macs + call.macs)
    return found
