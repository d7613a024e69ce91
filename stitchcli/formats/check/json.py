"""``--format json`` of ``stitch check``: each model as in ``stitch inspect``, with its ``checks``,
what it is compared with (``against``), and the ``error`` of one that could not be measured."""

from __future__ import annotations

from typing import Any

from stitchcli.formats.json import SCHEMA, dump
from stitchcli.records import Against, Checked, CheckReport, Failure, Verdict

_STATUS = {0: "ok", 1: "findings"}


def render_json(report: CheckReport) -> str:
    """The whole report as one JSON document."""
    return dump(
        {
            "schema": SCHEMA,
            "tool": dict(report.versions),
            "command": "check",
            "status": _STATUS.get(report.exit_code, "error"),
            "exit_code": report.exit_code,
            "error": _error(report),
            "file": report.file,
            "models": [_model(each) for each in report.models],
            "notes": list(report.notes),
        }
    )


def _error(report: CheckReport) -> dict[str, str] | None:
    """The first thing that could not be done."""
    for model, verdict in report.with_status("unmeasured"):
        failure = model.failure
        if failure is not None:
            return {"message": f"{model.model.name}: {failure.message}", "help": failure.help}
        return {"message": f"{model.model.name}: {verdict.name}: {verdict.text}", "help": ""}
    return None


def _model(model: Checked) -> dict[str, Any]:
    return {
        "target": model.model.target.text,
        **(model.facts.document if model.facts else {}),
        "name": model.model.name,
        "error": _failure(model.failure) if model.failure else None,
        "against": _against(model.against) if model.against else None,
        "checks": [_check(model, verdict) for verdict in model.verdicts],
        "check_notes": list(model.notes),
        "seconds": round(model.seconds, 3),
    }


def _failure(failure: Failure) -> dict[str, str]:
    return {"message": failure.message, "help": failure.help, "details": failure.details}


def _against(against: Against) -> dict[str, Any]:
    return {
        "label": against.label,
        "values": dict(against.facts.measured.values) if against.facts else None,
        "outputs": list(against.facts.outputs) if against.facts else None,
        "new": against.is_new,
        "text": against.text,
        "warnings": list(against.warnings),
        "lost_tensors": list(against.lost) if against.lost is not None else None,
    }


def _check(model: Checked, verdict: Verdict) -> dict[str, Any]:
    return {
        "id": verdict.name,
        "status": verdict.status,
        "actual": verdict.actual,
        "limit": verdict.bound,
        "base": verdict.base,
        "over": verdict.over,
        "text": verdict.text,
        "line": model.model.lines.get(verdict.name) or model.model.lines.get(""),
        "why": [{"path": path, "delta": count} for path, count in model.why.get(verdict.name, ())],
    }
