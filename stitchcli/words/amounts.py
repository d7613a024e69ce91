"""Counts as people read them: 13,395,394 is 13.40M; K, M, G and T are decimal."""

from __future__ import annotations

import re

from stitchcli.errors import StitchError

_UNITS = (("T", 10**12), ("G", 10**9), ("M", 10**6), ("K", 10**3))
_AMOUNT = re.compile(r"(\d[\d_,]{0,30}(?:\.\d{1,30})?)\s*([kKmMgGbBtT]?)")
_FACTORS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}


def format_amount(count: int) -> str:
    """``13395394`` as ``13.40M``; counts below a thousand stay as they are."""
    for unit, size in _UNITS:
        # 999,995 rounds to 1000.00K, which reads better as 1.00M
        if abs(count) >= size * 0.999995 and abs(count) >= 1000:
            return f"{count / size:.2f}{unit}"
    return str(count)


def format_bytes(count: int) -> str:
    """``13421772`` as ``12.8 MiB``."""
    size, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if abs(size) < 999.95:  # what would read as 1000.0
            break
        size, unit = size / 1024, larger
    return f"{count} B" if unit == "B" else f"{size:.1f} {unit}"


def format_seconds(seconds: float, spread: float) -> str:
    """``0.01231`` and ``0.0004`` as ``12.31 ms ±0.40``; a spread above has a unit of its own."""
    unit, size = _unit(seconds)
    if spread <= seconds:
        return f"{seconds / size:.2f} {unit} ±{spread / size:.2f}"
    own, large = _unit(spread)
    return f"{seconds / size:.2f} {unit} ±{spread / large:.2f} {own}"


def _unit(seconds: float) -> tuple[str, float]:
    units = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))
    return next((each for each in units if seconds >= each[1]), units[-1])


def parse_amount(text: str) -> int:
    """``1.7M`` as ``1700000``. Raises StitchError where ``text`` is no amount, or no
    whole one."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise StitchError(f"{text!r} is not an amount", "write an integer, or '1.7M', '12G'")
    number = match[1].replace(",", "").replace("_", "")
    whole, _, fraction = number.partition(".")
    factor = _FACTORS[match[2].upper()]
    below, rest = divmod(int(fraction or 0) * factor, 10 ** len(fraction))
    if rest:
        raise StitchError(f"{text!r} is no whole number", "write an integer, or '1.7M', '12G'")
    return int(whole) * factor + int(below)


def format_change(base: int, result: int) -> str:
    """``-88.5%`` with a real minus sign; an empty string where nothing changed."""
    if base == result:
        return ""
    if base == 0:
        return "new"
    percent = 100 * (result - base) / base
    if abs(percent) < 0.05:
        return "≈0%"
    sign = "+" if percent > 0 else "−"
    return f"{sign}{abs(percent):,.1f}%"


def format_delta(delta: int) -> str:
    """``+32,896`` or ``−32,896``."""
    return f"{'+' if delta >= 0 else '−'}{abs(delta):,}"
