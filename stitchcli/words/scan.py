"""Parts of a flag that know where in it they stand, so that an error can point at a character.

Cutting is done at the top level: brackets and quotes keep what is inside them together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from unicodedata import east_asian_width

from stitchcli.errors import EditError

_OPEN = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Span:
    """``whole[start:end]``; ``lead`` is what stands before it on the command line."""

    whole: str
    start: int
    end: int
    lead: str = ""

    @classmethod
    def of(cls, text: str | Span, lead: str = "") -> Span:
        """All of a text, without the blanks around it."""
        return text.strip() if isinstance(text, Span) else cls(text, 0, len(text), lead).strip()

    def __str__(self) -> str:
        return self.whole[self.start : self.end]

    def __bool__(self) -> bool:
        return self.start < self.end

    def part(self, start: int, end: int | None = None) -> Span:
        """``self[start:end]``."""
        last = self.end if end is None else self.start + end
        return Span(self.whole, self.start + start, last, self.lead)

    def strip(self) -> Span:
        """Without the blanks around it."""
        text = str(self)
        return self.part(len(text) - len(text.lstrip()), len(text.rstrip()))

    def split(self, separator: str) -> list[Span]:
        """Cut at each top-level ``separator``."""
        return self.cut_at([i for i, char in top_level(self) if char == separator])

    def cut_at(self, cuts: list[int]) -> list[Span]:
        """The parts between the characters at ``cuts``."""
        starts, ends = [0, *(cut + 1 for cut in cuts)], [*cuts, self.end - self.start]
        return [self.part(start, end) for start, end in zip(starts, ends, strict=True)]

    def cut_first(self, separator: str) -> tuple[Span, Span] | None:
        """Cut at the first top-level ``separator``, or None without one."""
        return self._cut(separator, 0)

    def cut_last(self, separator: str) -> tuple[Span, Span] | None:
        """Cut at the last top-level ``separator``, or None without one."""
        return self._cut(separator, -1)

    def _cut(self, separator: str, which: int) -> tuple[Span, Span] | None:
        cuts = [i for i, char in top_level(self) if char == separator]
        return (self.part(0, cuts[which]), self.part(cuts[which] + 1)) if cuts else None

    def error(self, message: str, help: str, at: int = 0) -> EditError:
        """An error whose caret stands under the character ``at`` of this part."""
        where = self.start + at
        shown = self.lead + "".join(c if c.isprintable() else " " for c in self.whole)
        blank = sum(_columns(char) for char in shown[: len(self.lead) + where])
        return EditError(message, help, f"  {shown}\n  {' ' * blank}^")


def top_level(span: Span) -> Iterator[tuple[int, str]]:
    """Positions and characters that stand outside brackets and quotes."""
    return ((index, char) for index, char, depth in _walk(span) if depth == 0)


def last_group(span: Span, opener: str) -> tuple[Span, Span] | None:
    """What stands before the last top-level bracket group of a text that ends in it, and what
    stands in it."""
    opened = [index for index, char, depth in _walk(span) if char == opener and depth == 1]
    if not opened or str(span)[-1:] != _OPEN[opener]:
        return None
    return span.part(0, opened[-1]), span.part(opened[-1] + 1, span.end - span.start - 1)


def _walk(span: Span) -> Iterator[tuple[int, str, int]]:
    """Positions and characters with the depth of brackets and quotes that they stand in; what
    opens and closes a bracket counts as inside it. Raises EditError where they do not pair up."""
    opened: list[int] = []
    closers: list[str] = []
    quote = ""
    for index, char in enumerate(str(span)):
        if quote:
            yield index, char, len(closers)
            if char == quote:
                quote = ""
                closers.pop()
                opened.pop()
        elif char in "'\"" or char in _OPEN:
            quote = char if char in "'\"" else ""
            closers.append(_OPEN.get(char, char))
            opened.append(index)
            yield index, char, len(closers)
        elif char in _OPEN.values():
            if not closers or char != closers[-1]:
                raise span.error(f"{char!r} closes nothing", "take it out", index)
            yield index, char, len(closers)
            closers.pop()
            opened.pop()
        else:
            yield index, char, len(closers)
    if closers:
        help = f"close it with {closers[-1]}, and quote the whole value for the shell"
        raise span.error(f"{str(span)[opened[-1]]} is never closed", help, opened[-1])


def _columns(char: str) -> int:
    return 2 if east_asian_width(char) in "WF" else 1
