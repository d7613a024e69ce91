"""Try every fix that a rule offers, on a copy of the network, and keep those that work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from stitchcli.errors import EditError
from stitchcli.records import (
    Diagnostic,
    Edit,
    Fix,
    Insert,
    Keep,
    Matched,
    Replace,
    Trace,
    Wrap,
)
from stitchcli.roots import with_followers
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
    fix = next((each.fixes[0] for each in errors if each.fixes), None)
    now: Trial | None = trial
    done = Fix("together")
    while fix is not None and len(done.edits) < _MOST_TOGETHER:
        done = joined(done, fix)
        now = trial.after(done)
        if now is None:
            return None
        found = (best(now, each) for each in now.errors)
        fix = next((fixes[0] for fixes in found if fixes), None)
    if len(errors) < 2 or now is None or now is trial:
        return None
    return replace(done, verification=trial.judge(now, None), safety="unsafe")


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
    return sorted(worked, key=lambda each: _rank(each[0], widths))[:_MOST]


def _plainly(edit: Edit, base: Trace) -> Edit:
    """The edit with ``name:`` before a path that could also be a class or a family."""
    word, *rest = edit.where.words
    if rest:
        return edit
    try:
        if select(edit.where, base) == (word.text,):
            return edit
    except EditError:
        pass
    return replace(edit, where=replace(edit.where, words=(replace(word, kind="name"),)))


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
