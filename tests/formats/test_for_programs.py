"""The formats that programs read: nothing is lost, and each reads as its own rules say.

``sarif-2.1.0.schema.json`` is the schema of the OASIS standard, as published by SchemaStore
(Apache-2.0) and shipped in @microsoft/jest-sarif (MIT).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
from faulty_network import faulty
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from random_reports import reports
from syrupy.assertion import SnapshotAssertion

from stitchcli import inspect
from stitchcli.formats import ERRORS, FORMATS
from stitchcli.lessons import lessons
from stitchcli.records import Check, Report

SCHEMA = json.loads((Path(__file__).parent / "sarif-2.1.0.schema.json").read_text())
VALID = Draft4Validator(SCHEMA)
COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")


@cache
def small() -> Report:
    return inspect("unet", ["--replace conv=dwconv"], device="meta")


def unescaped(text: str) -> str:
    """As GitHub's runner reads it."""
    for sign, code in ((":", "%3A"), (",", "%2C"), ("\r", "%0D"), ("\n", "%0A"), ("%", "%25")):
        text = text.replace(code, sign)
    return text


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """The workflow commands in a text, which has nothing else."""
    found = []
    for line in text.removesuffix("\n").split("\n") if text else []:
        match = COMMAND.fullmatch(line)
        assert match, line
        pairs = (each.split("=", 1) for each in match[2].split(","))
        properties = {name: unescaped(value) for name, value in pairs}
        found.append((match[1], properties, unescaped(match[3])))
    return found


def counted(report: Report) -> tuple[list[str], int]:
    """The levels of all findings, and how many remarks there are."""
    words = {"fail": "error", "warn": "warning"}
    checks = [words[each.status] for each in report.checks if each.status in words]
    remarks = len(report.notes) + (report.together is not None) + bool(report.ignored)
    return [*(each.severity for each in report.diagnostics), *checks], remarks


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_concise_has_a_line_for_each(data: st.DataObject) -> None:
    report = data.draw(reports(small()))
    levels, remarks = counted(report)
    lines = FORMATS["concise"](report).splitlines()
    assert len(lines) == len(levels) + remarks
    for line, each in zip(lines, report.diagnostics, strict=False):
        rest = line.split(f" {each.code} ", 1)[1] if each.title.strip() else line
        assert each.path in rest or not each.primary


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_github_has_a_command_for_each(data: st.DataObject) -> None:
    report = data.draw(reports(small()))
    levels, remarks = counted(report)
    found = commands(FORMATS["github"](report))
    names = [{"note": "notice"}.get(level, level) for level in levels]
    assert [each[0] for each in found] == [*names, *["notice"] * remarks]
    for (_, properties, text), each in zip(found, report.diagnostics, strict=False):
        assert each.code in properties["title"] and each.path in text
        assert all(note in text for note in each.notes)
        assert ("file" in properties) == (each.primary is not None)
        if each.primary is not None:
            assert each.primary.site.file.endswith(properties["file"])
            assert each.primary.text in text
            one_line = properties["line"] == properties["endLine"]
            assert ("col" in properties) == ("endColumn" in properties) == one_line


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_sarif_is_valid_and_has_a_result_for_each(data: st.DataObject) -> None:
    report = data.draw(reports(small()))
    levels, remarks = counted(report)
    log = json.loads(FORMATS["sarif"](report))
    assert [error.message for error in VALID.iter_errors(log)] == []
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [each["level"] for each in run["results"]] == levels
    assert len(run["invocations"][0]["toolExecutionNotifications"]) == remarks
    assert run["invocations"][0]["exitCode"] == int("error" in levels)
    for each in run["results"]:
        assert rules[each["ruleIndex"]]["id"] == each["ruleId"]
    marks = [each["partialFingerprints"]["stitch/v1"] for each in run["results"]]
    assert len(set(marks)) == len(marks)
    for result, each in zip(run["results"], report.diagnostics, strict=False):
        (location,) = result["locations"]
        (logical,) = location["logicalLocations"]
        assert result["ruleId"] == each.code
        assert logical["fullyQualifiedName"] == (each.path or report.name)
        assert len(result.get("relatedLocations", [])) == len(each.secondary)
        if each.primary is not None:
            uri = location["physicalLocation"]["artifactLocation"]["uri"]
            assert each.primary.site.file.endswith(unquote(uri.removeprefix("file://")))


def test_sarif_teaches_what_explain_does() -> None:
    rules = json.loads(FORMATS["sarif"](small()))["runs"][0]["tool"]["driver"]["rules"]
    known = {rule["id"]: rule for rule in rules}
    assert [*lessons(), "check"] == list(known)
    for code, lesson in lessons().items():
        rule = known[code]
        assert rule["shortDescription"]["text"] == lesson.title
        assert rule["defaultConfiguration"]["level"] == lesson.level
        for part in (lesson.what, lesson.why, lesson.fix, lesson.parts.says):
            assert part in rule["help"]["text"]


def test_fingerprints_stay_when_lines_move(
    write: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = []
    for lines in (0, 3):
        report = faulty(write, monkeypatch, above="# a line\n" * lines)
        results = json.loads(FORMATS["sarif"](report))["runs"][0]["results"]
        marks.append([each["partialFingerprints"] for each in results])
        region = results[0]["locations"][0]["physicalLocation"]["region"]
        assert region["startLine"] == report.diagnostics[0].primary.site.line  # type: ignore[union-attr]
    assert marks[0] == marks[1]


def test_columns_count_characters(
    write: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            größe = 3; self.maß, self.c = nn.Conv2d(größe, 8, 1), nn.Conv2d(9, 2, 1)

        def forward(self, x):
            return self.c(self.maß(x))
    """
    file = write(source, "umlaut.py")
    monkeypatch.chdir(file.parent)
    report = inspect("umlaut.py", input="1x3x8x8", device="meta")
    line = file.read_text("utf-8").splitlines()[6]
    result = json.loads(FORMATS["sarif"](report))["runs"][0]["results"][0]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == "9"
    assert f"umlaut.py:7:{region['startColumn']}: ST101" in FORMATS["concise"](report)


@pytest.mark.parametrize("format", ["concise", "github"])
def test_snapshot(
    format: str,
    snapshot: SnapshotAssertion,
    write: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check = Check("state-dict keys kept", "fail", "head.weight changed")
    report = faulty(write, monkeypatch)
    report = replace(report, checks=(check,), ignored=report.diagnostics[:1])
    assert FORMATS[format](report) == snapshot


def test_snapshot_of_sarif(
    snapshot: SnapshotAssertion, write: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = json.loads(FORMATS["sarif"](faulty(write, monkeypatch)))["runs"]
    assert (run["invocations"], run["results"]) == snapshot


@pytest.mark.parametrize("words", ["it is odd", "50 %: of two,\nlines"])
def test_what_stands_for_a_report_that_could_not_be_made(words: str) -> None:
    made = {
        name: render(words, "mend it", 2, {"version": "1", "torch": None}, "inspect")
        for name, render in ERRORS.items()
    }
    log = json.loads(made["sarif"])
    assert not list(VALID.iter_errors(log))
    (told,) = log["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    ((level, _, text),) = commands(made["github"])
    assert told["level"] == level == "error"
    assert told["message"]["text"] == text == f"{words}\nhelp: mend it"
    assert json.loads(made["json"])["error"] == {"message": words, "help": "mend it"}
