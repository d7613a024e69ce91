"""What the formats for other programs share: everything found, as one flat list.

A check that failed, or that the user has to judge, is a finding like any other; its code is
``check``. What is said of the whole report, and is no finding, is a remark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from linecache import getline

from stitchcli.formats.words import fix_flags, fix_outcome, fix_title, ignored_line, short_path
from stitchcli.records import Diagnostic, Fix, Label, Report, Severity, Site

CHECK = "check"


@dataclass(frozen=True)
class Finding:
    """One finding; ``details`` are its notes and the fixes that were tried, a line each."""

    code: str
    level: Severity
    path: str
    title: str
    details: tuple[str, ...] = ()
    op: str = ""
    primary: Label | None = None
    secondary: tuple[Label, ...] = ()

    @property
    def line(self) -> str:
        """Code, title, and the path where the title does not say it; on one line."""
        named = re.search(rf"(?<![\w.]){re.escape(self.path)}(?![\w.])", self.title)
        path = "" if named or not self.path else f" ({self.path})"
        return one_line(f"{self.code} {self.title}{path}")

    @property
    def message(self) -> str:
        """The line, the label under the span, what the other spans say, and the details."""
        label = self.primary.text if self.primary else ""
        others = [f"{span_start(each.site)}: {each.text}" for each in self.secondary]
        return "\n".join(part for part in (self.line, label, *others, *self.details) if part)


def findings(report: Report) -> Iterator[Finding]:
    """Every diagnostic, then every check that failed or has to be judged."""
    for each in report.diagnostics:
        details = (*(f"note: {note}" for note in each.notes), *_fixes(each, report.result.params))
        yield Finding(
            each.code, each.severity, each.path, each.title, details,
            each.op, each.primary, each.secondary,
        )  # fmt: skip
    for check in report.checks:
        if check.status in ("fail", "warn"):
            title = f"{check.name}: {check.text}" if check.text else check.name
            failed = check.status == "fail"
            level: Severity = "error" if failed else "warning"
            yield Finding(CHECK, level, "", f"failed: {title}" if failed else title)


def remarks(report: Report) -> Iterator[str]:
    """What is said of the report as a whole, a line each."""
    yield from report.notes
    if report.together is not None:
        yield f"fixes together: {fix_text(report.together, report.result.params)}"
    if line := ignored_line(report):
        yield line


def _fixes(diagnostic: Diagnostic, params: int) -> Iterator[str]:
    for fix in diagnostic.fixes:
        if fix.verification is not None:
            yield f"fix ({fix.safety}): {fix_title(fix)}: {fix_text(fix, params)}"


def fix_text(fix: Fix, params: int) -> str:
    """The flags, and what happened when they were tried."""
    return f"{fix_flags(fix)} ({fix_outcome(fix.verification, params)})"


def where(report: Report, finding: Finding) -> str:
    """``path:line:col``; ``target:module.path`` where there is no span."""
    if finding.primary is None:
        return f"{report.target}:{finding.path}" if finding.path else report.target
    return span_start(finding.primary.site)


def span_start(site: Site) -> str:
    """``path:line:col``, relative to the working directory where the file lies below."""
    line, col, _, _ = position(site)
    return f"{short_path(site.file)}:{line}:{col}"


def position(site: Site) -> tuple[int, int, int, int]:
    """First line and column, last line and the column behind the end; all count from 1, columns in
    characters."""
    first = _characters(site.file, site.line, site.col)
    return (
        site.line,
        first + 1,
        site.end_line,
        _characters(site.file, site.end_line, site.end_col) + 1,
    )


def _characters(file: str, line: int, col: int) -> int:
    """Python's columns count bytes."""
    raw = getline(file, line).encode("utf-8")
    return len(raw[:col].decode("utf-8", "ignore")) if len(raw) >= col else col


def one_line(text: str) -> str:
    """The text without line breaks."""
    return " ".join(text.split())
