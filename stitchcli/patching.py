"""Write fixes as patches of the user's own files, and try each on the network built anew.

Nothing is written to disk: the changed texts lie over the files while the network is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from stitchcli.errors import StitchError
from stitchcli.records import Applied, Audit, Change, Diagnostic, Fix, Patch, Verification
from stitchcli.roots import folded
from stitchcli.sources.network import Network
from stitchcli.sources.overlay import overlaid
from stitchcli.trial import Trial, keys
from stitchcli.workbench import Workbench
from stitchcli.written.changes import patched_texts
from stitchcli.written.rewrite import Rewriter

_MOST_TRIED = 80


@dataclass
class Patcher:
    """Finds patches for the fixes of one network, which ``reload`` builds again from its files."""

    trial: Trial
    reload: Callable[[str], Network]
    tried: int = 0
    _known: dict[tuple[Change, ...], Trial | None] = field(default_factory=dict)

    def patched(self, diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
        """The diagnostics, with a patch in each fix that can be written in the user's files. Faults
        that one change of the source mends are one."""
        found: list[Diagnostic] = []
        waiting = list(diagnostics)
        while waiting:
            each = waiting.pop(0)
            others = [w for w in waiting if w.code == each.code and w.severity == each.severity]
            fixes = tuple(self.with_patch(fix, each, bool(others)) for fix in each.fixes)
            each = replace(each, fixes=fixes)
            mended = self._mended_too(each, others)
            whole = self._together(each, mended) if mended else None
            if whole is not None:
                waiting = [w for w in waiting if w not in mended]
            found.append(whole or each)
        return tuple(found)

    def with_patch(self, fix: Fix, diagnostic: Diagnostic, search: bool = False) -> Fix:
        """The fix with the first of its patches that works; where ``search`` says that there are
        more faults of the kind, with the one that leaves the fewest."""
        found: list[Patch] = []
        for changes in self._ways(fix):
            after = self.after(changes)
            judged = self.trial.judge(after, diagnostic) if after is not None else None
            if judged is not None and judged.solved and _is_as_good(judged, fix.verification):
                found.append(Patch(changes, judged))
                if not search or not judged.remaining:
                    break
        best = min(found, key=lambda patch: patch.verification.remaining, default=None)
        return replace(fix, patch=best) if best else fix

    def after(self, changes: tuple[Change, ...]) -> Trial | None:
        """The network with changed source; None where it cannot be built."""
        if changes not in self._known:
            self.tried += 1
            self._known[changes] = self._after(changes) if self.tried <= _MOST_TRIED else None
        return self._known[changes]

    def _ways(self, fix: Fix) -> Iterator[tuple[Change, ...]]:
        return Rewriter(self.trial.base, self.trial.bench.network.routes).ways(fix)

    def _after(self, changes: tuple[Change, ...]) -> Trial | None:
        trial = self.trial
        try:
            with overlaid(patched_texts(changes)):
                return retried(trial, self.reload(trial.bench.device))
        except (StitchError, ValueError):
            return None

    def _mended_too(self, each: Diagnostic, others: Sequence[Diagnostic]) -> list[Diagnostic]:
        """Other faults of the kind that are gone with the first patch of one."""
        patch = each.fixes[0].patch if each.fixes else None
        after = self.after(patch.changes) if patch is not None and others else None
        if after is None:
            return []
        left = keys(after.diagnostics)
        return [other for other in others if not keys([other]) & left]

    def _together(self, each: Diagnostic, mended: Sequence[Diagnostic]) -> Diagnostic | None:
        """One fault in the place of several, with those of its fixes that mend all of them; None
        where none does."""
        whole = folded(each, mended)
        fixes = []
        for fix in whole.fixes:
            after = self.trial.after(fix)
            judged = self.trial.judge(after, whole) if after is not None else None
            if judged is not None and judged.solved:
                patch = self._of_all(fix.patch, whole) if fix.patch else None
                fixes.append(replace(fix, verification=judged, patch=patch))
        return replace(whole, fixes=tuple(fixes)) if fixes else None

    def _of_all(self, patch: Patch, whole: Diagnostic) -> Patch | None:
        """A patch that was found for one of several faults, if it mends them all."""
        after = self.after(patch.changes)
        judged = self.trial.judge(after, whole) if after is not None else None
        return Patch(patch.changes, judged) if judged is not None and judged.solved else None


def _is_as_good(patch: Verification, edits: Verification | None) -> bool:
    return edits is None or patch.remaining <= edits.remaining


def retried(trial: Trial, network: Network) -> Trial:
    """The same edits on the same input, tried on another network. Raises StitchError."""
    before = trial.bench
    bench = Workbench(network, before.catalog, before.mode, before.device, backward=before.backward)
    base, _ = bench.attempt((), trial.inputs, None)
    result = base
    applied: tuple[Applied, ...] = ()
    if trial.edits:
        result, applied = bench.attempt(trial.edits, trial.inputs, base)
    return trial.looked_at(Audit(base, result, applied), bench=bench, base=base)
