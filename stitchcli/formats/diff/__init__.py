"""The formats of ``stitch diff``; each is a function from a Diff to text."""

from __future__ import annotations

from collections.abc import Callable

from stitchcli.formats.diff.html import render_html
from stitchcli.formats.diff.json import render_json
from stitchcli.formats.diff.markdown import render_markdown
from stitchcli.formats.diff.table import render_table
from stitchcli.records import Diff

#: Every format by its name, as plain text without colour.
DIFF_FORMATS: dict[str, Callable[[Diff], str]] = {
    "table": render_table,
    "json": render_json,
    "markdown": render_markdown,
    "html": render_html,
}
