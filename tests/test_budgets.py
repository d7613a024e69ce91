"""Limits: the arithmetic against fractions, the rules against budgets as people set them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitchcli.budgets import exit_code, judge
from stitchcli.errors import StitchError
from stitchcli.records import Limit, Measured, Slack, Verdict
from stitchcli.words.amounts import parse_amount
from stitchcli.words.limits import parse_slack, parse_whole

COUNTS = st.integers(0, 10**14)


def one(limit: Limit, head: int, base: int | None = None) -> Verdict:
    (verdict,) = judge(
        [limit],
        Measured({"params": head}),
        None if base is None else Measured({"params": base}),
    )
    return verdict


def test_a_unet_that_grew() -> None:
    limit = Limit("params", "max", parse_whole("1.7M"))
    grown = one(limit, 1_865_474, 1_681_154)
    assert (grown.status, grown.bound, grown.over) == ("fail", 1_700_000, 165_474)
    assert one(limit, 1_865_474, 1_865_474).status == "inherited"
    assert one(limit, 1_865_475, 1_865_474).status == "fail"
    assert one(limit, 1_681_154, 1_865_474).status == "pass"
    assert one(limit, 1_700_000).status == "pass" and one(limit, 1_700_001).status == "fail"


@given(COUNTS, COUNTS, COUNTS, st.fractions(0, 2, max_denominator=10_000))
def test_an_increase_fails_only_beyond_both(
    base: int, head: int, absolute: int, relative: Fraction
) -> None:
    limit = Limit("params", "max-increase", slack=Slack(absolute, relative))
    beyond_both = head - base > absolute and head - base > relative * base
    assert (one(limit, head, base).status == "fail") == beyond_both


@given(COUNTS, COUNTS, st.fractions(0, 1, max_denominator=10_000))
def test_a_tolerance_holds_on_both_sides(value: int, head: int, relative: Fraction) -> None:
    limit = Limit("params", "target", value, Slack(relative=relative))
    assert (one(limit, head).status == "pass") == (abs(head - value) <= relative * value)


@given(st.sampled_from(["max", "min", "exact", "target"]), COUNTS, COUNTS, COUNTS)
def test_inherited_is_what_got_no_worse(kind: str, value: int, base: int, head: int) -> None:
    limit = Limit("params", kind, value)  # type: ignore[arg-type]
    alone, before, now = one(limit, head), one(limit, base), one(limit, head, base)
    assert (alone.status == "pass") == (now.status == "pass")
    if now.status == "inherited":
        assert before.status == "fail" and now.over <= before.over
    if now.status == "fail":
        crossed = (base > value) != (head > value)  # too much before, too little now
        assert before.status == "pass" or now.over > before.over or crossed


def test_too_little_is_not_inherited_from_too_much() -> None:
    assert one(Limit("params", "exact", 100), 95, 110).status == "fail"
    assert one(Limit("params", "exact", 100), 105, 110).status == "inherited"
    assert one(Limit("params", "target", 100, Slack(absolute=1)), 91, 110).status == "fail"


@given(st.sampled_from(["max", "min", "exact", "target"]), COUNTS, COUNTS)
def test_the_bound_is_the_last_number_that_passes(kind: str, value: int, head: int) -> None:
    limit = Limit("params", kind, value, Slack(absolute=7))  # type: ignore[arg-type]
    verdict = one(limit, head)
    assert verdict.bound is not None
    if verdict.status == "fail":
        assert one(limit, verdict.bound).status == "pass"
        beyond = verdict.bound + (1 if head > verdict.bound else -1)
        assert one(limit, beyond).status == "fail"


def test_a_level_of_warn_only_warns() -> None:
    assert one(Limit("params", "max", 1, level="warn"), 2).status == "warn"


def test_nothing_passes_unmeasured() -> None:
    head = Measured({"params": 1}, {"macs@up*": "nothing is 'up*'"})
    subtree = Limit("macs@up*", "max", 10**12)
    (verdict,) = judge([subtree], head)
    assert verdict.status == "unmeasured" and verdict.text == "nothing is 'up*'"
    increase = Limit("params", "max-increase", slack=Slack(absolute=5))
    for base in (None, Measured({}), Measured({}, {"params": "it does not build"})):
        (verdict,) = judge([increase], head, base)
        assert verdict.status == "unmeasured" and verdict.text
    # a warning is for what was measured
    (verdict,) = judge([Limit("flops", "max", 1, level="warn")], head)
    assert verdict.status == "unmeasured"


def test_exit_codes() -> None:
    ok, over = one(Limit("params", "max", 2), 1), one(Limit("params", "max", 0), 1)
    lost = one(Limit("params", "max-increase"), 1)
    warned = one(Limit("params", "max", 0, level="warn"), 1)
    inherited = one(Limit("params", "max", 0), 1, 1)
    assert exit_code([ok, warned, inherited]) == 0
    assert exit_code([ok, over]) == 1
    assert exit_code([over, lost]) == exit_code([]) == 2


def test_words_of_limits() -> None:
    assert parse_slack("2%") == Slack(relative=Fraction(1, 50))
    assert parse_slack("0.5 %") == Slack(relative=Fraction(1, 200))
    assert parse_slack("10k") == parse_slack(10_000) == Slack(absolute=10_000)
    assert parse_whole("12G") == 12 * 10**9
    for wrong in ("", "2%%", "%", "-1%", "lots", "1.5", -1, True, 1.5):
        with pytest.raises(StitchError) as raised:
            parse_slack(wrong)  # type: ignore[arg-type]
        assert raised.value.help


@given(st.integers(0, 10**9), st.integers(0, 30))
def test_an_amount_is_exact_or_refused(digits: int, places: int) -> None:
    text = f"{digits // 10**places}.{digits % 10**places:0{places}d}" if places else str(digits)
    exact = Fraction(digits, 10**places) * 10**9
    if exact.denominator == 1:
        assert parse_amount(f"{text}G") == exact
    else:
        with pytest.raises(StitchError, match="whole"):
            parse_amount(f"{text}G")
