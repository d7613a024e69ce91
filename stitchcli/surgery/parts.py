"""The modules that hold an edited network together; they are trained and saved with it.

A part runs on one or more tensors. ``itself`` is what stood at the place, where a block is put
around it: a function of the same tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

Run = Callable[..., Any]


class Part(nn.Module):
    """A module whose forward also takes ``itself``."""


def run(part: nn.Module, values: Sequence[Any], itself: Run | None) -> Any:
    """Run a part, or any other module, on ``values``."""
    return part(*values, itself=itself) if isinstance(part, Part) else part(*values)


class Removed(nn.Module):
    """Stands where a module was removed: gives its first input on."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The first argument, unchanged."""
        return args[0] if args else next(iter(kwargs.values()))


class ItselfPart(Part):
    """Stands for ``self``: calls what stood at the place."""

    def forward(self, *values: Any, itself: Run | None = None) -> Any:
        """What ``itself`` gives."""
        assert itself is not None
        return itself(*values)


class SeriesPart(Part):
    """One part after the other: the first takes all values, the others what the one before gave."""

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, *values: Any, itself: Run | None = None) -> Any:
        """``(B, C, *spatial)`` in and out."""
        result: Any = values
        for part in self.parts:
            result = run(part, result if isinstance(result, tuple) else (result,), itself)
        return result


class ParallelPart(Part):
    """All parts on the same values; what they give is added, multiplied, averaged, or
    concatenated along the channels."""

    def __init__(
        self,
        parts: Sequence[nn.Module],
        merge: Literal["add", "mul", "concat", "mean"],
        channel_axis: int,
    ) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.merge = merge
        self.channel_axis = channel_axis

    def forward(self, *values: Any, itself: Run | None = None) -> Any:
        """``(B, C, *spatial)`` in and out; with concat the channels are the sum of the parts'."""
        results = [run(part, values, itself) for part in self.parts]
        if self.merge == "concat":
            return torch.cat(results, dim=self.channel_axis)
        total = results[0]
        for each in results[1:]:
            total = total * each if self.merge == "mul" else total + each
        return total / len(results) if self.merge == "mean" else total

    def extra_repr(self) -> str:
        """The merge, for ``print(network)``."""
        return f"merge={self.merge}"


class ResidualPart(Part):
    """``x + part(x)``."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, x: Tensor, itself: Run | None = None) -> Any:
        """``(B, C, *spatial)`` in and out."""
        return x + run(self.part, (x,), itself)


class MatchedPart(Part):
    """Brings every tensor to the width and size of the first, and then runs the part."""

    def __init__(self, part: nn.Module, projections: Sequence[nn.Module]) -> None:
        super().__init__()
        self.part = part
        self.projections = nn.ModuleList(projections)

    def forward(self, first: Tensor, *others: Tensor, itself: Run | None = None) -> Any:
        """What the part gives."""
        values = [first]
        for projection, other in zip(self.projections, others, strict=True):
            value = projection(other)
            if value.dim() > 3 and value.shape[2:] != first.shape[2:]:
                value = nn.functional.interpolate(value, size=first.shape[2:])
            values.append(value)
        return run(self.part, values, itself)


class ResizedPart(Part):
    """Brings every tensor to the largest height and width among them, and then runs the part."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, *values: Tensor, itself: Run | None = None) -> Any:
        """What the part gives."""
        size = [max(sizes) for sizes in zip(*(v.shape[2:] for v in values), strict=True)]
        even = [v if list(v.shape[2:]) == size else nn.functional.interpolate(v, size=size)
                for v in values]  # fmt: skip
        return run(self.part, even, itself)


class ByWidth(Part):
    """One block for each width that comes by, where one place is run at several."""

    def __init__(self, blocks: Mapping[str, nn.Module], channel_axis: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleDict(blocks)
        self.channel_axis = channel_axis

    def forward(self, *values: Any, itself: Run | None = None) -> Any:
        """What the block for the width of ``values`` gives."""
        key = width_key([value.shape for value in values], self.channel_axis)
        # a width that nobody knew of is for the block to complain about
        block = self.blocks[key] if key in self.blocks else next(iter(self.blocks.values()))
        return run(block, values, itself)


class AroundPart(Part):
    """A block around another: ``self`` in the outer one is the inner one."""

    def __init__(self, outer: nn.Module, inner: nn.Module) -> None:
        super().__init__()
        self.outer = outer
        self.inner = inner

    def forward(self, *values: Any, itself: Run | None = None) -> Any:
        """What the outer block gives."""
        return run(self.outer, values, lambda *given: run(self.inner, given, itself))


class FunctionSite(nn.Module):
    """Stands where a forward called a function: runs the block for the widths that come by, and
    the function itself where there is none. ``activations`` says which of the function's tensors
    count, and ``orders`` in which order each block takes them."""

    def __init__(
        self,
        blocks: Mapping[str, nn.Module],
        activations: Sequence[int],
        orders: Mapping[str, Sequence[int]],
        channel_axis: int,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleDict(blocks)
        self.activations = tuple(activations)
        self.orders = {key: tuple(order) for key, order in orders.items()}
        self.channel_axis = channel_axis
        #: Blocks that look at the function's tensors before or beside it, which may work in place.
        self.looking = frozenset(key for key, block in blocks.items() if not _begins_alone(block))

    def forward(self, function: Run, *args: Any, **kwargs: Any) -> Any:
        """``function(*args, **kwargs)``, or what the block gives in its stead."""
        tensors = operands(args, kwargs)
        key = width_key([tensors[i].shape for i in self.activations], self.channel_axis)
        if key not in self.blocks:
            return function(*args, **kwargs)
        order = self.orders[key]

        def itself(*values: Any) -> Any:
            given = list(tensors)
            for index, value in zip(order, values, strict=True):
                given[index] = value.clone() if key in self.looking else value
            new_args, new_kwargs = _with_operands(args, kwargs, given)
            return function(*new_args, **new_kwargs)

        return run(self.blocks[key], [tensors[index] for index in order], itself)


def _begins_alone(block: nn.Module) -> bool:
    """Whether a block runs what stood at its place first, and once."""
    first = block.parts[0] if isinstance(block, SeriesPart) else block
    count = sum(isinstance(each, ItselfPart) for each in block.modules())
    return isinstance(first, ItselfPart) and count == 1


class Called(nn.Module):
    """A part where a module is called with keywords, or with what is no tensor: the part gets the
    tensors."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the part gives."""
        return run(self.part, operands(args, kwargs), None)


def width_key(shapes: Sequence[Sequence[int]], channel_axis: int) -> str:
    """``512_256``: the widths of tensors of these shapes; one without channels has none."""
    # int: torch.jit.trace gives sizes as tensors
    return "_".join([str(int(shape[channel_axis])) if len(shape) > 1 else "" for shape in shapes])


def operands(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Tensor]:
    """The tensors that a function was given, those in a list or tuple too."""
    found: list[Tensor] = []
    for value in (*args, *kwargs.values()):
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found.extend(each for each in value if isinstance(each, Tensor))
    return found


def _with_operands(
    args: Sequence[Any], kwargs: Mapping[str, Any], tensors: list[Tensor]
) -> tuple[list[Any], dict[str, Any]]:
    """The same arguments with other tensors."""
    left = list(tensors)

    def swap(value: Any) -> Any:
        if isinstance(value, Tensor):
            return left.pop(0)
        if isinstance(value, list | tuple):
            return [left.pop(0) if isinstance(each, Tensor) else each for each in value]
        return value

    return [swap(value) for value in args], {name: swap(value) for name, value in kwargs.items()}
