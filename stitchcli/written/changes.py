"""Source files as changes make them."""

from __future__ import annotations

from collections.abc import Sequence

from stitchcli.records import Change
from stitchcli.syntax import lines_of, source_of


def patched_texts(changes: Sequence[Change]) -> dict[str, str]:
    """The whole text of each changed file, by its name. Raises ValueError where two changes touch
    the same span."""
    by_file: dict[str, list[Change]] = {}
    for change in dict.fromkeys(changes):
        by_file.setdefault(change.site.file, []).append(change)
    return {file: _patched(source_of(file), found) for file, found in by_file.items()}


def _patched(text: str, changes: Sequence[Change]) -> str:
    lines = lines_of(text)
    starts, total = [0], 0
    for line in lines:
        total += len(line.encode("utf-8"))
        starts.append(total)
    data, least = text.encode("utf-8"), len(text.encode("utf-8"))
    for change in sorted(changes, key=lambda c: (c.site.line, c.site.col), reverse=True):
        site = change.site
        first, last = starts[site.line - 1] + site.col, starts[site.end_line - 1] + site.end_col
        if last > least:
            raise ValueError("two changes overlap")
        data = data[:first] + change.after.encode("utf-8") + data[last:]
        least = first
    return data.decode("utf-8")
