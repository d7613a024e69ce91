"""One output format per file; each is a function from a Report to text, and knows no rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from stitchcli.formats.check.junit import render_junit_error
from stitchcli.formats.concise import render_concise
from stitchcli.formats.github import render_github, render_github_error, render_github_places
from stitchcli.formats.json import render_error, render_json
from stitchcli.formats.markdown import render_markdown
from stitchcli.formats.sarif import render_sarif, render_sarif_error
from stitchcli.formats.table import render_table
from stitchcli.records import Report
from stitchcli.versions import versions

#: Every format by its name, as plain text without colour.
FORMATS: dict[str, Callable[[Report], str]] = {
    "table": render_table,
    "json": render_json,
    "markdown": render_markdown,
    "concise": render_concise,
    "github": render_github,
    "sarif": render_sarif,
}

#: What stands on stdout for a report that could not be made, in the formats for other programs:
#: of message, help, exit code, versions and command.
ERRORS: dict[str, Callable[[str, str, int, Mapping[str, str | None], str], str]] = {
    "json": render_error,
    "github": render_github_error,
    "sarif": render_sarif_error,
    "junit": render_junit_error,
}


def render_failure(
    format: str,
    message: str,
    help: str,
    exit_code: int,
    command: str,
    places: Sequence[tuple[str, int, str]] = (),
) -> str:
    """What stands in a format of ``ERRORS`` for a report that could not be made. ``places`` are
    files, lines and words of what is wrong there."""
    if format == "github" and places:
        return render_github_places(places, command)
    if len(places) > 1:
        message += "".join(f"\n{file}:{line}: {text}" for file, line, text in places)
    return ERRORS[format](message, help, exit_code, versions(), command)
