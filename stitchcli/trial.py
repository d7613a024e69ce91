"""A network with its edits and its faults, and the same with one more mend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from stitchcli.errors import StitchError
from stitchcli.filters import EVERYTHING, Filter, Sifted, sift
from stitchcli.records import (
    Audit,
    Diagnostic,
    Edit,
    Fix,
    TensorSpec,
    Trace,
    Verification,
)
from stitchcli.rules import diagnose
from stitchcli.sources.recording import Seen
from stitchcli.workbench import Workbench
from stitchcli.written.locate import all_located

_MOST_ATTEMPTS = 200
#: What makes two faults the same one: code, path, op.
Key = tuple[str, str, str]


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
    def faults(self) -> Counter[Key]:
        """All that is wrong, the ignored findings too, and how often."""
        every = (*self.diagnostics, *self.ignored)
        return keys(each for each in every if each.severity != "note")

    @property
    def is_spent(self) -> bool:
        """Whether no more is tried."""
        return self.bench.attempts >= _MOST_ATTEMPTS

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that are faults."""
        return tuple(each for each in self.diagnostics if each.severity == "error")

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
        return self.looked_at(Audit(self.base, result, applied), edits=edits, inputs=inputs)

    def looked_at(self, facts: Audit, **changed: Any) -> Trial:
        """The same trial of other facts."""
        found = look(facts, self.bench.network.routes, self.filter)
        return replace(
            self, result=facts.result, diagnostics=found.kept, ignored=found.ignored, **changed
        )

    def judge(self, trial: Trial, diagnostic: Diagnostic | None) -> Verification:
        """What a trial changed. It solves a fault that is gone while none came in its place."""
        allowed = self.faults - keys([diagnostic]) if diagnostic else self.faults
        result = trial.result
        now = trial.faults
        if self.result.problems or not self.result.complete or self.result.misbuilt:
            # another output is said of sound networks alone, so it may have been there before
            now = Counter({key: count for key, count in now.items() if key[0] != "ST301"})
        return Verification(
            ran=result.complete and not result.problems and not result.misbuilt,
            outputs=tuple(spec.shape for spec in result.outputs),
            delta_params=result.params - self.result.params,
            remaining=len(trial.errors),
            solved=now <= allowed and (result.complete or not self.result.complete),
        )


def look(facts: Audit, routes: Mapping[str, Seen], filter: Filter) -> Sifted:
    """What is wrong, where it is written, without what is not to be told."""
    return sift(facts.result, all_located(diagnose(facts), facts.result, routes), filter)


def keys(diagnostics: Iterable[Diagnostic]) -> Counter[Key]:
    """Each fault, as often as it was found."""
    return Counter(
        (each.code, path, each.op) for each in diagnostics for path in (each.path, *each.also)
    )
