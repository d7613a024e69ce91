"""Limits as text: ``1.7M`` is an amount, ``2%`` a share."""

from __future__ import annotations

import re
from fractions import Fraction

from stitchcli.errors import StitchError
from stitchcli.records import Slack
from stitchcli.words.amounts import parse_amount

_PERCENT = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*%")


def parse_whole(value: int | str) -> int:
    """``1_700_000`` or ``"1.7M"`` as an exact integer. Raises StitchError for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise StitchError(f"{value!r} is not an amount", "write an integer, or '1.7M', '12G'")
    if isinstance(value, int):
        if value < 0:
            raise StitchError(f"{value} is below zero", "write an integer of 0 or more")
        return value
    return parse_amount(value)


def parse_slack(value: int | str) -> Slack:
    """``"2%"`` as a share, ``"10k"`` as an amount. Raises StitchError."""
    match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match:
        return Slack(relative=Fraction(match[1]) / 100)
    try:
        return Slack(absolute=parse_whole(value))
    except StitchError as error:
        raise StitchError(
            f"{value!r} is neither an amount nor a share", "write for instance '10k' or '2%'"
        ) from error
