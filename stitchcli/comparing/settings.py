"""Which settings of a module differ, and are not said already by what differs in it."""

from __future__ import annotations

from typing import Any

from stitchcli.comparing.own_weights import name_of, paired_weights
from stitchcli.comparing.tree import Node
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
    """Own weights that differ in name, shape, dtype, or in whether they learn."""
    found: list[tuple[str, Any, Any]] = []
    for one, other in paired_weights(base, head):
        if one is not None and other is not None and name_of(one) != name_of(other):
            found.append(("name", name_of(one), name_of(other)))
        name = name_of(other or one)  # type: ignore[arg-type]
        found += [(name, *words) for words in _words(one, other)]
    tied = tuple(base.ties), tuple(head.ties)
    found += [(name, None, "tied") for name in tied[1] if name not in tied[0]]
    found += [(name, "tied", None) for name in tied[0] if name not in tied[1]]
    dtypes = {(before, after) for _, before, after in found}
    if len(found) > 1 and len(dtypes) == 1 and str(found[0][1]).startswith(("float", "bfloat")):
        return (("dtype", *dtypes.pop()),)
    return tuple(found)


def _words(base: Weight | None, head: Weight | None) -> list[tuple[Any, Any]]:
    """The first thing in which two weights differ."""
    if base is None or head is None or base.shape != head.shape:
        return [(base and base.shape, head and head.shape)]
    for mine, theirs in (
        (base.dtype, head.dtype),
        (_learns(base), _learns(head)),
        (_holds(base), _holds(head)),
    ):
        if mine != theirs:
            return [(mine, theirs)]
    return []


def _learns(weight: Weight) -> str:
    return "trainable" if weight.trainable else "frozen"


def _holds(weight: Weight) -> str:
    return "buffer" if weight.is_buffer else "parameter"
