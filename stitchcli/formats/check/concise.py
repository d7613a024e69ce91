"""``--format concise``: one line for each check that did not just pass."""

from __future__ import annotations

from stitchcli.formats.check.words import SHOWN, ordered, place, sentence, why_text
from stitchcli.formats.findings import one_line
from stitchcli.records import CheckReport


def render_concise(report: CheckReport) -> str:
    """``models/unet.py:31: unet: FAIL params is …``."""
    lines = []
    for model, verdict in ordered(report):
        if verdict.status != "pass":
            reasons = why_text(model, verdict)
            text = sentence(model, verdict) + (f" ({reasons})" if reasons else "")
            where = place(report, model, verdict)
            lines.append(f"{where}: {model.model.name}: {SHOWN[verdict.status]} {text}")
    return "".join(f"{one_line(line)}\n" for line in lines)
