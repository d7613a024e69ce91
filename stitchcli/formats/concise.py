"""``--format concise``: one line a finding, for editors and grep; nothing where all is well.

``path:line:col: ST101 title (module.path)``, or ``target:module.path: ST204 title`` where a
finding has no line of source. Remarks are lines too: ``target: note: ...``.
"""

from __future__ import annotations

from stitchcli.formats.findings import findings, one_line, remarks, where
from stitchcli.records import Report


def render_concise(report: Report) -> str:
    """The findings in the order of the report, then the remarks."""
    lines = [f"{where(report, each)}: {each.line}" for each in findings(report)]
    lines += [f"{report.target}: note: {text}" for text in remarks(report)]
    return "".join(f"{one_line(line)}\n" for line in lines)
