"""Write fixes as patches of the user's own files, and try each on the network built anew.

Nothing is written to disk: the changed texts lie over the files while the network is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from stitchcli.errors import StitchError
from stitchcli.records import Applied, Audit, Change, Diagnostic, Fix, Patch, Verification
from stitchcli.sources.network import Network
from stitchcli.sources.overlay import overlaid
from stitchcli.trial import Trial
from stitchcli.workbench import Workbench
from stitchcli.written.patches import patched_texts
from stitchcli.written.rewrite import Rewriter

_MOST_TRIED = 60


@dataclass
class Patcher:
    """Finds patches for the fixes of one network, which ``reload`` builds again from its files."""

    trial: Trial
    reload: Callable[[str], Network]
    tried: int = 0
    _known: dict[tuple[Change, ...], Trial | None] = field(default_factory=dict)

    def patched(self, diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
        """The diagnostics, with a patch in each fix that can be written in the user's files."""
        return tuple(
            replace(each, fixes=tuple(self.with_patch(fix, each) for fix in each.fixes))
            for each in diagnostics
        )

    def with_patch(self, fix: Fix, diagnostic: Diagnostic | None) -> Fix:
        """The fix with the first of its patches that works."""
        bench = self.trial.bench
        rewriter = Rewriter(self.trial.base, bench.network.routes)
        for changes in rewriter.ways(fix):
            after = self.after(changes)
            judged = self.trial.judge(after, diagnostic) if after is not None else None
            if judged is not None and judged.solved and _is_as_good(judged, fix.verification):
                return replace(fix, patch=Patch(changes, judged))
        return fix

    def after(self, changes: tuple[Change, ...]) -> Trial | None:
        """The network with changed source; None where it cannot be built."""
        if changes not in self._known:
            self.tried += 1
            self._known[changes] = self._after(changes) if self.tried <= _MOST_TRIED else None
        return self._known[changes]

    def _after(self, changes: tuple[Change, ...]) -> Trial | None:
        trial = self.trial
        try:
            with overlaid(patched_texts(changes)):
                return retried(trial, self.reload("meta"))
        except (StitchError, ValueError):
            return None


def _is_as_good(patch: Verification, edits: Verification | None) -> bool:
    return edits is None or patch.remaining <= edits.remaining


def retried(trial: Trial, network: Network) -> Trial:
    """The same edits on the same input, tried on another network. Raises StitchError."""
    before = trial.bench
    bench = Workbench(network, before.catalog, before.mode, before.device)
    base, _ = bench.attempt((), trial.inputs, None)
    result = base
    applied: tuple[Applied, ...] = ()
    if trial.edits:
        result, applied = bench.attempt(trial.edits, trial.inputs, base)
    return trial.looked_at(Audit(base, result, applied), bench=bench, base=base)
