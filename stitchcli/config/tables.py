"""The tables of the settings: what keys there are, and what each may hold."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from stitchcli.records import Grade

Count = Annotated[int, Meta(ge=0)]
#: ``1_700_000`` or ``"1.7M"``.
Amount = Annotated[Count | str, Meta(description="An integer, or an amount such as '1.7M'.")]
#: ``"2%"``, or an amount.
Share = Annotated[Count | str, Meta(description="A share such as '2%', or an amount.")]


class Table(Struct, forbid_unknown_fields=True, rename="kebab", kw_only=True):
    """A table whose keys are all known."""


class Increase(Table):
    """How much more than the base is allowed; it is too much only where both are exceeded."""

    rel: str | None = None
    abs: Amount | None = None


class Bounds(Table):
    """The limits of one metric."""

    max: Amount | None = None
    min: Amount | None = None
    exact: Amount | None = None
    target: Amount | None = None
    tolerance: Share | None = None
    max_increase: Count | str | Increase | None = None
    level: Literal["error", "warn"] = "error"


Metric = Count | str | Bounds | None


class Budget(Table, forbid_unknown_fields=False):
    """What a model is held to; besides these, ``"METRIC@SELECTOR"`` limits a subtree."""

    params: Metric = None
    trainable: Metric = None
    buffers: Metric = None
    macs: Metric = None
    flops: Metric = None
    output_shape: str | list[int | str | list[int]] | None = None
    checkpoint_compatible: bool | Literal["warn"] = False


class Model(Table):
    """One network to hold to a budget; paths are relative to the file."""

    name: Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]+$")]
    target: Annotated[str, Meta(min_length=1)]
    kwargs: dict[str, Any] = {}
    input: str | list[str] = []
    edits: list[str] = []
    mode: Literal["eval", "train"] = "eval"
    faults: Grade | None = None
    uncounted_ops: Grade | None = None
    budget: Budget = field(default_factory=Budget)


class Move(Table):
    """A module's path before and after."""

    before: str = field(name="from")
    after: str = field(name="to")


class Root(Table):
    """``[tool.stitch]``, or a whole stitch.toml."""

    blocks: list[Annotated[str, Meta(min_length=1)]] = []
    select: list[str] = []
    ignore: list[str] = []
    moved: Move | list[Move] = []
    baseline: Annotated[str, Meta(min_length=1)] | None = None
    base: Annotated[str, Meta(min_length=1)] | None = None
    faults: Grade = "error"
    uncounted_ops: Grade = "warn"
    model: list[Model] = []
