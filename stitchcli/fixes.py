"""Try every fix that a rule offers, on a copy of the network, and keep those that work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from stitchcli.errors import EditError, StitchError
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


@dataclass(frozen=True)
class Trial:
    """What fixes are tried against: the network before the edits, the user's edits, the faults."""

    bench: Workbench
    base: Trace
    edits: tuple[Edit, ...]
    inputs: tuple[TensorSpec, ...]
    result: Trace
    diagnostics: tuple[Diagnostic, ...]

    def verified(self) -> tuple[Diagnostic, ...]:
        """Every diagnostic with at most three fixes that work, best first."""
        return tuple(replace(d, fixes=self._best(d)) for d in self.diagnostics)

    def together(self, diagnostics: Sequence[Diagnostic]) -> Fix | None:
        """The first fix of the first fault, then of the first that is left, until none is left to
        mend; None where one fix is all there is."""
        errors = [d for d in diagnostics if d.severity == "error"]
        if len(errors) < 2 or not any(d.fixes for d in errors):
            return None
        trial: Trial | None = self
        left, done = errors, Fix("all faults together")
        while left and len(done.edits) < _MOST_TOGETHER:
            fix = next((d.fixes[0] for d in left if d.fixes), None)
            if fix is None:
                break
            done = replace(done, edits=(*done.edits, *fix.edits), inputs=fix.inputs or done.inputs)
            trial = self._after(done)
            if trial is None:
                return None
            left = [d for d in trial.diagnostics if d.severity == "error"]
            left = [replace(left[0], fixes=trial._best(left[0])), *left[1:]] if left else []
            left = [left[0], *(replace(d, fixes=()) for d in left[1:])] if left else []
        return replace(done, verification=self._verify(done, None), safety="unsafe")

    def _after(self, fix: Fix) -> Trial | None:
        """The same network with a fix among its edits."""
        edits, inputs = (*self.edits, *fix.edits), fix.inputs or self.inputs
        try:
            result, applied = self.bench.attempt(edits, inputs, self.base)
        except StitchError:
            return None
        found = diagnose(Audit(self.base, result, applied))
        return replace(self, edits=edits, inputs=inputs, result=result, diagnostics=found)

    def _best(self, diagnostic: Diagnostic) -> tuple[Fix, ...]:
        tried: list[Fix] = []
        seen: set[object] = set()
        for fix in diagnostic.fixes[:_MOST_TRIED]:
            fix = replace(fix, edits=tuple(_plainly(edit, self.base) for edit in fix.edits))
            key = (fix.edits, fix.inputs)
            # sizes are tried from the nearest on: the first that runs will do
            if key in seen or (fix.inputs and any(other.inputs for other in tried)):
                continue
            seen.add(key)
            verification = self._verify(fix, diagnostic)
            if verification is not None and verification.solved:
                tried.append(replace(fix, verification=verification, safety=_safety(fix)))
        return tuple(sorted(tried, key=_rank)[:_MOST])

    def _verify(self, fix: Fix, diagnostic: Diagnostic | None) -> Verification | None:
        """Run the network with a fix; None where it cannot even be built."""
        edits = (*self.edits, *fix.edits)
        inputs = fix.inputs or self.inputs
        try:
            after, applied = self.bench.attempt(edits, inputs, self.base)
        except StitchError:
            return None
        left = diagnose(Audit(self.base, after, applied))
        before = {_key(d) for d in self.diagnostics}
        wanted = before - {_key(diagnostic)} if diagnostic else set()
        errors = [d for d in left if d.severity == "error"]
        return Verification(
            ran=after.complete and not after.problems,
            outputs=tuple(spec.shape for spec in after.outputs),
            delta_params=after.params - self.result.params,
            remaining=len(errors),
            solved={_key(d) for d in left} <= wanted
            and (after.complete or not self.result.complete),
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


def _key(diagnostic: Diagnostic) -> tuple[str, str]:
    return diagnostic.code, diagnostic.path


def _safety(fix: Fix) -> Literal["safe", "unsafe"]:
    """Safe is what changes no weight and no number of what was there."""
    return "safe" if all(isinstance(edit, Keep) for edit in fix.edits) and fix.edits else "unsafe"


def _rank(fix: Fix) -> tuple[int, int, int, int]:
    """What leaves the fewest faults, then the fewest edits (a new layer counts as two), then the
    fewest added parameters; another input mends no network, so it comes last."""
    assert fix.verification is not None
    edits = sum(2 if isinstance(edit, Insert | Replace) else 1 for edit in fix.edits)
    return (
        int(bool(fix.inputs)),
        fix.verification.remaining,
        edits,
        abs(fix.verification.delta_params),
    )
