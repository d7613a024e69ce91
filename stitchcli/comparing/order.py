"""The best match of two rows of children that keeps their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stitchcli.comparing.tree import Node

Pairs = list[tuple[Node, Node]]
Scores = np.ndarray[Any, np.dtype[np.float64]]
Score = Callable[[Node, Node], float]

#: Below it two modules are not each other.
ENOUGH = 0.4
#: More kinds of children on each side than this are scored by class alone.
_MOST_SCORES = 40_000


def match(base: Sequence[Node], head: Sequence[Node], score: Score, enough: float) -> Pairs:
    """Pairs of equal order with the largest sum of scores, none of them below ``enough``.

    What stands alike at both ends is taken as it is. The rest costs len(base) × len(head) steps in
    numpy, and a score for each pair of different children.
    """
    start, end = _alike(base, head)
    pairs = list(zip(base[:start], head[:start], strict=True))
    inner, other = base[start : len(base) - end], head[start : len(head) - end]
    if inner and other:
        pairs += _best(inner, other, score, enough)
    return pairs + list(zip(base[len(base) - end :], head[len(head) - end :], strict=True))


def _alike(base: Sequence[Node], head: Sequence[Node]) -> tuple[int, int]:
    """How many at the beginning, and at the end, are identical, names included."""
    most = min(len(base), len(head))
    start = 0
    while start < most and _same(base[start], head[start]):
        start += 1
    end = 0
    while end < most - start and _same(base[-1 - end], head[-1 - end]):
        end += 1
    return start, end


def _same(one: Node, other: Node) -> bool:
    return one.look == other.look and one.name == other.name


def _best(base: Sequence[Node], head: Sequence[Node], score: Score, enough: float) -> Pairs:
    scores = _scores(base, head, score)
    scores[scores < enough] = -np.inf
    return [(base[i], head[j]) for i, j in in_order(scores)]


def in_order(scores: Scores) -> list[tuple[int, int]]:
    """The pairs of rows and columns, both rising, with the largest sum of scores. Dynamic
    programming, a row at a time: going on along a row is a running maximum."""
    best = np.zeros(scores.shape[1] + 1)
    rows = [best]
    for row in scores:
        step = np.maximum(best[1:], best[:-1] + row)
        best = np.concatenate(([0.0], np.maximum.accumulate(step)))
        rows.append(best)
    pairs: list[tuple[int, int]] = []
    i, j = scores.shape
    while i and j:
        here = rows[i][j]
        if scores[i - 1, j - 1] > 0 and here == rows[i - 1][j - 1] + scores[i - 1, j - 1]:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif here == rows[i - 1][j]:
            i -= 1
        else:
            j -= 1
    return pairs[::-1]


def _scores(base: Sequence[Node], head: Sequence[Node], score: Score) -> Scores:
    """The score of every pair; equal children are scored once."""
    rows, columns = _different(base), _different(head)
    if len(rows) * len(columns) > _MOST_SCORES:
        return _coarse(base, head) + _names(base, head)
    table = np.array([[score(one, other) for other in columns.values()] for one in rows.values()])
    down, across = (
        [at[node.look] for node in side]
        for side, at in (
            (base, {look: index for index, look in enumerate(rows)}),
            (head, {look: index for index, look in enumerate(columns)}),
        )
    )
    found: Scores = table[down][:, across]
    return found + _names(base, head)


def _different(nodes: Sequence[Node]) -> dict[int, Node]:
    return {node.look: node for node in nodes}


def _coarse(base: Sequence[Node], head: Sequence[Node]) -> Scores:
    looks = np.equal.outer([node.look for node in base], [node.look for node in head])
    kinds = np.equal.outer(
        np.array([node.kind for node in base]), np.array([node.kind for node in head])
    )
    scores: Scores = np.where(looks, 1.0, np.where(kinds, 0.5, 0.0))
    return scores


def _names(base: Sequence[Node], head: Sequence[Node]) -> Scores:
    """What a common name adds: much where it says something, little where it is a number."""
    names = [np.array([node.name for node in side]) for side in (base, head)]
    weight = np.array([0.05 if node.name.isdigit() else 0.2 for node in base])
    same: Scores = np.equal.outer(*names) * weight[:, None]
    return same
