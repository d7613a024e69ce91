"""Blocks as a reader sees them: a list, one block's page, JSON, markdown."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import Any
from unicodedata import combining, east_asian_width

from stitchcli import __version__
from stitchcli.cli.block_words import examples
from stitchcli.entries import WIDTH, BlockEntry, read_source

SCHEMA = "stitch.blocks/1"
FAMILIES = ("conv", "attention", "fusion", "down", "up", "block", "adapter")
_COLUMNS = ("name", f"C={WIDTH}", "shape", "paper")
_GAP = "  "
_ARXIV = re.compile(r"arXiv:\S+")


def by_family(entries: Sequence[BlockEntry]) -> list[tuple[str, list[BlockEntry]]]:
    """Families in the order in which a network is built, others behind them; ``other`` for those
    that name none."""
    names = {name: index for index, name in enumerate(FAMILIES)}

    def rank(entry: BlockEntry) -> tuple[int, str]:
        return names.get(entry.family, len(names) + (not entry.family)), entry.family

    grouped = groupby(sorted(entries, key=rank), key=lambda entry: entry.family)
    return [(family or "other", list(each)) for family, each in grouped]


def list_text(entries: Sequence[BlockEntry], width: int) -> str:
    """The list for a terminal of a width: the last columns give way, names never do."""
    groups = by_family(entries)
    cells = {family: [_cells(entry) for entry in each] for family, each in groups}
    rows = [_COLUMNS, *(row for each in cells.values() for row in each)]
    short = [(*row[:3], _short(row[3])) for row in rows]
    layouts = (rows, short, [row[:3] for row in rows], [row[:2] for row in rows])
    shown = next((each for each in layouts if sum(_widths(each)) <= width), layouts[-1])
    widths = _widths(shown)
    lines = [_line(shown[0], widths)]
    behind = iter(shown[1:])
    for family, each in cells.items():
        lines += ["", family, *(_line(next(behind), widths) for _ in each)]
    return "\n".join(lines) + "\n"


def list_markdown(entries: Sequence[BlockEntry]) -> str:
    """One table for each family."""
    lines: list[str] = []
    for family, each in by_family(entries):
        lines += [f"## {family}", "", f"| {' | '.join(_COLUMNS)} |", "| --- | ---: | --- | --- |"]
        lines += [f"| {' | '.join(cell.replace('|', '∣') for cell in _cells(e))} |" for e in each]
        lines.append("")
    return "\n".join(lines)


def blocks_json(entries: Sequence[BlockEntry], notes: Sequence[str], source: bool = False) -> str:
    """A document of ``stitch.blocks/1``; with the sources where they are wanted."""
    document = {
        "schema": SCHEMA,
        "tool": {"version": __version__},
        "command": "blocks",
        "status": "ok",
        "exit_code": 0,
        "error": None,
        "blocks": [_document(entry, source) for entry in entries],
        "notes": list(notes),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def page(entry: BlockEntry, width: int) -> str:
    """All that is known of one block, then its source."""
    title = f"{entry.name}: {entry.summary}" if entry.summary else entry.name
    arguments = ", ".join(str(each) for each in entry.arguments) or "none"
    facts = {
        "paper": entry.paper,
        "family": entry.family,
        "shape": entry.shape,
        "parameters": _formula(entry),
        "starts as": "the identity" if entry.is_identity else "",
        "arguments": arguments,
        "from": entry.place,
    }
    lines = [*textwrap.wrap(title, width), ""]
    for name, text in facts.items():
        if text:
            head = f"{name:>12}  "
            lines += textwrap.wrap(
                head + text, width, subsequent_indent=" " * len(head),
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip
    lines += ["", *(f"stitch inspect unet {each}" for each in examples(entry)), ""]
    return "\n".join(lines) + "\n" + read_source(entry.file).rstrip() + "\n"


def _document(entry: BlockEntry, source: bool) -> dict[str, Any]:
    extra = {"examples": examples(entry), "source": read_source(entry.file)} if source else {}
    return {
        "name": entry.name,
        "class": entry.class_name or None,
        "family": entry.family or None,
        "summary": entry.summary,
        "paper": entry.paper or None,
        "shape": entry.shape or None,
        "parameters": entry.parameters or None,
        f"params_at_{WIDTH}": entry.count(),
        "is_identity": entry.is_identity,
        "arguments": [{"name": a.name, "default": a.default} for a in entry.arguments],
        "bundled": entry.bundled,
        "file": str(entry.file),
        **extra,
    }


def _formula(entry: BlockEntry) -> str:
    count = entry.count()
    told = "" if count is None else f"{count:,} at C={WIDTH}"
    return " = ".join(filter(None, (entry.parameters, told))) if told != "0 at C=64" else "none"


def _cells(entry: BlockEntry) -> tuple[str, ...]:
    count = entry.count()
    paper = entry.paper if entry.bundled else str(entry.file)
    return (entry.name, "?" if count is None else f"{count:,}", entry.shape, paper)


def _short(paper: str) -> str:
    """Where to find a paper: its number, or its first author."""
    found = _ARXIV.search(paper)
    return found[0] if found else paper.partition(" ")[0].rstrip(",")


def _widths(rows: Sequence[tuple[str, ...]]) -> list[int]:
    """What each column takes, with the gap before it."""
    return [max(map(_cell_width, column)) + len(_GAP) for column in zip(*rows, strict=True)]


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    parts = []
    for index, (cell, width) in enumerate(zip(row, widths, strict=True)):
        blanks = " " * (width - len(_GAP) - _cell_width(cell))
        parts.append(_GAP + (blanks + cell if index == 1 else cell + blanks))
    return "".join(parts).rstrip()


def _cell_width(text: str) -> int:
    """Columns that a terminal gives a text: two for each Chinese sign."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) else 1 + (east_asian_width(c) in "WF") for c in text)
