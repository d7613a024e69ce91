"""Which module of one network is which of the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from typing import TypeVar

from stitchcli.comparing.containers import rehoused
from stitchcli.comparing.order import ENOUGH, Pairs, match
from stitchcli.comparing.own_weights import paired_weights
from stitchcli.comparing.tree import Node, config_of

T = TypeVar("T")
#: So many of the classes in two modules of different classes must agree that they are looked into.
_OVERLAP = 0.8
#: So many, that a block may stand for another of another name.
_SOME = 0.3


class Alignment:
    """Pairs of modules, in both directions, by node."""

    def __init__(self) -> None:
        self.head_of: dict[Node, Node] = {}
        self.base_of: dict[Node, Node] = {}
        #: Pairs that stand in the place of each other and hold nothing in common.
        self.replaced: dict[Node, Node] = {}
        #: Of these, a layer and the one in its replacement that takes its weights.
        self.alike: list[tuple[Node, Node]] = []
        #: Pairs that were found away from their place.
        self.moved: list[tuple[Node, Node]] = []

    def pair(self, base: Node, head: Node) -> None:
        """These two are each other."""
        self.head_of[base] = head
        self.base_of[head] = base


def align(base: Node, head: Node, moved: Mapping[str, str]) -> Alignment:
    """Pair the modules of two trees; ``moved`` gives pairs of paths that hold in any case."""
    found, tops = Alignment(), (base, head)
    bases = {node.path: node for node in base.walk()}
    heads = {node.path: node for node in head.walk()}
    told = [(bases[one], heads[other]) for one, other in moved.items()]
    for one, other in told:
        found.pair(one, other)
    away = _away(base, head)
    if not told:
        base, head = _wrapped(base, head) or _unwrapped(base, head) or (base, head)
    if base not in found.head_of and head not in found.base_of:
        found.pair(base, head)
        _descend(found, base, head, away)
    for one, other in told:
        _descend(found, one, other, away)
    _keep_inside(found)
    _find_moved(found, *tops)
    found.moved += [pair for pair in told if _is_elsewhere(found, *pair)]
    return found


def _wrapped(base: Node, head: Node) -> tuple[Node, Node] | None:
    """Base and itself as a part of the other network."""
    if base.look == head.look or not base.children:
        return None
    return next(((base, node) for node in head.walk() if node.look == base.look), None)


def _unwrapped(base: Node, head: Node) -> tuple[Node, Node] | None:
    """The part of base that became the whole network, and that."""
    found = _wrapped(head, base)
    return (found[1], found[0]) if found else None


def _away(base: Node, head: Node) -> dict[Node, Node]:
    """What each network has only once, and both have, in both directions: if it stands elsewhere,
    it is that and nothing that is like it."""
    once = [
        {
            each[0].look: each[0]
            for each in _by_look(side).values()
            if len(each) == 1 and each[0].params
        }
        for side in (base, head)
    ]
    pairs = [(once[0][look], once[1][look]) for look in once[0].keys() & once[1].keys()]
    return dict(pairs) | {other: one for one, other in pairs}


def _by_look(root: Node) -> dict[int, list[Node]]:
    found: dict[int, list[Node]] = {}
    for node in root.walk():
        found.setdefault(node.look, []).append(node)
    return found


def _descend(found: Alignment, base: Node, head: Node, away: Mapping[Node, Node]) -> None:
    """Pair what is in two modules that are each other."""
    waiting = [(base, head)]
    while waiting:
        one, other = waiting.pop()
        left = [child for child in one.children if child not in found.head_of]
        right = [child for child in other.children if child not in found.base_of]
        pairs = _named(left, right)
        left, right = _without(left, pairs, 0), _without(right, pairs, 1)
        if one.look != other.look:
            for child, partner in rehoused(left, right, likeness):
                found.pair(child, partner)
                found.moved.append((child, partner))
                waiting.append((child, partner))
            left = [child for child in left if not _is_taken(found, child)]
            right = [child for child in right if not _is_taken(found, child)]
            left, right = (
                [child for child in side if not _is_away(child, partner, away)]
                for side, partner in ((left, other), (right, one))
            )
        for child, partner in pairs + _children(one, other, left, right):
            if _holds_together(child, partner):
                found.pair(child, partner)
                waiting.append((child, partner))
            else:
                found.replaced[child] = partner


def _named(left: Sequence[Node], right: Sequence[Node]) -> Pairs:
    """What is identical and called the same, in whatever order it was defined; numbers are an
    order, and no names."""
    known = {(node.name, node.look): node for node in right if not node.name.isdigit()}
    keys = [(node, (node.name, node.look)) for node in left]
    return [(node, known[key]) for node, key in keys if key in known]


def _without(nodes: Sequence[Node], pairs: Pairs, side: int) -> list[Node]:
    taken = {pair[side] for pair in pairs}
    return [node for node in nodes if node not in taken]


def _is_taken(found: Alignment, node: Node) -> bool:
    """Whether a module, or something right in it, is paired already."""
    return any(each in found.head_of or each in found.base_of for each in (node, *node.children))


def _is_away(child: Node, partner: Node, away: Mapping[Node, Node]) -> bool:
    """Whether a module in one of a pair stands outside of the other, or within another part of
    it than the one called the same."""
    at = away.get(child)
    if at is None:
        return False
    while at.parent is not None and at.parent is not partner:
        at = at.parent
    return at.parent is None or (away[child] is not at and at.name != child.name)


def _children(one: Node, other: Node, left: list[Node], right: list[Node]) -> Pairs:
    if one.look == other.look and len(left) == len(right):
        return list(zip(left, right, strict=True))
    pairs = match(left, right, likeness, ENOUGH)
    pairs += _in_place(left, right, pairs)
    return pairs + _of_one_name(left, right, pairs)


def likeness(base: Node, head: Node) -> float:
    """How much two modules are each other, from 0 to 1, names left out."""
    if base.look == head.look:
        return 1.0
    return 0.45 * (base.kind == head.kind) + 0.35 * _overlap(base, head)


def _overlap(base: Node, head: Node) -> float:
    """How much of what two modules hold is the same."""
    if base.kind == head.kind and not (base.children or head.children):
        mine, theirs = set(config_of(base)), set(config_of(head))
        return len(mine & theirs) / max(len(mine | theirs), 1)
    (exact, kinds), (other_exact, other_kinds) = base.contents, head.contents
    return (_share(exact, other_exact) + _share(kinds, other_kinds)) / 2


def _share(one: Counter[T], other: Counter[T]) -> float:
    both = (one & other).total()
    return both / (one.total() + other.total() - both)


def _holds_together(base: Node, head: Node) -> bool:
    """Whether a pair is one module that was changed, rather than another in its place."""
    if base.kind == head.kind:
        return True
    if not (base.children and head.children):
        return False
    inside = [node.contents[1] - Counter([node.kind]) for node in (base, head)]
    return _share(inside[0], inside[1]) >= _OVERLAP


def _in_place(left: Sequence[Node], right: Sequence[Node], pairs: Pairs) -> Pairs:
    """Pairs of what is left between the same neighbours: all, where there are equally many; else
    those of one name, of one family, and both with parameters."""
    ends = [*pairs, (None, None)]
    at = {node: index for index, node in enumerate(left)}
    other_at = {node: index for index, node in enumerate(right)}
    found: Pairs = []
    start = other_start = 0
    for one, other in sorted(ends, key=lambda pair: at[pair[0]] if pair[0] else len(left)):
        end = at[one] if one else len(left)
        other_end = other_at[other] if other else len(right)
        gap, other_gap = left[start:end], right[other_start:other_end]
        if len(gap) == len(other_gap):
            found += [pair for pair in zip(gap, other_gap, strict=True) if _may_replace(*pair)]
        elif gap and other_gap:
            found += match(gap, other_gap, _is_like, 0.2)
        start, other_start = end + 1, other_end + 1
    return found


def _may_replace(base: Node, head: Node) -> bool:
    """Whether one module may stand for another that is like it in nothing but its place: always
    under one name or by number; else a layer for one of its family, and a block for a block that
    holds some of the same, or for a layer that is in it."""
    if base.name == head.name or (base.name.isdigit() and head.name.isdigit()):
        return True
    if base.children and head.children:
        return _share(base.contents[1], head.contents[1]) >= _SOME
    if not (base.children or head.children):
        return bool(base.layer.family) and base.layer.family == head.layer.family
    inner = [(base, n) for n in head.walk()] + [(n, head) for n in base.walk()]
    return sum(a.kind == b.kind and _takes_weights(a, b) for a, b in inner) == 1


def _is_like(base: Node, head: Node) -> float:
    """What speaks for it that one module stands in the place of another, their names left out."""
    if not _may_replace(base, head):
        return 0.0
    if base.layer.family and base.layer.family == head.layer.family:
        return 0.4
    if not (base.params and head.params):
        return 0.0
    return 0.2 + 0.1 * min(base.params, head.params) / max(base.params, head.params)


def _of_one_name(left: Sequence[Node], right: Sequence[Node], pairs: Pairs) -> Pairs:
    """What is called the same and was only defined at another time."""
    taken = {node for pair in pairs for node in pair}
    free = {node.name: node for node in right if node not in taken and not node.name.isdigit()}
    return [(one, free[one.name]) for one in left if one not in taken and one.name in free]


def _keep_inside(found: Alignment) -> None:
    """What was replaced is itself still where its replacement holds it, or the other way round;
    where that holds one layer like it, that takes its weights."""
    for one, other in found.replaced.items():
        inner = [(one, node) for node in other.walk()] + [(node, other) for node in one.walk()]
        same = [pair for pair in inner if pair[0].look == pair[1].look and pair[0].params]
        if same and _is_free(found, *same[0]):
            _pair_all(found, *same[0])
            continue
        alike = [pair for pair in inner if pair[0].kind == pair[1].kind and _takes_weights(*pair)]
        if len(alike) == 1:
            found.alike += alike


def _takes_weights(base: Node, head: Node) -> bool:
    """Whether the own weights that both have are of the same shapes, and there are some."""
    pairs = [(a, b) for a, b in paired_weights(base, head) if a is not None and b is not None]
    return bool(pairs) and all(a.shape == b.shape for a, b in pairs)


def _find_moved(found: Alignment, base: Node, head: Node) -> None:
    """Pair what is identical and stands elsewhere, the outermost first: what was taken out with
    what was put in. Only what has parameters is worth finding again."""
    replacing = set(found.replaced.values())
    free: dict[int, list[Node]] = {}
    for node in head.walk():
        if node not in found.base_of and node.params and not _inside(node, replacing):
            free.setdefault(node.look, []).append(node)
    for node in base.walk():
        if _inside(node, found.replaced):
            continue
        partners = [each for each in free.get(node.look, ()) if _is_free(found, node, each)]
        if partners:
            partner = next((each for each in partners if each.name == node.name), partners[0])
            _pair_all(found, node, partner)
            if node.path != partner.path:
                found.moved.append((node, partner))


def _pair_all(found: Alignment, base: Node, head: Node) -> None:
    for one, other in zip(base.walk(), head.walk(), strict=True):
        found.pair(one, other)


def _inside(node: Node, outer: Container[Node]) -> Node | None:
    """The module itself, or the one around it, that is among ``outer``."""
    at: Node | None = node
    while at is not None and at not in outer:
        at = at.parent
    return at


def _is_free(found: Alignment, base: Node, head: Node) -> bool:
    """Neither these two nor anything in them is paired yet."""
    return not any(node in found.head_of for node in base.walk()) and not any(
        node in found.base_of for node in head.walk()
    )


def _is_elsewhere(found: Alignment, base: Node, head: Node) -> bool:
    """Whether a pair's surroundings are not each other."""
    if base.parent is None or head.parent is None:
        return base.parent is not head.parent
    return found.head_of.get(base.parent) is not head.parent
