"""Try every fix that a rule offers, on a copy of the network, and keep those that work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from stitchcli.errors import EditError, StitchError
from stitchcli.filters import EVERYTHING, Filter, sift
from stitchcli.records import (
    Audit,
    Diagnostic,
    Edit,
    Fix,
    Insert,
    Keep,
    Replace,
    TensorSpec,
    Trace,
    Verification,
)
from stitchcli.rules import diagnose
from stitchcli.surgery.select import select
from stitchcli.workbench import Workbench

_MOST = 3
_MOST_TRIED = 24
_MOST_TOGETHER = 40
_MOST_ATTEMPTS = 200


@dataclass(frozen=True)
class Trial:
    """A network as edited so far and what is wrong with it: what fixes are tried against.

    ``ignored`` are findings that are neither mended nor told; a fix must not add to them."""

    bench: Workbench
    base: Trace
    edits: tuple[Edit, ...]
    inputs: tuple[TensorSpec, ...]
    result: Trace
    diagnostics: tuple[Diagnostic, ...]
    ignored: tuple[Diagnostic, ...] = ()
    filter: Filter = EVERYTHING

    @property
    def faults(self) -> Counter[tuple[str, str, str]]:
        """All that is wrong, the ignored findings too, and how often."""
        every = (*self.diagnostics, *self.ignored)
        return Counter(_key(each) for each in every if each.severity != "note")

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that are faults."""
        return tuple(each for each in self.diagnostics if each.severity == "error")

    def verified(self) -> tuple[Diagnostic, ...]:
        """Every diagnostic with at most three fixes that work, best first. Where mending a block
        that does not fit leaves no fault, the others are its consequences."""
        for each in self.errors:
            if each.code != "ST108":
                continue
            fixes = self._best(each)
            if fixes and fixes[0].verification and not fixes[0].verification.remaining:
                return self._with_root(each, fixes)
        return tuple(replace(each, fixes=self._best(each)) for each in self.diagnostics)

    def _with_root(self, root: Diagnostic, fixes: tuple[Fix, ...]) -> tuple[Diagnostic, ...]:
        """One fault in the place of all, which also offers to mend what follows from it."""
        follows = [each for each in self.errors if each is not root]
        said = f"{len(follows)} more faults follow from it" if len(follows) > 1 else ""
        said = "1 more fault follows from it" if len(follows) == 1 else said
        rest = [replace(each, fixes=self._best(each)) for each in follows[:_MOST]]
        other = rest[0].fixes[0] if len(follows) == 1 and rest[0].fixes else None
        if 1 < len(follows) <= _MOST_TOGETHER:
            other = replace(self, diagnostics=tuple(follows)).together(rest)
        if other is not None and other.verification and other.verification.solved:
            fixes = (*fixes, replace(other, title="let what follows take what comes"))
        notes = (*root.notes, said) if said else root.notes
        found = replace(root, fixes=fixes[:_MOST], notes=notes)
        others = (each for each in self.diagnostics if each.severity != "error")
        return (found, *(replace(each, fixes=self._best(each)) for each in others))

    def together(self, diagnostics: Sequence[Diagnostic]) -> Fix | None:
        """The first fix of the first fault that has one, then the same for what is left, until
        nothing more can be mended; None where one fix is all there is."""
        errors = [each for each in diagnostics if each.severity == "error"]
        fix = next((each.fixes[0] for each in errors if each.fixes), None)
        trial: Trial | None = self
        done = Fix("together")
        while fix is not None and len(done.edits) < _MOST_TOGETHER:
            done = Fix(
                done.title,
                (*(e for e in done.edits if e not in fix.instead), *fix.edits),
                fix.inputs or done.inputs,
                (*done.instead, *fix.instead),
            )  # fmt: skip
            trial = self.after(done)
            if trial is None:
                return None
            found = (trial._best(each) for each in trial.errors)
            fix = next((fixes[0] for fixes in found if fixes), None)
        if len(errors) < 2 or trial is None or trial is self:
            return None
        return replace(done, verification=self._judge(trial, None), safety="unsafe")

    def after(self, fix: Fix) -> Trial | None:
        """The same network with a fix among its edits; None where it cannot be built."""
        kept = (edit for edit in self.edits if edit not in fix.instead)
        edits, inputs = (*kept, *fix.edits), fix.inputs or self.inputs
        self.bench.attempts += 1
        if self.bench.attempts > _MOST_ATTEMPTS:
            self.bench.notes.append(f"further fixes were not tried after {_MOST_ATTEMPTS}")
            return None
        try:
            result, applied = self.bench.attempt(edits, inputs, self.base)
        except StitchError:
            return None
        found = sift(result, diagnose(Audit(self.base, result, applied)), self.filter)
        return replace(
            self, edits=edits, inputs=inputs, result=result,
            diagnostics=found.kept, ignored=found.ignored,
        )  # fmt: skip

    def _best(self, diagnostic: Diagnostic) -> tuple[Fix, ...]:
        worked: list[Fix] = []
        seen: set[object] = set()
        for fix in diagnostic.fixes[:_MOST_TRIED]:
            if not fix.instead:  # those are the user's own selectors
                fix = replace(fix, edits=tuple(_plainly(edit, self.base) for edit in fix.edits))
            key = (fix.edits, fix.inputs)
            # sizes are tried from the nearest on: the first that runs will do
            if key in seen or (fix.inputs and any(other.inputs for other in worked)):
                continue
            seen.add(key)
            trial = self.after(fix)
            verification = self._judge(trial, diagnostic) if trial is not None else None
            if verification is not None and verification.solved:
                worked.append(replace(fix, verification=verification, safety=_safety(fix)))
        return tuple(sorted(worked, key=_rank)[:_MOST])

    def _judge(self, trial: Trial, diagnostic: Diagnostic | None) -> Verification:
        """What a trial changed. It solves a fault that is gone while none came in its place."""
        before = self.faults
        allowed = before - Counter([_key(diagnostic)]) if diagnostic else before
        after = trial.result
        return Verification(
            ran=after.complete and not after.problems,
            outputs=tuple(spec.shape for spec in after.outputs),
            delta_params=after.params - self.result.params,
            remaining=len(trial.errors),
            solved=trial.faults <= allowed and (after.complete or not self.result.complete),
        )


def _plainly(edit: Edit, base: Trace) -> Edit:
    """The edit with ``name:`` before a path that could also be a class or a family."""
    word = edit.where.words[0]
    try:
        if select(edit.where, base) == (word.text,):
            return edit
    except EditError:
        pass
    return replace(edit, where=replace(edit.where, words=(replace(word, kind="name"),)))


def _key(diagnostic: Diagnostic) -> tuple[str, str, str]:
    return diagnostic.code, diagnostic.path, diagnostic.op


def _safety(fix: Fix) -> Literal["safe", "unsafe"]:
    """Safe is what changes no weight and no number of what was there."""
    return "safe" if all(isinstance(edit, Keep) for edit in fix.edits) and fix.edits else "unsafe"


def _rank(fix: Fix) -> tuple[int, int, int]:
    """What leaves the fewest faults, then the fewest edits, of which a new layer counts as two;
    another input mends no network, so it comes last. Among equals the rule's own order stands: it
    offers first what people mean most often."""
    assert fix.verification is not None
    edits = sum(2 if isinstance(edit, Insert | Replace) else 1 for edit in fix.edits)
    return int(bool(fix.inputs)), fix.verification.remaining, edits
