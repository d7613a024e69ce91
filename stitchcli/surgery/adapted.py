"""Blocks that were written for another layout than that of their place, or are called otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import Any

import torch
from torch import Tensor, nn

from stitchcli.binding import Layout
from stitchcli.surgery.parts import Part, Run, operands, run


class Adapted(Part):
    """A block written for another layout of its tensors, or for another way of being called.

    ``outer`` is the layout at the place, ``inner`` the one that the block takes. ``call`` says what
    its forward is given: the tensors one by one; one ``list`` of them; the ``first`` alone, or
    ``three`` times as query, key and value, or with its ``sizes`` one by one or as one ``size``.
    ``order`` is that in which it takes several tensors.
    """

    def __init__(
        self,
        block: nn.Module,
        outer: Layout,
        inner: Layout,
        call: str,
        aspect: tuple[int, int],
        order: Sequence[int],
    ) -> None:
        super().__init__()
        self.block = block
        self.outer = outer
        self.inner = inner
        self.call = call
        self.aspect = aspect
        self.order = tuple(order)

    def forward(self, *args: Any, itself: Run | None = None, **kwargs: Any) -> Any:
        """The block's first output, in the layout of the place."""
        values = operands(args, kwargs)
        if len(values) == len(self.order):
            values = [values[index] for index in self.order]
        grid = self._grid(values[0])
        prefix = values[0].shape[1] - grid[0] * grid[1] if self._makes_map else 0
        head = values[0][:, :prefix]
        given = [self._inward(value[:, prefix:] if prefix else value, grid) for value in values]
        match self.call:
            case "list":
                result = self.block(given)
            case "three":
                result = self.block(given[0], given[0], given[0])
            case "sizes":
                result = self.block(given[0], *grid)
            case "size":
                result = self.block(given[0], grid)
            case "first":
                result = self.block(given[0])
            case _:
                result = run(self.block, given, itself)
        while isinstance(result, list | tuple):
            result = result[0]
        result = self._outward(result, grid)
        return torch.cat([head, result], dim=1) if prefix else result

    @property
    def _makes_map(self) -> bool:
        return self.outer == "tokens" and self.inner != "tokens"

    def _grid(self, value: Tensor) -> tuple[int, ...]:
        """The spatial sizes; of tokens, those that have the aspect ratio of the input."""
        if self.outer == "channels_first":
            return tuple(value.shape[2:])
        if self.outer == "channels_last":
            return tuple(value.shape[1:-1])
        return grid_of(value.shape[1], self.aspect)

    def _inward(self, value: Tensor, grid: Sequence[int]) -> Tensor:
        if self.outer == self.inner:
            return value
        if self.outer == "tokens":
            value = torch.unflatten(value, 1, tuple(grid))
        if self.outer == "channels_first":
            value = value.movedim(1, -1)
        # now the channels are last
        if self.inner == "channels_first":
            return value.movedim(-1, 1)
        return value.flatten(1, -2) if self.inner == "tokens" else value

    def _outward(self, value: Tensor, grid: Sequence[int]) -> Tensor:
        if self.outer == self.inner:
            return value
        if self.inner == "tokens" and value.dim() == 3:
            step = isqrt(max(_product(grid) // value.shape[1], 1))
            value = torch.unflatten(value, 1, tuple(size // step for size in grid))
        elif self.inner == "channels_first":
            value = value.movedim(1, -1)
        if self.outer == "channels_first":
            return value.movedim(-1, 1)
        return value.flatten(1, -2) if self.outer == "tokens" else value

    def extra_repr(self) -> str:
        """What is adapted, for ``print(network)``."""
        return f"{self.outer} -> {self.inner}" + (f", {self.call}" if self.call else "")


def grid_of(count: int, aspect: tuple[int, int]) -> tuple[int, int]:
    """Height and width of ``count`` tokens, but for as few leading ones (class tokens) as can be;
    one column where there is no such grid."""
    for prefix in range(min(count, 9)):
        rows = isqrt((count - prefix) * aspect[0] // aspect[1])
        if rows and rows * aspect[1] % aspect[0] == 0:
            columns = rows * aspect[1] // aspect[0]
            if rows * columns == count - prefix:
                return rows, columns
    return count, 1


def _product(sizes: Sequence[int]) -> int:
    total = 1
    for size in sizes:
        total *= size
    return total
