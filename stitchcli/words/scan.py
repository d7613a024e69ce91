"""Splitting flags at the top level: brackets and quotes keep what is inside them together."""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.errors import EditError

_OPEN = {"(": ")", "[": "]", "{": "}"}


def _walk(text: str) -> Iterator[tuple[int, str, int]]:
    """Positions and characters with the depth of brackets and quotes that they stand in; what
    opens and closes a bracket counts as inside it. Raises EditError where
    they do not pair up."""
    closers: list[str] = []
    quote = ""
    for index, char in enumerate(text):
        if quote:
            yield index, char, len(closers) + 1
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
            yield index, char, len(closers) + 1
        elif char in _OPEN:
            closers.append(_OPEN[char])
            yield index, char, len(closers)
        elif char in _OPEN.values():
            if not closers or char != closers[-1]:
                raise EditError(f"{text!r} has a {char!r} that closes nothing", "take it out")
            yield index, char, len(closers)
            closers.pop()
        else:
            yield index, char, len(closers)
    if closers or quote:
        raise EditError(
            f"{text!r} has no closing {(closers or [quote])[-1]}",
            "close it, and quote the whole value for the shell",
        )


def top_level(text: str) -> Iterator[tuple[int, str]]:
    """Positions and characters of ``text`` that stand outside brackets and quotes."""
    return ((index, char) for index, char, depth in _walk(text) if depth == 0)


def last_group(text: str) -> tuple[str, str] | None:
    """What stands before the last ``[...]`` of a text that ends in ``]``, and what stands in it."""
    opened = [index for index, char, depth in _walk(text) if char == "[" and depth == 1]
    return (text[: opened[-1]], text[opened[-1] + 1 : -1]) if opened else None


def split(text: str, separator: str) -> list[str]:
    """``text`` cut at each top-level ``separator``."""
    cuts = [index for index, char in top_level(text) if char == separator]
    starts = [0, *(cut + 1 for cut in cuts)]
    return [text[start:end] for start, end in zip(starts, [*cuts, len(text)], strict=True)]


def cut_first(text: str, separator: str) -> tuple[str, str] | None:
    """``text`` cut at its first top-level ``separator``, or None without one."""
    for index, char in top_level(text):
        if char == separator:
            return text[:index], text[index + 1 :]
    return None


def cut_last(text: str, separator: str) -> tuple[str, str] | None:
    """``text`` cut at its last top-level ``separator``, or None without one."""
    cuts = [index for index, char in top_level(text) if char == separator]
    return (text[: cuts[-1]], text[cuts[-1] + 1 :]) if cuts else None
