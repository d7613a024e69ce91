"""The README shows what is really printed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from published_numbers import PUBLISHED

from stitchcli.cli.block_views import by_family
from stitchcli.formats import FORMATS
from stitchcli.lessons import lessons
from stitchcli.library import bundled

ROOT = Path(__file__).parents[1]


def test_it_names_every_block_in_its_family() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for family, entries in by_family(list(bundled().values())):
        names = " ".join(f"`{entry.name}`" for entry in entries)
        assert f"| {family} | {names} |" in text


def test_it_names_every_code_and_every_format() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"\n| {code} | " in text for code in lessons())
    assert all(f"\n| `{name}` | " in text for name in FORMATS)


@pytest.mark.parametrize(("page", "table"), [("accuracy", "| tool | equal"), ("speed", "| aim |")])
def test_it_quotes_the_pages(page: str, table: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    quoted = table + text.partition(table)[2].partition("\n\n")[0]
    assert quoted.rstrip() in (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_holds_the_flags_of_every_published_count() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").replace(" \\\n   ", "")
    for each in PUBLISHED:
        assert f"# {each.params:,}\n{each.command}\n" in text


@pytest.mark.parametrize(
    "words",
    [
        ("inspect", "unet", "--replace", "conv=dwconv"),
        ("inspect", "docs/model.py"),
        ("inspect", "vit", "--cross-check", "--quiet"),
        ("diff", "unet", "unet", "--replace", "conv=dwconv", "--except", "outc"),
    ],
    ids=" ".join,
)
def test_its_samples_are_real(words: tuple[str, ...]) -> None:
    env = {**os.environ, "COLUMNS": "120", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-m", "stitchcli", *words],
        cwd=ROOT, env=env, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.stdout.rstrip() in (ROOT / "README.md").read_text(encoding="utf-8")
