"""``# stitch: ignore[ST202]`` at the end of a line of the model's source."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from linecache import getlines
from pathlib import Path

from stitchcli.records import Site

_IGNORE = re.compile(r"#\s*stitch:\s*ignore\b(?:\s*\[([^\]]*)\])?", re.IGNORECASE)


@dataclass(frozen=True)
class Comment:
    """What a comment ignores: codes or beginnings of codes, or all where it names none."""

    place: str
    codes: tuple[str, ...] = ()
    all: bool = False

    def covers(self, code: str) -> bool:
        """True where a finding with a code is ignored."""
        return self.all or any(code.startswith(word.upper()) for word in self.codes)


def comments_on(site: Site) -> Iterator[Comment]:
    """The comments on any line of a span."""
    lines = getlines(site.file)
    span = lines[site.line - 1 : site.end_line]
    # most spans have none, and tokenizing a file takes its time
    if any(_IGNORE.search(line) for line in span):
        found = _comments(site.file, lines)
        yield from (found[at] for at in range(site.line, site.end_line + 1) if at in found)


def _comments(file: str, lines: list[str]) -> Mapping[int, Comment]:
    """Every such comment of a file by its line; what looks like one in a string is none."""
    found = {}
    # a file that Python has run can be read to its end; another is read as far as it goes
    with suppress(tokenize.TokenError, SyntaxError):
        for token in tokenize.generate_tokens(iter(lines).__next__):
            match = _IGNORE.search(token.string) if token.type == tokenize.COMMENT else None
            if match:
                place = f"{Path(file).name}:{token.start[0]}"
                named = match[1]
                words = tuple(each.strip() for each in (named or "").split(",") if each.strip())
                found[token.start[0]] = Comment(place, words, all=named is None)
    return found
