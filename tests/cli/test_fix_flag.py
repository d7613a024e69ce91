"""``--fix``: what is written, what is never written, and the patch that is shown."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import Run, unprivileged

from stitchcli import pipeline

FAULTY = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.first = nn.Conv2d(3, width, 3, padding=1)
        self.last = nn.Conv2d(10, 2, 1)

    def forward(self, x):
        return self.last(self.first(x))
"""
MENDED = FAULTY.replace("nn.Conv2d(10, 2, 1)", "nn.Conv2d(8, 2, 1)")
BLOCK = """\
from torch import nn


class Block(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1)
        self.norm = nn.BatchNorm2d(24)

    def forward(self, x):
        return self.norm(self.conv(x))
"""
USES = """\
from torch import nn
from {module} import Block


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block(3, 16)
        self.head = nn.Conv2d({width}, 2, 1)

    def forward(self, x):
        return self.head(self.block(x))
"""
WRITE = ("--input", "1x3x16x16", "--fix", "--unsafe-fixes", "--write")
DIFF = (*WRITE[:-1], "--diff")


def put(name: str, data: str | bytes) -> Path:
    file = Path(name).absolute()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return file


def files() -> dict[str, bytes]:
    """All that lies here, but for what Python leaves."""
    here = (f for f in Path().rglob("*") if f.is_file() and "__pycache__" not in f.parts)
    return {str(file): file.read_bytes() for file in here}


@pytest.fixture
def two(here: Path) -> tuple[Path, Path]:
    """A fault in each of two files."""
    return put("parts.py", BLOCK), put("uses.py", USES.format(module="parts", width=12))


COOKIE = "# -*- coding: latin-1 -*-\n# caf\xe9 \xfc\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (FAULTY, MENDED),
        (FAULTY.replace("\n", "\r\n"), MENDED.replace("\n", "\r\n")),
        (FAULTY.rstrip("\n"), MENDED.rstrip("\n")),
        (FAULTY.replace("    ", "\t"), MENDED.replace("    ", "\t")),
        (b"\xef\xbb\xbf" + FAULTY.encode(), b"\xef\xbb\xbf" + MENDED.encode()),
        ((COOKIE + FAULTY).encode("latin-1"), (COOKIE + MENDED).encode("latin-1")),
        ("# ×→é 漢字\n" + FAULTY, "# ×→é 漢字\n" + MENDED),
        (
            FAULTY.replace("(10, 2, 1)", '(*{"é×": (10,)}["é×"], 2, 1) if "é" == 0 else '
                           "nn.Conv2d(10, 2, 1)"),
            FAULTY.replace("(10, 2, 1)", '(*{"é×": (10,)}["é×"], 2, 1) if "é" == 0 else '
                           "nn.Conv2d(8, 2, 1)"),
        ),
        (FAULTY.replace("\n\n\n", "\n\x0c\n\n"), MENDED.replace("\n\n\n", "\n\x0c\n\n")),
        ("s = '\u2028'\n" + FAULTY, "s = '\u2028'\n" + MENDED),
        (FAULTY.replace("\n\n\n", "  \n\r\n\n"), MENDED.replace("\n\n\n", "  \n\r\n\n")),
    ],
    ids="plain crlf no-final-newline tabs bom cookie utf-8 wide-line form-feed "
    "line-separator mixed-ends".split(),
)  # fmt: skip
def test_only_what_is_mended_changes(stitch: Run, before: str | bytes, after: str | bytes) -> None:
    file = put("model.py", before)
    done = stitch("model.py:Net", *WRITE)
    assert done.code == 0, done.err + done.out
    assert file.read_bytes() == (after.encode() if isinstance(after, str) else after)
    assert "wrote model.py" in done.err


@pytest.mark.parametrize("flags", [("--unsafe-fixes",), ("--diff",), ("--write",)])
def test_a_flag_that_says_how_to_fix_needs_fix(stitch: Run, flags: tuple[str, ...]) -> None:
    put("model.py", FAULTY)
    before = files()
    done = stitch("model.py:Net", *flags)
    assert (done.code, done.out) == (2, "") and "--fix" in done.err
    assert files() == before


def test_diff_and_fix_alone_write_nothing(stitch: Run) -> None:
    put("model.py", FAULTY)
    before = files()
    assert stitch("model.py:Net", *DIFF).code == 1  # the fault is still in the file
    assert stitch("model.py:Net", *DIFF[:-1]).code == 0
    assert stitch("model.py:Net", *DIFF[:2], "--fix").code == 1  # no fix of it is safe
    assert files() == before


@pytest.mark.parametrize("flags", [(), ("--write",), ("--diff",)])
def test_nothing_to_fix(stitch: Run, flags: tuple[str, ...]) -> None:
    put("model.py", MENDED)
    before = files()
    done = stitch("model.py:Net", *WRITE[:-1], *flags)
    assert done.code == 0 and files() == before
    assert "diff" not in done.out and "@@" not in done.out


def test_a_fault_that_no_patch_mends_is_left(stitch: Run) -> None:
    text = FAULTY.replace("10, 2", "len('0123456789'), 2").replace("width, 3", "9, 3")
    file = put("model.py", text)
    done = stitch("model.py:Net", *WRITE, "--ignore", "ST1")
    assert done.code == 0 and "wrote" not in done.err
    assert file.read_text() == text


def test_a_file_that_was_changed_meanwhile_is_left(
    stitch: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = put("model.py", FAULTY)
    look = pipeline.inspect_target

    def look_and_edit(*args: Any) -> Any:
        report = look(*args)
        file.write_text(FAULTY + "# precious\n")
        return report

    monkeypatch.setattr(pipeline, "inspect_target", look_and_edit)
    done = stitch("model.py:Net", *WRITE)
    assert done.code == 2 and "changed meanwhile" in done.err
    assert file.read_text() == FAULTY + "# precious\n"


def test_showing_and_writing_exclude_each_other(stitch: Run) -> None:
    file = put("model.py", FAULTY)
    done = stitch("model.py:Net", *WRITE, "--diff")
    assert done.code == 2 and "--diff writes nothing" in done.err
    assert file.read_text() == FAULTY


def test_other_files_are_written_beside_a_diff(stitch: Run) -> None:
    put("model.py", FAULTY)
    done = stitch("model.py:Net", "--fix", "--unsafe-fixes", "--diff", "-o", "json:report.json")
    assert "@@" in done.out and Path("report.json").is_file()


def test_a_symlink_stays_one(stitch: Run) -> None:
    real = put("elsewhere/real.py", FAULTY)
    Path("model.py").symlink_to(real)
    assert stitch("model.py:Net", *WRITE).code == 0
    assert Path("model.py").is_symlink()
    assert real.read_text() == MENDED


def test_the_mode_stays(stitch: Run) -> None:
    file = put("model.py", FAULTY)
    file.chmod(0o755)
    assert stitch("model.py:Net", *WRITE).code == 0
    assert file.read_text() == MENDED and file.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_is_read_only_stays(here: Path, what: str) -> None:
    file = put("locked/model.py", FAULTY)
    place, mode = (file, 0o444) if what == "file" else (file.parent, 0o555)
    place.chmod(mode)
    before = files()
    done = unprivileged("inspect", "locked/model.py:Net", *WRITE)
    place.chmod(0o755)
    assert (done.code, files()) == (2, before)
    assert "cannot write" in done.err


def test_a_folder_that_takes_no_file(stitch: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    put("model.py", FAULTY)
    before = files()

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("stitchcli.whole_files.tempfile.mkstemp", refuse)
    done = stitch("model.py:Net", *WRITE)
    assert (done.code, files()) == (2, before)
    assert "cannot write" in done.err and "Permission denied" in done.err


def test_two_files_in_one_patch(stitch: Run, two: tuple[Path, Path]) -> None:
    done = stitch("uses.py:Net", *WRITE)
    assert done.code == 0, done.out + done.err
    assert "parts.py" in done.err and "uses.py" in done.err
    assert "BatchNorm2d(cout)" in two[0].read_text() or "BatchNorm2d(16)" in two[0].read_text()
    assert "nn.Conv2d(16, 2, 1)" in two[1].read_text()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("after", [0, 1])
def test_an_interrupted_write_leaves_all_as_it_was(
    stitch: Run,
    two: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    after: int,
) -> None:
    before, replace, seen = files(), os.replace, []

    def breaks(source: str, target: str) -> None:
        if Path(target).suffix == ".py":
            seen.append(target)
            if len(seen) == after + 1:
                raise error
        replace(source, target)

    monkeypatch.setattr(os, "replace", breaks)
    done = stitch("uses.py:Net", *WRITE)
    assert len(seen) == after + 1
    assert done.code == (2 if isinstance(error, OSError) else 130)
    assert files() == before


def test_an_installed_package_is_never_patched(
    stitch: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("lib/site-packages/bought/__init__.py", BLOCK)
    put("uses.py", USES.format(module="bought", width=16))
    monkeypatch.syspath_prepend(str(here / "lib/site-packages"))
    before = files()
    done = stitch("uses.py:Net", *WRITE)
    changed = {name for name, data in files().items() if before[name] != data}
    assert not any("site-packages" in name for name in changed)
    if not changed:
        assert done.code == 1 and "no patch of your own files was found" in done.err


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
@pytest.mark.parametrize("tool", ["git", "patch"])
def test_the_diff_applies(stitch: Run, two: tuple[Path, Path], tool: str, end: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    for file in two:
        text = file.read_text()
        put(file.name, text.rstrip("\n") if not end else text.replace("\n", end))
    done = stitch("uses.py:Net", *DIFF)
    assert done.code == 1
    patch = put("changes.patch", done.out)
    words = {
        "git": ["git", "apply", "--whitespace=nowarn", str(patch)],
        "patch": ["patch", "-p1", "--binary", "-i", str(patch)],
    }
    run = subprocess.run(words[tool], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr + run.stdout + done.out
    applied = [file.read_bytes() for file in two]
    for file, source in zip(two, (BLOCK, USES.format(module="parts", width=12)), strict=True):
        put(file.name, source.rstrip("\n") if not end else source.replace("\n", end))
    assert stitch("uses.py:Net", *WRITE).code == 0
    assert applied == [file.read_bytes() for file in two]


def test_json_says_what_was_fixed(stitch: Run) -> None:
    put("model.py", FAULTY)
    done = stitch("model.py:Net", *WRITE, "--format", "json")
    assert done.code == 0
    (model,) = json.loads(done.out)["models"]
    assert not model["diagnostics"]
    (fixed,) = model["fixed"]
    assert (fixed["code"], fixed["path"]) == ("ST101", "last")


@pytest.mark.parametrize("format", ["json", "markdown", "concise", "github", "sarif", "table"])
def test_every_format_goes_with_every_way_to_fix(stitch: Run, format: str) -> None:
    put("model.py", FAULTY)
    for flags, code in (((), 0), (("--diff",), 1), (("--write",), 0)):
        done = stitch("model.py:Net", *WRITE[:-1], *flags, "--format", format)
        assert done.code == code, done.err
        if format in ("json", "sarif"):
            json.loads(done.out)


def test_writing_twice_changes_nothing_more(stitch: Run) -> None:
    put("model.py", FAULTY)
    assert stitch("model.py:Net", *WRITE).code == 0
    once = files()
    assert stitch("model.py:Net", *WRITE).code == 0
    assert files() == once
