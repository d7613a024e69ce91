"""Repeated rows as one row and how often it stands."""

from __future__ import annotations

from stitchcli.records import Stage
from stitchcli.words.paths import without_indices


def fold(rows: tuple[Stage, ...]) -> list[tuple[tuple[Stage, ...], int]]:
    """Runs of equal rows, or of equal groups of rows, as one group and how often it stands."""
    signs = [_sign(row) for row in rows]
    folded: list[tuple[tuple[Stage, ...], int]] = []
    start = 0
    while start < len(rows):
        period, times = _longest_run(signs, start)
        folded.append((rows[start : start + period], times))
        start += period * times
    return folded


def _longest_run(signs: list[object], start: int) -> tuple[int, int]:
    best = (1, 1)
    for period in range(1, min(40, (len(signs) - start) // 2) + 1):
        if signs[start] != signs[start + period]:
            continue
        group = signs[start : start + period]
        times = 1
        while signs[start + times * period : start + (times + 1) * period] == group:
            times += 1
        if times > 1 and period * times > best[0] * best[1]:
            best = (period, times)
    return best


def _sign(row: Stage) -> object:
    return (row.kind, row.op, row.inputs, row.outputs, row.params, row.macs, row.note,
            row.trainable, row.buffers, row.weight_bytes, row.moved, row.peak, row.times,
            without_indices(row.path))  # fmt: skip
