"""Which settings of a module differ, and are not said already by what differs in it."""

from __future__ import annotations

from typing import Any

from stitchcli.comparing.tree import Node, weight_sign
from stitchcli.records import Weight

Values = tuple[tuple[str, Any, Any], ...]
_MISSING = object()


def differing(base: Node, head: Node) -> Values:
    """Settings of a pair that differ, as (name, before, after): the class, attributes, and, where
    none of these do, the module's own weights."""
    if base.kin == head.kin:
        return ()
    values: list[tuple[str, Any, Any]] = []
    if base.kind != head.kind:
        values.append(("class", base.kind, head.kind))
    said = _said(base, head) if base.children or head.children else set()
    before, after = base.layer.attributes, head.layer.attributes
    for name in dict.fromkeys((*before, *after)):
        pair = before.get(name, _MISSING), after.get(name, _MISSING)
        if _signs(pair[0]) != _signs(pair[1]) and not _is_said(pair, said):
            one, other = (None if each is _MISSING else each for each in pair)
            values.append((name, one, other))
    return tuple(values) or _weights(base, head)


def _said(base: Node, head: Node) -> set[tuple[str, str]]:
    """Pairs of numbers that the modules inside, or the names, show to be one change."""
    pairs: set[tuple[Any, Any]] = {
        (len(base.children), len(head.children)),
        (base.params, head.params),
        (base.name, head.name),
    }
    if base.name.isdigit() and head.name.isdigit():
        pairs.add((int(base.name), int(head.name)))
    for one, other in zip(base.walk(), head.walk(), strict=False):
        before, after = one.layer.attributes, other.layer.attributes
        if one is not base and one.kind == other.kind:
            pairs |= {(before[name], after[name]) for name in before.keys() & after.keys()}
        pairs.add((len(one.children), len(other.children)))
        for weight, partner in zip(one.weights, other.weights, strict=False):
            pairs |= set(zip(weight.shape, partner.shape, strict=False))
    return {(_signs(one), _signs(other)) for one, other in pairs}


def _is_said(pair: tuple[Any, Any], said: set[tuple[str, str]]) -> bool:
    return (_signs(pair[0]), _signs(pair[1])) in said


def _signs(value: Any) -> str:
    """A value as something that can be compared: nan is nan, and True is not 1."""
    return "" if value is _MISSING else repr(value)


def _weights(base: Node, head: Node) -> Values:
    """Own weights that differ in shape, dtype, or in whether they learn."""
    mine, theirs = (
        {sign[0]: (sign, each) for each in node.weights for sign in [weight_sign(node, each)]}
        for node in (base, head)
    )
    found: list[tuple[str, Any, Any]] = []
    for name in dict.fromkeys((*mine, *theirs)):
        one, other = mine.get(name), theirs.get(name)
        if (one and one[0]) == (other and other[0]):
            continue
        found.append((str(name), *_words(one and one[1], other and other[1])))
    tied = tuple(base.ties), tuple(head.ties)
    if tied[0] != tied[1]:
        found += [(name, None, "tied") for name in tied[1] if name not in tied[0]]
        found += [(name, "tied", None) for name in tied[0] if name not in tied[1]]
    return tuple(found)


def _words(base: Weight | None, head: Weight | None) -> tuple[Any, Any]:
    """The first thing in which two weights differ."""
    if base is None or head is None or base.shape != head.shape:
        return base and base.shape, head and head.shape
    if base.dtype != head.dtype:
        return base.dtype, head.dtype
    if base.trainable != head.trainable:
        return _learns(base), _learns(head)
    return _holds(base), _holds(head)


def _learns(weight: Weight) -> str:
    return "trainable" if weight.trainable else "frozen"


def _holds(weight: Weight) -> str:
    return "buffer" if weight.is_buffer else "parameter"
