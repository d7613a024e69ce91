"""What the rules teach: every example is run, and says what it promises."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from stitchcli.cli.main import run
from stitchcli.errors import StitchError
from stitchcli.lessons import FOLDER, find_lesson, lessons, read_lesson
from stitchcli.rules import RULES

FILES = sorted(FOLDER.glob("st[0-9]*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_rule_teaches(file: Path) -> None:
    lesson = read_lesson(file)
    assert lesson.code == file.stem[:5].upper()
    for part in (lesson.title, lesson.what, lesson.severity, lesson.why, lesson.fix):
        assert part
    assert not lesson.title.endswith(".") and "\n" not in lesson.title
    assert lesson.severity.partition(" ")[0].rstrip(";,") in ("error", "warning", "note")
    example = lesson.parts
    assert example.command.startswith("stitch inspect ")
    assert example.says.startswith(("error", "warning", "note"))
    assert example.says.partition("[")[2].startswith(lesson.code)
    compile(example.source, file.name, "exec")


def test_every_rule_is_run_and_every_rule_that_is_run_teaches() -> None:
    names = [rule.__module__.rpartition(".")[2] for rule in RULES]
    assert names == [file.stem for file in FILES]


@pytest.mark.parametrize("code", lessons())
def test_an_example_is_real(
    code: str,
    write: Callable[[str, str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    example = lessons()[code].parts
    if example.source:
        write(example.source, "model.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", shlex.split(example.command))
    run()
    printed = capsys.readouterr().out
    said = next(line for line in printed.splitlines() if line.startswith(example.says[:5]))
    assert said.startswith(example.says)
    assert example.says.partition("[")[0] == lessons()[code].level


@pytest.mark.parametrize("word", ["st101", "ST101", " St101 "])
def test_a_code_in_any_case(word: str) -> None:
    assert find_lesson(word).code == "ST101"


@pytest.mark.parametrize("word", ["ST999", "101", "ST10", "zzz", ""])
def test_an_unknown_code_is_a_mistake_of_the_users(word: str) -> None:
    with pytest.raises(StitchError) as caught:
        find_lesson(word)
    assert caught.value.help
