"""The formats of ``stitch check``, one a file; each is a function from a CheckReport to text."""

from __future__ import annotations

from collections.abc import Callable

from stitchcli.formats.check.concise import render_concise
from stitchcli.formats.check.github import render_github
from stitchcli.formats.check.json import render_json
from stitchcli.formats.check.junit import render_junit
from stitchcli.formats.check.markdown import render_markdown
from stitchcli.formats.check.sarif import render_sarif
from stitchcli.formats.check.table import render_table
from stitchcli.records import CheckReport

#: Every format by its name, as plain text without colour.
CHECK_FORMATS: dict[str, Callable[[CheckReport], str]] = {
    "table": render_table,
    "json": render_json,
    "markdown": render_markdown,
    "concise": render_concise,
    "github": render_github,
    "sarif": render_sarif,
    "junit": render_junit,
}
