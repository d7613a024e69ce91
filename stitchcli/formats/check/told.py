"""What the formats for other programs share: each check that did not just pass, and each fault, as
one flat list, the worst first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stitchcli.formats.check.words import line_of, ordered, sentence, site_of, why_text
from stitchcli.formats.words import short_path
from stitchcli.records import Checked, CheckReport, Fault, Site, Status, Verdict
from stitchcli.records.checked import FAULTS


@dataclass(frozen=True)
class Told:
    """One of them: ``code`` is the check's name, or a fault's code; ``site`` is a line of the
    model's source, where there is one, and ``file`` and ``line`` say where to look in any case."""

    model: str
    status: Status
    code: str
    text: str
    details: tuple[str, ...]
    site: Site | None
    file: str
    line: int
    path: str = ""
    label: str = ""


def told(report: CheckReport) -> Iterator[Told]:
    """Everything that somebody should look at."""
    for model, verdict in ordered(report):
        if verdict.name == FAULTS and model.facts is not None:
            for fault in model.facts.faults:
                yield _of_fault(report, model, verdict, fault)
        elif verdict.status != "pass":
            yield _of_verdict(report, model, verdict)


def _of_fault(report: CheckReport, model: Checked, verdict: Verdict, fault: Fault) -> Told:
    file, line = _where(fault.site) or line_of(report, model, verdict)
    return Told(
        model.model.name, verdict.status, fault.code, fault.line, fault.details,
        fault.site, file, line, fault.path, fault.label,
    )  # fmt: skip


def _of_verdict(report: CheckReport, model: Checked, verdict: Verdict) -> Told:
    site = site_of(model, verdict)
    file, line = _where(site) or line_of(report, model, verdict)
    reasons = why_text(model, verdict)
    help = model.failure.help if model.failure else ""
    details = (f"why: {reasons}" if reasons else "", f"help: {help}" if help else "")
    return Told(
        model.model.name, verdict.status, verdict.name, sentence(model, verdict),
        tuple(filter(None, details)), site, file, line,
    )  # fmt: skip


def _where(site: Site | None) -> tuple[str, int] | None:
    return (short_path(site.file), site.line) if site else None
