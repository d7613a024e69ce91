"""``--fix``: mend what can be mended, until nothing more can, and report on what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from stitchcli.errors import StitchError
from stitchcli.fixes import chain
from stitchcli.records import Change, Diagnostic, Edit, Fix, Fixed, Report
from stitchcli.sources.overlay import overlaid
from stitchcli.syntax import source_of
from stitchcli.trial import Trial
from stitchcli.written.changes import patched_texts

_MOST_ROUNDS = 12


def wanted(unsafe: bool) -> Callable[[Diagnostic, Fix], bool]:
    """Which fixes are applied: such as change the network and not its input, the safe ones, and
    more where that is asked for."""
    return lambda each, fix: (
        each.severity != "note" and not fix.inputs and (unsafe or fix.safety == "safe")
    )


def fixing_edits(
    trial: Trial, diagnostics: Sequence[Diagnostic], unsafe: bool
) -> tuple[tuple[Edit, ...], tuple[Fixed, ...]]:
    """The edits of a trial with those of every fix that is wanted, and what they mend."""
    steps, mended = chain(trial, diagnostics, wanted(unsafe))
    return mended.edits, tuple(steps)


def fixed_in_files(look: Callable[[], Report], unsafe: bool) -> Report:
    """Patch the user's files, in memory, for as long as there is a patch that helps; ``look``
    audits the network as it is written. The report is of the last look."""
    texts: dict[str, str] = {}
    sources: dict[str, str] = {}
    fixed: list[Fixed] = []
    report = look()
    for _ in range(_MOST_ROUNDS):
        patches = _patches(report, unsafe)
        for some in (patches, patches[:1]) if len(patches) > 1 else (patches,):
            after = _look_with(texts, some, look)
            if after is not None and _faults(after[0]) < _faults(report):
                break
        else:
            break
        report, texts = after
        fixed += some
        sources = {file: source_of(file) for file in texts} | sources
    return replace(report, fixed=tuple(fixed), texts=texts, sources=sources)


def _look_with(
    texts: dict[str, str], some: Sequence[Fixed], look: Callable[[], Report]
) -> tuple[Report, dict[str, str]] | None:
    """A look at the network with more patches; None where there are none, or they overlap."""
    changes = [c for each in some if each.fix.patch for c in each.fix.patch.changes]
    if not changes:
        return None
    try:
        with overlaid(texts):
            more = texts | patched_texts(changes)
        with overlaid(more):
            return look(), more
    except (StitchError, ValueError):
        return None  # each works, but not all of them together


def _patches(report: Report, unsafe: bool) -> list[Fixed]:
    """The best fix of each fault that can be written in the user's files."""
    found: list[Fixed] = []
    touched: set[tuple[str, int]] = set()
    for each in report.diagnostics:
        fix = next((f for f in each.fixes if f.patch and wanted(unsafe)(each, f)), None)
        lines = _lines(fix.patch.changes) if fix and fix.patch else set()
        if fix is not None and not lines & touched:
            touched |= lines
            found.append(Fixed(each.code, each.path, each.title, fix))
    return found


def _lines(changes: Sequence[Change]) -> set[tuple[str, int]]:
    sites = (change.site for change in changes)
    return {(s.file, line) for s in sites for line in range(s.line, s.end_line + 1)}


def _faults(report: Report) -> int:
    return sum(1 + len(d.also) for d in report.diagnostics if d.severity != "note")
