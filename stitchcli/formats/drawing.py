"""What is drawn on a console, as text; the fullest of several tables that fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import StringIO

from rich.console import Console
from rich.table import Table


def as_text(draw: Callable[[Console], None], width: int = 120) -> str:
    """What is drawn as plain text, without colour, so many columns wide."""
    text = StringIO()
    draw(Console(file=text, width=width, color_system=None))
    return strip_lines(text.getvalue())


def strip_lines(text: str) -> str:
    """The text without the blanks with which a table is padded on the right."""
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def fullest(tables: Iterable[Table], console: Console) -> Table:
    """The first that fits without wrapping; the last, where none does."""
    table = Table()
    for table in tables:
        if fits(table, console):
            break
    return table


def fits(table: Table, console: Console) -> bool:
    """Whether a table is no wider than the console."""
    unbounded = console.options.update(width=10_000)
    return console.measure(table, options=unbounded).maximum <= console.width
