"""Which weight of a module is which of the module that it is in the other network."""

from __future__ import annotations

from stitchcli.comparing.tree import Node
from stitchcli.records import Weight


def paired_weights(base: Node, head: Node) -> list[tuple[Weight | None, Weight | None]]:
    """The own weights of a pair: by name; what is left by shape, where one of each side has it."""
    mine = {name_of(each): each for each in base.weights}
    theirs = {name_of(each): each for each in head.weights}
    rest = [each for name, each in mine.items() if name not in theirs]
    free = [each for name, each in theirs.items() if name not in mine]
    pairs: list[tuple[Weight | None, Weight | None]] = [
        (each, theirs[name]) for name, each in mine.items() if name in theirs
    ]
    for weight in rest:
        alike = [each for each in free if _form(each) == _form(weight)]
        alone = sum(_form(each) == _form(weight) for each in rest) == len(alike) == 1
        pairs.append((weight, alike[0] if alone else None))
    taken = {id(other) for _, other in pairs}
    return pairs + [(None, each) for each in free if id(each) not in taken]


def name_of(weight: Weight) -> str:
    """What a module calls a weight of its own."""
    return weight.path.rpartition(".")[2]


def _form(weight: Weight) -> tuple[object, ...]:
    return weight.shape, weight.is_buffer
