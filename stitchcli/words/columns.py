"""Names of columns that a report shows where they are asked for."""

from __future__ import annotations

from collections.abc import Iterable

from stitchcli.errors import StitchError
from stitchcli.records import COLUMNS, Column
from stitchcli.words.near import did_you_mean


def parse_columns(given: str | Iterable[str], *, time: bool = False) -> tuple[Column, ...]:
    """Every column that is named, in the order of the report; ``"all"`` are all but seconds, which
    a device may be unable to give, and ``time`` asks for those. Raises StitchError."""
    texts = [given] if isinstance(given, str) else given
    asked = {word for text in texts for word in text.replace(",", " ").split()}
    for word in sorted(asked - {*COLUMNS, "all"}):
        known = f"columns are {', '.join(COLUMNS)}, or all"
        raise StitchError(f"there is no column {word!r}", did_you_mean(word, COLUMNS) or known)
    if "all" in asked:
        asked |= {*COLUMNS} - {"seconds"}
    if time:
        asked.add("seconds")
    return tuple(name for name in COLUMNS if name in asked)
