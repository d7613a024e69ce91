"""Exit codes, and the words for what went wrong."""

import json
from typing import Any

import pytest

import stitchcli.pipeline

BAD = [
    ["net.py", "--device", "nowhere"],
    ["unte"],
    ["nett.py"],
    ["net.py:Nett"],
    ["syntax.py"],
    ["exits.py"],
    ["leaves.py"],
    ["raises.py"],
    ["net.py", "--arg", "wdith=3"],
    ["net.py", "--arg", "width"],
    ["net.py", "--arg", "width=wide"],
    ["net.py", "--input", "3xx4"],
    ["net.py", "--input", "1x3x8x8", "--input", "1x3x8x8"],
    ["net.py", "--input", "y=1x3x8x8"],
    ["net.py", "--replace", "conv"],
    ["net.py", "--replace", "frist=dwconv"],
    ["net.py", "--replace", "conv=dwcnov"],
    ["net.py", "--replace", "conv=dwconv:kernal=3"],
    ["net.py", "--after", "conv[k=3=se"],
    ["net.py", "--set", "first.wdith=3"],
    ["net.py", "--remove", "first=x"],
    ["net.py", "--remove", "first", "--expect", "2"],
    ["net.py", "--out", "report.json"],
    ["net.py", "--out", "jsn:report.json"],
    ["net.py", "--out", "json:nowhere/report.json"],
    ["net.py", "--out", "json:."],
    ["net.py", "--format", "yaml"],
    ["net.py", "--select", "ST999"],
    ["net.py", "--ignore", "ST101,,ST102"],
    ["net.py", "--ignore", "everything"],
    ["net.py", "--depth", "0"],
    ["net.py", "--expect", "two"],
    ["net.py", "--no-such-flag"],
    ["net.py", "extra"],
    [],
]


def said(text: str) -> tuple[list[str], list[str]]:
    lines = text.splitlines()
    return (
        [line for line in lines if line.startswith("error:")],
        [line for line in lines if line.startswith("help:")],
    )


@pytest.mark.parametrize("words", BAD, ids=" ".join)
def test_what_cannot_be_done_is_2(stitch: Any, words: list[str]) -> None:
    result = stitch(*words, *(["--device", "meta"] if "--device" not in words else []))
    errors, helps = said(result.err)
    assert result.code == 2 and not result.out
    assert len(errors) == len(helps) == 1
    assert errors[0].removeprefix("error:").strip() and helps[0].removeprefix("help:").strip()
    assert "Traceback" not in result.err and "stitchcli/" not in result.err


def test_all_well_is_0(stitch: Any) -> None:
    result = stitch("net.py", "--input", "1x3x8x8")
    assert result.code == 0 and not result.err and "no faults" in result.out
    assert "224" in result.out and "242" in result.out.replace("\n", " ")


def test_a_finding_is_1(stitch: Any) -> None:
    result = stitch("net.py", "--arg", "wrong=1", "--input", "1x3x8x8")
    assert result.code == 1 and not result.err and "error[ST101]" in result.out


def test_a_bug_of_ours_is_3(stitch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(stitchcli.pipeline, "view_of", broken)
    monkeypatch.delenv("STITCH_DEBUG", raising=False)
    result = stitch("net.py", "--input", "1x3x8x8")
    errors, helps = said(result.err)
    assert result.code == 3 and "bug in stitch: ZeroDivisionError: oh" in errors[0]
    assert "report" in helps[0] and "Traceback" not in result.err and not result.out
    monkeypatch.setenv("STITCH_DEBUG", "1")
    assert "Traceback" in stitch("net.py", "--input", "1x3x8x8").err


def test_interrupted_is_130(stitch: Any) -> None:
    result = stitch("stopped.py", "--input", "1x3x8x8", "--format", "json")
    assert result.code == 130 and not result.out and "Traceback" not in result.err


@pytest.mark.parametrize("words", BAD[:8], ids=" ".join)
def test_an_error_as_json(stitch: Any, words: list[str]) -> None:
    result = stitch(*words, "--format", "json")
    document = json.loads(result.out)
    assert document["exit_code"] == result.code == 2 and document["status"] == "error"
    assert f"error: {document['error']['message']}" in result.err
    assert f"help: {document['error']['help']}" in result.err


@pytest.mark.parametrize("words", BAD[:8], ids=" ".join)
def test_an_error_in_the_formats_for_other_programs(stitch: Any, words: list[str]) -> None:
    told = stitch(*words, "-f", "github")
    first, last = told.out.split("\n")
    assert told.code == 2 and first.startswith("::error title=stitch inspect::") and not last
    (run,) = json.loads(stitch(*words, "--format=sarif").out)["runs"]
    assert run["results"] == [] and not run["invocations"][0]["executionSuccessful"]
    for format in ("concise", "markdown"):
        assert not stitch(*words, "-f", format).out


@pytest.mark.parametrize(
    "words", [["--format=json"], ["-f", "json"], ["-fjson"], ["-q", "-f=json"]]
)
def test_json_however_it_is_asked_for(stitch: Any, words: list[str]) -> None:
    result = stitch("unte", *words)
    assert result.code == 2
    assert words[-1] == "-f=json" or json.loads(result.out)["status"] == "error"


def test_the_users_frames_are_shown(stitch: Any) -> None:
    result = stitch("raises.py", "--input", "1x3x8x8")
    assert "ValueError: of its own" in result.err and "raises.py:12 in forward" in result.err


@pytest.mark.parametrize(
    ("words", "code"), [(["--version"], 0), (["--help"], 0), (["-h"], 0), ([], 2), (["inspcet"], 2)]
)
def test_the_program_itself(stitch: Any, words: list[str], code: int) -> None:
    result = stitch(*words, command="")
    assert result.code == code and (result.out or result.err)
