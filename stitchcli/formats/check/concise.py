"""``--format concise``: one line for each check that did not just pass, and for each fault."""

from __future__ import annotations

from stitchcli.formats.check.told import told
from stitchcli.formats.check.words import SHOWN
from stitchcli.formats.findings import one_line
from stitchcli.records import CheckReport


def render_concise(report: CheckReport) -> str:
    """``models/unet.py:31: unet: FAIL params is …``."""
    lines = []
    for each in told(report):
        details = f" ({'; '.join(each.details)})" if each.details else ""
        head = f"{each.file}:{each.line}: {each.model}: {SHOWN[each.status]}"
        lines.append(f"{head} {each.text}{details}")
    return "".join(f"{one_line(line)}\n" for line in lines)
