"""What people see of a diff, narrow and wide, in every format; and the page in a browser."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from syrupy.assertion import SnapshotAssertion

from stitchcli.difference import DiffRequest, diff_targets
from stitchcli.formats.diff import DIFF_FORMATS
from stitchcli.formats.diff.table import print_diff
from stitchcli.formats.diff.words import stage_rows
from stitchcli.formats.drawing import strip_lines
from stitchcli.pipeline import Request
from stitchcli.records import Diff, Target
from stitchcli.words.edits import parse_edit

PAIRS = {
    "edited": ("unet", "unet", ("--replace conv=dwconv", "--replace cat=eff", "--after down2=se")),
    "resnets": ("resnet18", "resnet50", ()),
    "unets": ("unet", "unet-transposed", ()),
    "same": ("csp", "csp", ()),
}


@cache
def made(name: str) -> Diff:
    base, head, flags = PAIRS[name]
    edits = tuple(parse_edit(flag) for flag in flags)
    request = Request(edits, device="meta")
    return diff_targets(DiffRequest(Target(base), Target(head), request))


def table(diff: Diff, width: int, stat: bool = False) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    print_diff(diff, console, stat=stat)
    assert isinstance(console.file, StringIO)
    return strip_lines(console.file.getvalue())


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("name", PAIRS)
def test_table(name: str, width: int, snapshot: SnapshotAssertion) -> None:
    text = table(made(name), width)
    assert text == snapshot
    tables = text.split("parameters  ")[0]
    assert max(map(len, tables.splitlines()[3:]), default=0) <= width


def test_stat(snapshot: SnapshotAssertion) -> None:
    assert table(made("edited"), 80, stat=True) == snapshot


def test_markdown(snapshot: SnapshotAssertion) -> None:
    assert DIFF_FORMATS["markdown"](made("edited")) == snapshot


@pytest.mark.parametrize("name", PAIRS)
def test_stages_add_up(name: str) -> None:
    diff = made(name)
    rows = stage_rows(diff)
    for side in ("base", "result"):
        trace = diff.base.result if side == "base" else diff.head.result
        assert sum(getattr(params, side) for _, _, params, _ in rows) == trace.params
        assert sum(getattr(macs, side) for _, _, _, macs in rows) == trace.macs


def test_markdown_fits_a_comment() -> None:
    assert all(len(DIFF_FORMATS["markdown"](made(name))) < 65_536 for name in PAIRS)


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(chromium() is None, reason="no headless browser")
@pytest.mark.parametrize("width", [400, 1600])
@pytest.mark.parametrize("name", ["edited", "resnets"])
def test_the_page_in_a_browser(name: str, width: int, tmp_path: Path) -> None:
    """Nothing is wider than the window, and nothing is said on the console. The width is measured
    by a script of the test's, which writes it where it can be read."""
    page = DIFF_FORMATS["html"](made(name))
    assert "http://" not in page and "https://" not in page
    measure = (
        "<script>addEventListener('load', () => {"
        "document.body.dataset.wide = document.documentElement.scrollWidth;"
        "document.body.dataset.window = innerWidth;})</script>"
    )
    file = tmp_path / "page.html"
    file.write_text(page.replace("</body>", f"{measure}</body>"), encoding="utf-8")
    browser = chromium()
    assert browser is not None
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr",
         f"--window-size={width},900", "--dump-dom", file.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    wide, window = (
        int(done.stdout.split(f'data-{key}="')[1].split('"')[0]) for key in ("wide", "window")
    )
    assert wide <= window
    assert "Traceback" not in done.stdout
