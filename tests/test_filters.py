"""What is selected, what is ignored, and that ignoring hides no harm that a fix does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitchcli import StitchError, inspect
from stitchcli.filters import Filter, make_filter, parse_codes
from stitchcli.lessons import lessons
from stitchcli.records import Report

PREFIXES = sorted({code[:end] for code in lessons() for end in range(2, 6)})
NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 1){first}
        self.dead = nn.Sequential({opening}
            nn.Linear(4, 4),{inside}
        ){closing}
        self.text = "# stitch: ignore"; self.other = nn.Linear(5, 5){other}
        self.last = nn.Conv2d(9, 2, 1){last}

    def forward(self, x):
        return self.last(self.first(x)){call}
"""
PLACES = ("first", "opening", "inside", "closing", "other", "last", "call")
EVERY = [("ST101", "last"), ("ST202", "dead"), ("ST202", "other")]


def found(report: Report) -> list[tuple[str, str]]:
    return [(each.code, each.path) for each in report.diagnostics]


def left_out(report: Report) -> list[tuple[str, str]]:
    return [(each.code, each.path) for each in report.ignored]


@given(
    st.lists(st.sampled_from(PREFIXES), max_size=3),
    st.lists(st.sampled_from(PREFIXES), max_size=3),
    st.sampled_from(list(lessons())),
)
def test_the_longest_word_decides(select: list[str], ignore: list[str], code: str) -> None:
    def longest(words: list[str]) -> int:
        return max((len(word) for word in words if code.startswith(word)), default=0)

    chosen, left = longest(select), longest(ignore)
    kept = chosen > left if chosen or left else not select
    assert make_filter(select, ignore).keeps(code) == kept


def test_flags_over_settings() -> None:
    settings = (("ST1",), ("ST101",))
    assert not make_filter((), (), settings).keeps("ST202")
    assert not make_filter((), (), settings).keeps("ST101")
    assert make_filter(("ST2",), (), settings).keeps("ST202")
    assert not make_filter(("ST2",), (), settings).keeps("ST102")
    assert make_filter(("ST101",), (), settings).keeps("ST101")
    assert not make_filter((), ("ST102",), settings).keeps("ST102")
    assert make_filter((), ("ST102",), settings).keeps("ST103")


@pytest.mark.parametrize("word", ["", "S", "ST9", "ST1011", "X", "101"])
def test_an_unknown_code(word: str) -> None:
    with pytest.raises(StitchError, match="--ignore") as caught:
        parse_codes([word], "--ignore")
    assert caught.value.help


def test_words_are_parted_at_commas_in_any_case() -> None:
    assert parse_codes(["st101, ST2", "st"], "here") == ("ST101", "ST2", "ST")
    assert Filter().keeps("ST101")


@pytest.mark.parametrize(
    ("comments", "ignored"),
    [
        ({}, []),
        ({"last": "# stitch: ignore[ST101]"}, ["last"]),
        ({"last": "# stitch: ignore[ST2]"}, []),
        ({"last": "#stitch:ignore [st2, st1]  # why"}, ["last"]),
        ({"call": "# stitch: ignore[ST101]"}, []),
        ({"first": "# stitch: ignore"}, []),
        ({"last": "# noqa  # stitch: ignore"}, ["last"]),
        ({"last": "# stitch: ignored"}, []),
        ({"last": "# stitch: ignore[]"}, []),
        *(({line: "# stitch: ignore[ST202]"}, ["dead"]) for line in ("opening", "closing")),
        ({"other": "# stitch: ignore[ST202]"}, ["other"]),
    ],
)
def test_a_comment_ignores(
    write: Callable[[str, str], Path], comments: dict[str, str], ignored: list[str]
) -> None:
    lines = {place: f"  {comments.get(place, '')}" for place in PLACES}
    report = inspect(str(write(NET.format(**lines), "model.py")), input="1x3x8x8", device="meta")
    assert found(report) == [each for each in EVERY if each[1] not in ignored]
    assert left_out(report) == [each for each in EVERY if each[1] in ignored]
    assert report.has_errors == ("last" not in ignored)
    assert not report.notes


def test_a_comment_that_means_nothing_is_told(write: Callable[[str, str], Path]) -> None:
    lines = dict.fromkeys(PLACES, "") | {"last": "  # stitch: ignore[ST101, STX]"}
    report = inspect(str(write(NET.format(**lines), "model.py")), input="1x3x8x8", device="meta")
    assert left_out(report) == [("ST101", "last")]
    (note,) = report.notes
    assert note.startswith("model.py:12: ") and "'STX'" in note


def test_what_is_ignored_costs_nothing_and_counts_as_before(
    write: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(write(NET.format(**dict.fromkeys(PLACES, "")), "model.py"))
    whole = inspect(file, input="1x3x8x8")
    monkeypatch.setattr("stitchcli.fixes.Trial.after", lambda *_: pytest.fail("a fix was tried"))
    report = inspect(file, input="1x3x8x8", ignore=["ST"])
    assert not report.diagnostics and left_out(report) == EVERY
    assert report.base.params == whole.base.params and report.stages == whole.stages
    assert report.result.problems == whole.result.problems


def test_a_fix_may_not_add_to_what_is_ignored(write: Callable[[str, str], Path]) -> None:
    file = write(
        """
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b = nn.Conv2d(3, 8, 1), nn.Conv2d(3, 12, 1)
                self.c = nn.Conv2d(8, 2, 1)

            def forward(self, x):
                y = self.a(x)
                return self.c(y), y + self.b(x)
        """,
        "sum.py",
    )
    for ignore in ([], ["ST101"]):
        report = inspect(str(file), input="1x3x8x8", device="meta", ignore=ignore)
        (each,) = report.diagnostics
        assert each.code == "ST103" and each.fixes
        for fix in each.fixes:
            assert fix.verification is not None and fix.verification.ran


def test_checks_run_where_what_is_ignored_breaks_nothing() -> None:
    edits = ["--replace conv=dwconv", "--set outc.in_channels=7"]
    assert not inspect("unet", edits, device="meta", ignore=["ST101"]).checks
    assert inspect("unet", edits[:1], device="meta", ignore=["ST204"]).checks


@pytest.mark.parametrize("name", ["select", "ignore"])
def test_a_string_is_no_list(name: str) -> None:
    with pytest.raises(StitchError, match=f"{name} is a string"):
        inspect("unet", device="meta", **{name: "ST101"})  # type: ignore[arg-type]


def test_the_project_decides_once(write: Any, tmp_path: Path) -> None:
    from stitchcli.config.settings import read_settings

    write('[tool.stitch]\nignore = ["ST202"]\nselect = ["st1", "ST2"]\n', "pyproject.toml")
    settings = read_settings(tmp_path)
    assert (settings.select, settings.ignore) == (("ST1", "ST2"), ("ST202",))
    for bad in ('ignore = "ST202"', "ignore = [202]", 'select = ["ST9"]'):
        file = write(f"[tool.stitch]\n{bad}\n", "pyproject.toml")
        with pytest.raises(StitchError, match=r"tool\.stitch") as caught:
            read_settings(tmp_path)
        assert str(file) in caught.value.message and caught.value.help
