"""One output format per file; each is a function from a Report to text, and knows no rule."""

from __future__ import annotations

from collections.abc import Callable

from stitchcli.formats.json import render_json
from stitchcli.formats.markdown import render_markdown
from stitchcli.formats.table import render_table
from stitchcli.records import Report

#: Every format by its name, as plain text without colour.
FORMATS: dict[str, Callable[[Report], str]] = {
    "table": render_table,
    "json": render_json,
    "markdown": render_markdown,
}
