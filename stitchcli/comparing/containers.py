"""Modules that were put into a container, or taken out of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stitchcli.comparing.order import ENOUGH, Pairs, Score, match
from stitchcli.comparing.tree import Node

#: So many identical modules make it a container that was put around them.
_FEW = 2


def rehoused(
    left: Sequence[Node], right: Sequence[Node], likeness: Score
) -> Iterator[tuple[Node, Node]]:
    """Pairs of children of two modules of which one side is now, or was, inside of a container
    that the other side does not have."""
    left, right = list(left), list(right)
    for container in [each for each in right if each.children]:
        yield from _taken(left, container, likeness, is_base=False)
    for container in [each for each in left if each.children]:
        yield from _taken(right, container, likeness, is_base=True)


def _taken(
    outside: list[Node], container: Node, likeness: Score, *, is_base: bool
) -> Iterator[tuple[Node, Node]]:
    """What of ``outside`` is in a container, which is then no longer outside. Identical modules
    have to make up half of the container."""

    def score(one: Node, other: Node) -> float:
        return likeness(other, one) if is_base else likeness(one, other)

    if any(score(node, container) >= ENOUGH or node.name == container.name for node in outside):
        return
    pairs: Pairs = match(outside, container.children, score, ENOUGH)
    same = [one for one, other in pairs if one.look == other.look]
    if len(same) < _FEW or 2 * len(same) < len(container.children):
        return
    if not any(node.params for node in same):
        return
    for one, other in pairs:
        outside.remove(one)
        yield (other, one) if is_base else (one, other)
