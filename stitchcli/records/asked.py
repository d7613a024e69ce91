"""What is asked for: targets, inputs, selectors, blocks, edits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Shape = tuple[int, ...]
WordKind = Literal["any", "name", "type", "family", "role", "op", "re"]
Operator = Literal["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True)
class TensorSpec:
    """Shape and dtype of one tensor, for instance ``1x77:int64``. A ``name`` makes it a keyword
    argument of the forward."""

    shape: Shape
    dtype: str = "float32"
    name: str = ""


@dataclass(frozen=True)
class Target:
    """Where a network comes from: ``text`` as typed, ``arguments`` for its constructor."""

    text: str
    arguments: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Word:
    """One step of a selector. ``kind`` is ``any`` unless a prefix such as ``type:`` forces it."""

    text: str
    kind: WordKind = "any"


@dataclass(frozen=True)
class Condition:
    """A filter on a module's attribute, for instance ``k>=3``."""

    attribute: str
    operator: Operator
    value: Any


@dataclass(frozen=True)
class Selector:
    """``scope/what[conditions]@index``: which modules an edit speaks of."""

    words: tuple[Word, ...]
    conditions: tuple[Condition, ...] = ()
    at: int | tuple[int | None, int | None] | None = None


@dataclass(frozen=True)
class Formula:
    """Arithmetic on ``cin``, ``cout``, ``h`` and ``w``, the measures of the place."""

    text: str


@dataclass(frozen=True)
class ClassName:
    """A class that is handed on as an argument and not built, as in ``norm_layer=BatchNorm2d``."""

    name: str


@dataclass(frozen=True)
class BlockSpec:
    """A block by name (catalog, ``torch.nn``, ``file.py:Class``) and the arguments given to it.

    A value is a literal, a Formula, a ClassName or a Block.
    """

    name: str
    arguments: tuple[tuple[str, Any], ...] = ()
    positional: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Itself:
    """``self`` in an expression: what stands at the place."""


@dataclass(frozen=True)
class Series:
    """``a + b`` or ``series(a, b)``: one after the other."""

    parts: tuple[Block, ...]


Merge = Literal["add", "mul", "concat", "mean"]


@dataclass(frozen=True)
class Parallel:
    """``parallel(a, b, merge=add)``: side by side on the same input."""

    parts: tuple[Block, ...]
    merge: Merge = "add"


@dataclass(frozen=True)
class Residual:
    """``residual(a)``: ``x + a(x)``."""

    part: Block


@dataclass(frozen=True)
class Matched:
    """``matched(a)``: all tensors that come in are brought to the shape of the first, by 1×1
    projections and interpolation, and then given to the block."""

    part: Block


@dataclass(frozen=True)
class Resized:
    """``resized(a)``: all tensors that come in are brought to the largest height and width among
    them, and then given to the block."""

    part: Block


Block = BlockSpec | Itself | Series | Parallel | Residual | Matched | Resized


@dataclass(frozen=True)
class Replace:
    """``--replace SEL=BLOCK``."""

    where: Selector
    block: Block


@dataclass(frozen=True)
class Wrap:
    """``--wrap SEL=BLOCK``: the block holds ``self``, what it is put around."""

    where: Selector
    block: Block


@dataclass(frozen=True)
class Insert:
    """``--after SEL=BLOCK`` or ``--before SEL=BLOCK``."""

    side: Literal["after", "before"]
    where: Selector
    block: Block


@dataclass(frozen=True)
class Set:
    """``--set SEL.attribute=value``: the layer is built again with one argument changed."""

    where: Selector
    attribute: str
    value: Any


@dataclass(frozen=True)
class Remove:
    """``--remove SEL``: the module becomes an identity."""

    where: Selector


@dataclass(frozen=True)
class Keep:
    """``--except SEL``: no edit touches these modules."""

    where: Selector


Edit = Replace | Wrap | Insert | Set | Remove | Keep
