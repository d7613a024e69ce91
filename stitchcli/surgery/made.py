"""What was made for a place: the module, the shape that it gives, and what does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import nn

from stitchcli.binding import Place
from stitchcli.records import Block, Built, Misfit, Shape
from stitchcli.surgery.adapters import adapted
from stitchcli.words.blocks import print_block

#: What formulas speak of: ``cin``, ``cout``, ``h``, ``w``.
Measures = Mapping[str, int | None]


@dataclass(frozen=True)
class Piece:
    """One named block that was built: its path below the whole, what it was given, what to say."""

    path: str
    name: str
    arguments: Mapping[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Odd:
    """A branch of a block that does not fit the others, or an input that does not fit the first:
    see Misfit."""

    kind: Literal["branch", "input"]
    part: Block
    gives: Shape
    wanted: Shape


@dataclass(frozen=True)
class Made:
    """A module for a place, the shape that it gives there (empty where nobody could tell), and the
    named blocks in it. ``mended`` is the block with its branches and inputs made to fit each other,
    ``mended_shape`` what that gives, and ``odd`` the first that does not fit."""

    module: nn.Module
    shape: Shape
    pieces: tuple[Piece, ...] = ()
    mended: Block | None = None
    mended_shape: Shape = ()
    odd: Odd | None = None


def misfits_of(
    label: str, block: Block, places: Sequence[Place], made: Sequence[Made]
) -> list[Misfit]:
    """What does not fit of a block that was made for several places of one path."""
    found: list[Misfit] = []
    for place, each in zip(places, made, strict=True):
        mended = each.mended or block
        if each.odd is not None:
            if place.shape_out and each.mended_shape != place.shape_out:
                mended = adapted(mended, each.mended_shape, place.shape_out, place)
            odd = each.odd
            part = print_block(odd.part)
            found.append(Misfit(label, odd.wanted, odd.gives, mended, odd.kind, part))
        elif each.shape and place.shape_out and each.shape != place.shape_out:
            mended = adapted(mended, each.shape, place.shape_out, place)
            found.append(Misfit(label, place.shape_out, each.shape, mended))
    return list(dict.fromkeys(found))


def alike(place: Place) -> Place:
    """The same place where all that comes in has the shape of the first."""
    return replace(place, shapes=place.shapes[:1] * len(place.shapes))


def below(made: Made, path: str) -> tuple[Piece, ...]:
    """The pieces of what was made, where it stands at ``path`` of something larger."""
    return prefixed(made.pieces, path)


def prefixed(pieces: Sequence[Piece], path: str) -> tuple[Piece, ...]:
    """Pieces that stand at ``path`` of something larger."""
    if not path:
        return tuple(pieces)
    return tuple(replace(p, path=f"{path}.{p.path}" if p.path else path) for p in pieces)


def pieces_of(made: Sequence[tuple[str, Made]]) -> list[Piece]:
    """The named blocks of all that was made, once for each width."""
    found: dict[str, Made] = {}
    for key, each in made:
        found.setdefault(key, each)
    return [
        piece
        for key, each in found.items()
        for piece in below(each, f"blocks.{key}" if key else "")
    ]


def built_from(path: str, pieces: Sequence[Piece]) -> list[Built]:
    """The pieces as a report shows them, where they stand at ``path`` of the network."""
    return [
        Built(
            piece.path,
            piece.name,
            {name: shown(value) for name, value in piece.arguments.items()},
            piece.notes,
        )
        for piece in prefixed(pieces, path)
    ]


def shown(value: Any) -> Any:
    """An argument as a report shows it."""
    if isinstance(value, Block):
        return print_block(value)
    return value.__name__ if isinstance(value, type) else value


def arguments_of(made: Made) -> list[Mapping[str, Any]]:
    """What its named blocks were built with."""
    return [piece.arguments for piece in made.pieces]
