"""Try every fix that a rule offers, on a copy of the network, and keep those that work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Literal

from stitchcli.errors import EditError
from stitchcli.records import (
    Diagnostic,
    Edit,
    Fix,
    Fixed,
    Insert,
    Keep,
    Matched,
    Replace,
    Trace,
    Word,
    Wrap,
)
from stitchcli.roots import with_followers
from stitchcli.sizes import size_note
from stitchcli.surgery.select import select
from stitchcli.trial import Key, Trial, keys

_MOST = 3
_MOST_TRIED = 24
_MOST_TOGETHER = 40


def verified(trial: Trial) -> tuple[Diagnostic, ...]:
    """Every diagnostic with at most three fixes that work, best first. What is gone when a fault
    ahead of it is mended is not listed beside that, but named there."""
    for each in trial.errors:
        if each.code != "ST108":
            continue
        fixes = best(trial, each)
        if fixes and fixes[0].verification and not fixes[0].verification.remaining:
            return _with_root(trial, each, fixes)
    found: list[Diagnostic] = []
    waiting = list(trial.diagnostics)
    while waiting:
        each = waiting.pop(0)
        tried = _worked(trial, each)
        each = replace(each, fixes=tuple(fix for fix, _ in tried))
        if by_size := next((fix for fix in each.fixes if fix.inputs), None):
            note = size_note(trial, each, by_size)
            if not trial.is_spent:  # else it is not known what runs
                each = replace(each, notes=(*each.notes, note))
        if each.severity == "error" and tried and not tried[0][0].inputs:
            gone = [w for w in waiting if w.severity == "error" and not keys([w]) & tried[0][1]]
            waiting = [w for w in waiting if w not in gone]
            each = with_followers(each, gone)
        found.append(each)
    return tuple(found)


def _with_root(trial: Trial, root: Diagnostic, fixes: tuple[Fix, ...]) -> tuple[Diagnostic, ...]:
    """One fault in the place of all, which also offers to mend what follows from it."""
    follows = [each for each in trial.errors if each is not root]
    rest = [replace(each, fixes=best(trial, each)) for each in follows[:_MOST]]
    other = rest[0].fixes[0] if len(follows) == 1 and rest[0].fixes else None
    if 1 < len(follows) <= _MOST_TOGETHER:
        other = together(replace(trial, diagnostics=tuple(follows)), rest)
    if other is not None and other.verification and other.verification.solved:
        fixes = (*fixes, replace(other, title="let what follows take what comes"))
    found = with_followers(replace(root, fixes=fixes[:_MOST]), follows)
    others = (each for each in trial.diagnostics if each.severity != "error")
    return (found, *(replace(each, fixes=best(trial, each)) for each in others))


def together(trial: Trial, diagnostics: Sequence[Diagnostic]) -> Fix | None:
    """The first fix of the first fault that has one, then the same for what is left, until nothing
    more can be mended; None where one fix is all there is."""
    errors = [each for each in diagnostics if each.severity == "error"]
    if len(errors) < 2:
        return None
    steps, after = chain(trial, errors, lambda each, fix: each.severity == "error")
    if not steps:
        return None
    done = Fix("together")
    for step in steps:
        done = joined(done, step.fix)
    if any(set(done.edits) == set(fix.edits) for each in errors for fix in each.fixes):
        return None  # one of them does it all
    return replace(done, verification=trial.judge(after, None), safety="unsafe")


def chain(
    trial: Trial, diagnostics: Sequence[Diagnostic], wanted: Callable[[Diagnostic, Fix], bool]
) -> tuple[list[Fixed], Trial]:
    """One wanted fix after another, each tried on the network that those before it made, until
    nothing more can be mended; and the network then."""
    steps: list[Fixed] = []
    done, now = Fix(""), trial
    step = _next(diagnostics, wanted)
    while step is not None and len(done.edits) < _MOST_TOGETHER:
        after = trial.after(joined(done, step.fix))
        if after is None:
            break
        steps.append(step)
        done, now = joined(done, step.fix), after
        left = (each for each in now.diagnostics if each.severity != "note")
        step = _next((replace(each, fixes=best(now, each)) for each in left), wanted)
    return steps, now


def _next(
    diagnostics: Iterable[Diagnostic], wanted: Callable[[Diagnostic, Fix], bool]
) -> Fixed | None:
    found = ((d, f) for d in diagnostics for f in d.fixes if wanted(d, f))
    return next((Fixed(d.code, d.path, d.title, fix) for d, fix in found), None)


def joined(done: Fix, fix: Fix) -> Fix:
    """One fix after another, as one."""
    return Fix(
        done.title,
        (*(e for e in done.edits if e not in fix.instead), *fix.edits),
        fix.inputs or done.inputs,
        (*done.instead, *fix.instead),
    )


def best(trial: Trial, diagnostic: Diagnostic) -> tuple[Fix, ...]:
    """At most three fixes of a fault that work, the best first."""
    return tuple(fix for fix, _ in _worked(trial, diagnostic))


def _worked(trial: Trial, diagnostic: Diagnostic) -> list[tuple[Fix, Counter[Key]]]:
    """The fixes that work, each with the faults that are left."""
    worked: list[tuple[Fix, Counter[Key]]] = []
    seen: set[object] = set()
    for fix in diagnostic.fixes[:_MOST_TRIED]:
        if not fix.instead:  # those are the user's own selectors
            fix = replace(fix, edits=tuple(_plainly(edit, trial.base) for edit in fix.edits))
        key = (fix.edits, fix.inputs)
        # sizes are tried from the nearest on: the first that runs will do
        if key in seen or (fix.inputs and any(other.inputs for other, _ in worked)):
            continue
        seen.add(key)
        after = trial.after(fix)
        verification = trial.judge(after, diagnostic) if after is not None else None
        if after is not None and verification is not None and verification.solved:
            fix = replace(fix, verification=verification, safety=_safety(fix))
            worked.append((fix, keys(after.errors)))
    widths = _widths(spec.shape for spec in trial.result.outputs)
    worked.sort(key=lambda each: _rank(each[0], widths))
    other_input = [each for each in worked if each[0].inputs]
    return [*worked[: len(worked) - len(other_input)][: _MOST - len(other_input)], *other_input]


def _plainly(edit: Edit, base: Trace) -> Edit:
    """The edit as a person would type it: with ``name:`` and ``op:`` only where a word could mean
    something else too."""
    words = edit.where.words
    plain = replace(edit.where, words=tuple(replace(word, kind="any") for word in words))
    exact = replace(edit.where, words=tuple(_exactly(word) for word in words))
    try:
        if select(plain, base) == select(exact, base):
            return replace(edit, where=plain)
    except EditError:
        pass
    return replace(edit, where=exact)


def _exactly(word: Word) -> Word:
    return replace(word, kind="name") if word.kind == "any" else word


def _safety(fix: Fix) -> Literal["safe", "unsafe"]:
    """Safe is what changes no weight and no number of what was there."""
    return "safe" if all(isinstance(edit, Keep) for edit in fix.edits) and fix.edits else "unsafe"


def _rank(fix: Fix, widths: tuple[int, ...]) -> tuple[int, ...]:
    """Another input mends no network, so it comes last. Then what leaves the fewest faults, gives
    as many channels as came before, is meant oftener, has the fewest edits, of which a new layer
    counts as two, and adds the fewest parameters."""
    tried = fix.verification
    assert tried is not None
    return (
        int(bool(fix.inputs)),
        tried.remaining,
        int(_widths(tried.outputs) != widths),
        int(fix.is_rare),
        sum(_weight(edit) for edit in fix.edits),
        max(tried.delta_params, 0),
    )


def _weight(edit: Edit) -> int:
    match edit:
        case Insert() | Replace() | Wrap(block=Matched()):
            return 2
    return 1


def _widths(shapes: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    """The channels of every output."""
    return tuple(shape[1] if len(shape) > 1 else 1 for shape in shapes)
