"""Holds what was measured to limits. Exact integers and fractions decide, never rounded ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import floor

from stitchcli.records import Limit, Measured, Slack, Status, Verdict


def judge(
    limits: Sequence[Limit],
    head: Measured,
    base: Measured | None = None,
    *,
    no_base: str = "there is no base to compare with",
    is_new: bool = False,
) -> tuple[Verdict, ...]:
    """A verdict for each limit, in their order. What is beyond a limit by no more than it was in
    ``base`` is inherited. What was not measured is told as that, and never passes. ``no_base`` says
    why there is none; the increase of a model that ``is_new`` can be none, which warns."""
    return tuple(_verdict(limit, head, base, no_base, is_new) for limit in limits)


def exit_code(verdicts: Sequence[Verdict]) -> int:
    """0 where all pass (warnings included), 1 where one fails, 2 where one could not be measured,
    or where there is none."""
    found = {verdict.status for verdict in verdicts}
    if not found or "unmeasured" in found:
        return 2
    return int("fail" in found)


def _verdict(
    limit: Limit, head: Measured, base: Measured | None, no_base: str, is_new: bool
) -> Verdict:
    actual = head.values.get(limit.metric)
    before = base.values.get(limit.metric) if base else None

    def verdict(status: Status, bound: int | None = None, over: int = 0, text: str = "") -> Verdict:
        return Verdict(limit.name, limit.metric, status, actual, before, bound, over, text)

    if actual is None:
        why = head.missing.get(limit.metric, f"{limit.metric} was not measured")
        return verdict("unmeasured", text=why)
    if limit.kind == "max-increase" and before is None:
        if is_new:
            return verdict("warn", text="a new model has no base to grow from")
        why = base.missing.get(limit.metric, "") if base else no_base
        return verdict("unmeasured", text=why or f"the base has no {limit.metric}")
    excesses = list(_excesses(limit, actual, before))
    over, bound = max(excesses)
    if over <= 0:
        return verdict("pass", bound)
    # an increase is measured from the base, so that none is inherited
    if limit.kind != "max-increase" and before is not None:
        # on the same side: from too much to too little is another excess
        over_before, _ = list(_excesses(limit, before, None))[excesses.index((over, bound))]
        if over <= over_before:
            return verdict("inherited", bound, over, f"beyond by {over_before:,} on the base too")
    return verdict("warn" if limit.level == "warn" else "fail", bound, over)


def _excesses(limit: Limit, actual: int, before: int | None) -> Iterator[tuple[int, int]]:
    """How far a number is beyond each bound of a limit (below 0: how far within), and the bound."""
    match limit.kind:
        case "max":
            yield actual - limit.value, limit.value
        case "min":
            yield limit.value - actual, limit.value
        case "exact":
            yield actual - limit.value, limit.value
            yield limit.value - actual, limit.value
        case "target":
            slack = _allowed(limit.slack, limit.value)
            yield actual - (limit.value + slack), limit.value + slack
            yield limit.value - slack - actual, limit.value - slack
        case "max-increase":
            assert before is not None
            highest = before + _allowed(limit.slack, before)
            yield actual - highest, highest


def _allowed(slack: Slack, of: int) -> int:
    """The whole number of units that a slack allows around a number."""
    # rounding down is exact: no integer lies between
    relative = 0 if slack.relative is None else slack.relative * of
    return max(slack.absolute or 0, floor(relative))
