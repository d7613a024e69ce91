"""``--format json``: schema ``stitch.report/1``. Integers are exact."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from stitchcli.records import (
    Amount,
    Applied,
    Diagnostic,
    Fix,
    Label,
    Patch,
    PeerCount,
    Reason,
    Report,
    Shape,
    Stage,
    Timing,
    Trace,
    Verification,
)
from stitchcli.words.edits import print_edit
from stitchcli.words.shapes import print_spec

#: Before and after the edits.
Times = tuple[Timing | None, Timing | None]

SCHEMA = "stitch.report/1"


def render_json(report: Report) -> str:
    """The whole report as one JSON document."""
    return dump(document("inspect", [report], int(report.has_errors)))


def document(command: str, reports: Sequence[Report], exit_code: int) -> dict[str, Any]:
    """What every command's document holds."""
    return {
        "schema": SCHEMA,
        "tool": dict(reports[0].versions),
        "command": command,
        "status": "findings" if exit_code else "ok",
        "exit_code": exit_code,
        "error": None,
        "models": [model_document(report) for report in reports],
    }


def render_error(
    message: str,
    help: str,
    exit_code: int,
    versions: Mapping[str, str | None],
    command: str = "inspect",
) -> str:
    """The document that stands for a report which could not be made."""
    return dump(
        {
            "schema": SCHEMA,
            "tool": dict(versions),
            "command": command,
            "status": "error",
            "exit_code": exit_code,
            "error": {"message": message, "help": help},
            "models": [],
        }
    )


def dump(document: dict[str, Any]) -> str:
    """A document as text."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def model_document(report: Report) -> dict[str, Any]:
    """One network of a document."""
    return {
        "name": report.name,
        "target": report.target,
        "device": report.result.device,
        "mode": report.result.mode,
        "inputs": [
            {"shape": list(spec.shape), "dtype": spec.dtype, "name": spec.name,
             "guessed": report.inputs_guessed}
            for spec in report.result.inputs
        ],
        "edits": [_applied(item) for item in report.applied],
        "base": _totals(report.base),
        "result": _totals(report.result),
        "depth": report.depth,
        "stages": [_stage(row, report.result.is_metered) for row in report.stages],
        "diagnostics": [_diagnostic(each) for each in report.diagnostics],
        "ignored": [
            {"code": each.code, "severity": each.severity, "path": each.path, "title": each.title}
            for each in report.ignored
        ],
        "checks": [
            {"id": check.name, "status": check.status, "text": check.text}
            for check in report.checks
        ],
        "fixed": [
            {"code": each.code, "path": each.path, "title": each.title, "fix": _fix(each.fix)}
            for each in report.fixed
        ],
        "together": _fix(report.together) if report.together else None,
        "uncounted_ops": [{"op": op, "calls": calls} for op, calls in report.result.uncounted],
        "operations": report.result.operations,
        "seconds": _median(report.times),
        "timing": _timing(report.times),
        "cross_check": [_peer(peer) for peer in report.peers],
        "notes": list(report.notes),
    }  # fmt: skip


def _totals(trace: Trace) -> dict[str, Any]:
    return {
        "params": trace.params,
        "trainable": trace.trainable,
        "buffers": trace.buffers,
        "macs": trace.macs,
        "flops": trace.flops,
        "weight_bytes": dict(trace.weight_bytes),
        "activation_bytes": trace.peak if trace.is_metered else None,
        "moved_bytes": trace.moved if trace.is_metered else None,
        "outputs": [list(spec.shape) for spec in trace.outputs],
        "complete": trace.complete,
    }


def _applied(item: Applied) -> dict[str, Any]:
    return {
        "flag": print_edit(item.edit),
        "matched": list(item.matched),
        "built": [
            {
                "path": b.path,
                "block": b.block,
                "arguments": {k: plain(v) for k, v in b.arguments.items()},
                "notes": list(b.notes),
            }
            for b in item.built
        ],
        "notes": list(item.notes),
    }


def _stage(row: Stage, is_metered: bool) -> dict[str, Any]:
    return {
        "path": row.path,
        "kind": row.kind,
        "op": row.op,
        "inputs": _shapes(row.inputs),
        "outputs": _shapes(row.outputs),
        "params": _amount(row.params),
        "macs": _amount(row.macs),
        "flops": {"base": 2 * row.macs.base, "result": 2 * row.macs.result},
        "trainable": _amount(row.trainable),
        "buffers": _amount(row.buffers),
        "weight_bytes": _amount(row.weight_bytes),
        "activation_bytes": _amount(row.peak) if is_metered else None,
        "moved_bytes": _amount(row.moved) if is_metered else None,
        "seconds": _median(row.times),
        "timing": _timing(row.times),
        "note": row.note,
    }


def _median(times: Times) -> float | None:
    return times[1].median if times[1] else None


def _timing(times: Times) -> dict[str, Any] | None:
    """Median and quarters before and after; None where nothing was measured."""
    if times == (None, None):
        return None
    return {
        side: {"median": each.median, "low": each.low, "high": each.high} if each else None
        for side, each in zip(("base", "result"), times, strict=True)
    }


def _peer(peer: PeerCount) -> dict[str, Any]:
    return {
        "tool": peer.tool,
        "version": peer.version,
        "params": peer.params,
        "macs": peer.macs,
        "error": peer.error or None,
        "params_because": [_reason(each) for each in peer.params_because],
        "macs_because": [_reason(each) for each in peer.macs_because],
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {"why": reason.why, "amount": reason.amount, "places": list(reason.places)}


def _diagnostic(each: Diagnostic) -> dict[str, Any]:
    mismatch = each.mismatch
    return {
        "code": each.code,
        "severity": each.severity,
        "path": each.path,
        "phase": each.phase,
        "title": each.title,
        "primary": _span(each.primary) if each.primary else None,
        "secondary": [_span(label) for label in each.secondary],
        "op": each.op or None,
        "operands": [
            {"name": name, "shape": list(shape), "origin": made_by}
            for name, shape, made_by in each.operands
        ],
        "mismatch": (
            {"dim": mismatch.dim, "expected": mismatch.expected, "got": mismatch.got}
            if mismatch
            else None
        ),
        "consumers": list(each.consumers),
        "also": list(each.also),
        "passing": list(each.passing),
        "notes": list(each.notes),
        "fixes": [_fix(fix) for fix in each.fixes],
    }


def _span(label: Label) -> dict[str, Any]:
    site = label.site
    return {
        "file": site.file,
        "line": site.line,
        "col": site.col + 1,
        "end_line": site.end_line,
        "end_col": site.end_col + 1,
        "label": label.text,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "title": fix.title,
        "edits": [print_edit(edit) for edit in fix.edits],
        "instead": [print_edit(edit) for edit in fix.instead],
        "inputs": [print_spec(spec) for spec in fix.inputs] if fix.inputs else None,
        "safety": fix.safety,
        "verified": fix.verification is not None,
        "verification": _verification(fix.verification),
        "patch": _patch(fix.patch) if fix.patch else None,
    }


def _patch(patch: Patch) -> dict[str, Any]:
    changes = [
        {
            "file": change.site.file,
            "line": change.site.line,
            "col": change.site.col + 1,
            "end_line": change.site.end_line,
            "end_col": change.site.end_col + 1,
            "before": change.before,
            "after": change.after,
        }
        for change in patch.changes
    ]
    return {"changes": changes, "verification": _verification(patch.verification)}


def _verification(found: Verification | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "ran": found.ran,
        "outputs": _shapes(found.outputs),
        "delta_params": found.delta_params,
        "remaining": found.remaining,
    }


def _amount(amount: Amount) -> dict[str, int]:
    return {"base": amount.base, "result": amount.result}


def _shapes(shapes: tuple[Shape, ...]) -> list[list[int]]:
    return [list(shape) for shape in shapes]


def plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if isinstance(value, int | float | str | bool) or value is None else repr(value)
