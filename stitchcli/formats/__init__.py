"""One output format per file; each is a function from a Report to text, and knows no rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from stitchcli.records import Report
from stitchcli.versions import versions


def _lazily(place: str) -> Callable[..., str]:
    """A function of one of the files here, which is imported when it is called."""
    file, _, name = place.partition(":")

    def render(*args: Any) -> str:
        text: str = getattr(import_module(f"{__name__}.{file}"), name)(*args)
        return text

    return render


#: Every format by its name, as plain text without colour.
FORMATS: dict[str, Callable[[Report], str]] = {
    "table": _lazily("table:render_table"),
    "json": _lazily("json:render_json"),
    "markdown": _lazily("markdown:render_markdown"),
    "concise": _lazily("concise:render_concise"),
    "github": _lazily("github:render_github"),
    "sarif": _lazily("sarif:render_sarif"),
}

#: What stands on stdout for a report that could not be made, in the formats for other programs:
#: of message, help, exit code, versions and command.
ERRORS: dict[str, Callable[[str, str, int, Mapping[str, str | None], str], str]] = {
    "json": _lazily("json:render_error"),
    "github": _lazily("github:render_github_error"),
    "sarif": _lazily("sarif:render_sarif_error"),
    "junit": _lazily("check.junit:render_junit_error"),
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
        return _lazily("github:render_github_places")(places, command)
    if len(places) > 1:
        message += "".join(f"\n{file}:{line}: {text}" for file, line, text in places)
    return ERRORS[format](message, help, exit_code, versions(), command)
