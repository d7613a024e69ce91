"""Columns that are shown where they are asked for, and the lines of their totals."""

from __future__ import annotations

from collections.abc import Callable

from stitchcli.formats.words import times_amount
from stitchcli.records import Amount, Column, Report, Stage, Timing, Trace
from stitchcli.words.amounts import format_amount, format_bytes, format_seconds


def column_text(name: Column, row: Stage, times: int = 1) -> str:
    """A cell of a column, of a row that stands several times."""
    match name:
        case "trainable":
            return _change(times_amount(row.trainable, times), format_amount)
        case "buffers":
            return _change(times_amount(row.buffers, times), format_amount)
        case "weights":
            return _change(times_amount(row.weight_bytes, times), format_bytes)
        case "moved":
            return _change(times_amount(row.moved, times), format_bytes)
        case "memory":
            return _change(row.peak, format_bytes)
        case "intensity":
            before = _intensity(2 * row.macs.base, row.moved.base)
            return _sides(before, _intensity(2 * row.macs.result, row.moved.result))
        case "seconds":
            return _sides(*(timing_text(each) for each in row.times))


def column_totals(report: Report) -> list[tuple[str, str]]:
    """A line for every column that was asked for."""
    return [(name, _total(name, report)) for name in report.columns]


def timing_text(timing: Timing | None) -> str:
    """``12.31 ms ±0.40``: the median, and half of what lies between the quarters."""
    if timing is None:
        return ""
    return format_seconds(timing.median, (timing.high - timing.low) / 2)


def _total(name: Column, report: Report) -> str:
    base, result = report.base, report.result
    match name:
        case "trainable":
            return _change(Amount(base.trainable, result.trainable), "{:,}".format)
        case "buffers":
            return _change(Amount(base.buffers, result.buffers), "{:,}".format)
        case "weights":
            return _sides(_by_dtype(base), _by_dtype(result))
        case "memory":
            text = _change(Amount(base.peak, result.peak), format_bytes)
            return f"{text} of activations alive at once"
        case "moved":
            text = _change(Amount(base.moved, result.moved), format_bytes)
            return f"{text} read and written"
        case "intensity":
            sides = (_intensity(trace.flops, trace.moved) for trace in (base, result))
            return f"{_sides(*sides)} FLOPs per byte moved"
        case "seconds":
            text = _sides(*(timing_text(each) for each in report.times))
            return f"{text} for a whole forward" if text else "not measured"


def _by_dtype(trace: Trace) -> str:
    sizes = [f"{format_bytes(size)} {dtype}" for dtype, size in trace.weight_bytes.items()]
    return ", ".join(sizes) or "none"


def _intensity(flops: int, moved: int) -> str:
    return f"{flops / moved:.1f}" if moved and flops else "·"


def _change(amount: Amount, text: Callable[[int], str]) -> str:
    return _sides(*(text(each) if each else "·" for each in (amount.base, amount.result)))


def _sides(base: str, result: str) -> str:
    if base == result or not base:
        return result
    return f"{base} → {result}" if result else f"{base} → ·"
