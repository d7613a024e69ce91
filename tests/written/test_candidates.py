"""Whatever is offered in the place of an expression has the value that is wanted there."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitchcli.records import Site
from stitchcli.words.arithmetic import compute
from stitchcli.written.arguments import Expression
from stitchcli.written.candidates import alternatives

SITE = Site("model.py", 1, 0, 1, 1)


def written(text: str, values: dict[str, object]) -> Expression:
    return Expression(ast.parse(text, mode="eval").body, SITE, text, values)


NAMES = st.dictionaries(st.sampled_from(["cin", "cout", "w", "dim"]), st.integers(1, 512))
TEXTS = st.sampled_from(
    ["cin // 2", "4 * w", "dim", "64", "32 * 8 * 8", "cin + cout", "w * 3 // 2"]
)


@given(TEXTS, NAMES, st.integers(0, 4096))
def test_every_text_has_the_wanted_value(text: str, values: dict[str, object], wanted: int) -> None:
    found = alternatives(written(text, values), wanted)
    assert 1 <= len(found) <= 6
    for each in found:
        assert each != text
        assert compute(ast.parse(each, mode="eval").body, values) == wanted


@pytest.mark.parametrize(
    ("text", "values", "wanted", "first"),
    [
        ("cin // 2", {"cin": 256, "cout": 128}, 256, "cin"),
        ("32 * 8 * 8", {"classes": 10}, 8192, "32 * 16 * 16"),
        ("4 * w", {"w": 64}, 128, "2 * w"),
        ("groups", {"cin": 48, "groups": 32}, 48, "cin"),
        ("17", {"width": 16}, 16, "16"),
        ("cout", {"cin": 16, "cout": 32}, 64, "cout * 2"),
    ],
)
def test_what_a_person_would_write_comes_first(
    text: str, values: dict[str, object], wanted: int, first: str
) -> None:
    assert alternatives(written(text, values), wanted)[0] == first
