"""Holds what was measured of one model to all that it is held to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from stitchcli.budgets import judge
from stitchcli.checking.baseline import LABEL
from stitchcli.checking.why import why
from stitchcli.records import Against, Checked, Facts, Grade, ModelCheck, Outcome, Verdict
from stitchcli.records.checked import BASE, CHECKPOINT, FAULTS, OUTPUT, UNCOUNTED
from stitchcli.records.held import Status, is_of_forward
from stitchcli.words.shapes import shape_text


def hold(model: ModelCheck, outcome: Outcome, against: Against | None) -> Checked:
    """A verdict for each thing that the model is held to."""
    head = outcome.facts if outcome.failure is None else None
    if head is None:
        verdicts = tuple(_unmeasured(model, outcome))
    else:
        verdicts = tuple(_verdicts(model, head, against))
    reasons = {verdict.name: why(verdict, head, against) for verdict in verdicts}
    return Checked(
        model,
        verdicts,
        head,
        against,
        outcome.failure,
        {name: parts for name, parts in reasons.items() if parts},
        tuple(_notes(model, head, against)),
        outcome.seconds,
    )


def _notes(model: ModelCheck, head: Facts | None, against: Against | None) -> Iterator[str]:
    """What the audit notes, and what got better than the baseline: it would be free to get worse
    again."""
    yield from head.notes if head else ()
    yield from against.notes if against else ()
    if head is None or against is None or against.label != LABEL or against.facts is None:
        return
    before, now = against.facts.measured.values, head.measured.values
    for metric in dict.fromkeys(each.metric for each in model.limits if each.kind != "min"):
        if metric in before and metric in now and now[metric] < before[metric]:
            less = before[metric] - now[metric]
            yield f"{metric} is {less:,} less than the baseline; stitch baseline accept keeps it so"


def _unmeasured(model: ModelCheck, outcome: Outcome) -> Iterator[Verdict]:
    """A model that could not be measured passes nothing."""
    text = outcome.failure.message if outcome.failure else "it was not measured"
    names = [(limit.name, limit.metric) for limit in model.limits]
    names += [(OUTPUT, OUTPUT)] if model.output_shape is not None else []
    names += [(CHECKPOINT, CHECKPOINT)] if model.checkpoint else []
    for name, metric in names or [(FAULTS, FAULTS)]:
        yield Verdict(name, metric, "unmeasured", text=text)


def _verdicts(model: ModelCheck, head: Facts, against: Against | None) -> Iterator[Verdict]:
    if against is not None:
        yield from _of_base(against)
    faults = _of_faults(model.faults, head, against)
    if faults is not None:
        yield faults
    yield from _of_uncounted(model.uncounted, head)
    behind = _behind(faults, against)
    for verdict in _of_limits(model, head, against):
        unknown = verdict.status == "unmeasured" and is_of_forward(verdict.metric)
        yield replace(verdict, status=behind) if unknown and not head.is_complete else verdict
    if model.output_shape is not None:
        yield _of_output(model, head, behind)
    if model.checkpoint is not None:
        yield _of_checkpoint(model, against)


def _behind(faults: Verdict | None, against: Against | None) -> Status:
    """What is said of what a fault hides: the fault is told by itself, and decides."""
    if faults is not None and faults.status == "fail":
        return "fail"
    base = against.facts if against else None
    was_hidden = base is not None and not base.is_complete
    is_old = faults is not None and faults.status == "inherited"
    return "inherited" if is_old and was_hidden else "unmeasured"


def _of_limits(model: ModelCheck, head: Facts, against: Against | None) -> tuple[Verdict, ...]:
    if against is None:
        return judge(model.limits, head.measured)
    base = against.facts.measured if against.facts else None
    return judge(model.limits, head.measured, base, no_base=against.text, is_new=against.is_new)


def _of_base(against: Against) -> Iterator[Verdict]:
    if against.facts is None and not against.is_new:
        help = f"; {against.help}" if against.help else ""
        # limits that need this model's base are not measured; the others hold without it
        status: Status = "unmeasured" if against.is_required else "warn"
        yield Verdict(BASE, BASE, status, text=f"{against.text}{help}")
    elif against.warnings:
        yield Verdict(BASE, BASE, "warn", text="; ".join(against.warnings))


def _of_faults(grade: Grade, head: Facts, against: Against | None) -> Verdict | None:
    if grade == "ignore":
        return None
    known = against.facts if against and against.label != LABEL else None  # a baseline has none
    before = Counter(each.key for each in known.faults) if known else Counter()
    new = []
    for each in head.faults:  # two of one kind at one place are two
        before[each.key] -= 1
        new += [each] if before[each.key] < 0 else []
    status: Status = "pass"
    if head.faults:
        status = "inherited" if not new else "fail" if grade == "error" else "warn"
    text = "; ".join(each.line for each in (new or head.faults)[:3])
    more = len(new or head.faults) - 3
    return Verdict(
        FAULTS, FAULTS, status, len(head.faults), len(known.faults) if known else None, 0,
        len(head.faults),
        f"{text}; {more} more" if more > 0 else text,
    )  # fmt: skip


def _of_uncounted(grade: Grade, head: Facts) -> Iterator[Verdict]:
    if grade == "ignore" or not head.uncounted:
        return
    ops = ", ".join(f"{op} ({calls}×)" for op, calls in head.uncounted)
    status: Status = "unmeasured" if grade == "error" else "warn"
    text = f"no formula for the MACs of {ops}"
    calls = sum(calls for _, calls in head.uncounted)
    yield Verdict(UNCOUNTED, UNCOUNTED, status, calls, bound=0, over=calls, text=text)


def _of_output(model: ModelCheck, head: Facts, behind: Status) -> Verdict:
    assert model.output_shape is not None
    wanted = " ".join(map(shape_text, model.output_shape))
    if not head.is_complete:
        return Verdict(OUTPUT, OUTPUT, behind, bound=wanted, text="the forward has faults")
    actual = " ".join(head.outputs) or "none"
    # whatever their dtypes
    if " ".join(each.partition(":")[0] for each in head.outputs) == wanted:
        return Verdict(OUTPUT, OUTPUT, "pass", actual, bound=wanted)
    text = f"the output is {actual}, and not {wanted}"
    return Verdict(OUTPUT, OUTPUT, "fail", actual, bound=wanted, text=text)


def _of_checkpoint(model: ModelCheck, against: Against | None) -> Verdict:
    if against is None:
        text = "there is no base to compare with"
        return Verdict(CHECKPOINT, CHECKPOINT, "unmeasured", text=text)
    if against.is_new:
        return Verdict(CHECKPOINT, CHECKPOINT, "warn", text=against.text)
    if against.lost is None:
        return Verdict(CHECKPOINT, CHECKPOINT, "unmeasured", text=against.text)
    lost = len(against.lost)
    shown = ", ".join(against.lost[:3]) + (f" and {lost - 3} more" if lost > 3 else "")
    status: Status = "pass" if not lost else "fail" if model.checkpoint == "error" else "warn"
    text = f"a checkpoint of {against.label} does not load: {shown}" if lost else ""
    return Verdict(CHECKPOINT, CHECKPOINT, status, lost, bound=0, over=lost, text=text)
