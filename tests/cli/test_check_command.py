"""The command line of ``stitch check``: where reports go, and what is refused."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from xml.etree import ElementTree

import pytest
from checking.conftest import NET
from cli.conftest import Run, run_stitch
from formats.test_for_programs import VALID, commands

GOOD = '[[model]]\nname = "net"\ntarget = "net.py"\ninput = "1x3x8x8"\nbudget.params = 1000\n'
BAD = GOOD.replace("budget.params", "bugdet.params") + "base = 1\n"


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "stitch.toml").write_text(GOOD)
    return lambda *words: run_stitch(monkeypatch, ["check", *words])


def test_mistakes_in_settings_are_told_in_every_format(check: Run) -> None:
    Path("stitch.toml").write_text(BAD)
    files = ("json:r.json", "junit:r.xml", "sarif:r.sarif", "github:r.txt")
    found = check("--format", "github", *(f"--out={each}" for each in files))
    assert found.code == 2
    told = [(each[1]["file"], each[1]["line"], each[2]) for each in commands(found.out)]
    assert [each[:2] for each in told] == [("stitch.toml", "5"), ("stitch.toml", "6")]
    assert "did you mean 'budget'" in told[0][2]
    assert Path("r.txt").read_text() == found.out
    assert "stitch.toml:6" in json.loads(Path("r.json").read_text())["error"]["message"]
    VALID.validate(json.loads(Path("r.sarif").read_text()))
    (error,) = ElementTree.parse("r.xml").iter("error")
    assert "stitch.toml:5" in str(error.get("message"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--out", "json:r", "--out", "markdown:r"), "--out has r twice"),
        (("--out", "json:./r", "--out", "junit:r"), "twice"),
        (("--out", "json:-"), "--format json prints on stdout"),
        (("--out", "jsn:r"), "did you mean 'json' or 'junit'"),
        (("--out", "json:net.py"), "net.py is read"),
        (("--out", "json:stitch.toml"), "stitch.toml is read"),
        (("--base", ""), "--base is empty"),
        (("nte",), "did you mean 'net'"),
    ],
)
def test_what_is_refused(check: Run, words: tuple[str, ...], said: str) -> None:
    before = {each: each.read_bytes() for each in Path().iterdir()}
    found = check(*words)
    assert found.code == 2 and said in found.err, found
    assert {each: each.read_bytes() for each in Path().iterdir()} == before


def test_a_pipe_is_written_into(check: Run) -> None:
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert check("--out", "json:pipe").code == 0
    assert b'"command": "check"' in os.read(reader, 1 << 16)
    os.close(reader)
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode)


def test_a_device_stays_one(check: Run) -> None:
    full = Path("/dev/full")
    if not full.is_char_device():
        pytest.skip("there is none here")
    found = check("--out", f"json:{full}")
    assert found.code == 2 and "No space left" in found.err and full.is_char_device()
