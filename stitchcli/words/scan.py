"""Splitting flags at the top level: brackets and quotes keep what is inside them together."""

from __future__ import annotations

from collections.abc import Iterator

from stitchcli.errors import EditError

_OPEN = {"(": ")", "[": "]", "{": "}"}


def top_level(text: str) -> Iterator[tuple[int, str]]:
    """Positions and characters of ``text`` that stand outside brackets and quotes."""
    closers: list[str] = []
    quote = ""
    for index, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in _OPEN:
            closers.append(_OPEN[char])
        elif closers and char == closers[-1]:
            closers.pop()
        elif not closers:
            yield index, char
    if closers or quote:
        raise EditError(
            f"{text!r} has no closing {(closers or [quote])[-1]}",
            "close it, and quote the whole value for the shell",
        )


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
