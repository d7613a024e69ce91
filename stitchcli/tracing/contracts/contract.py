"""What a contract is: a check of an op's operands, and the smallest repair."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

Kind = Literal["channels", "cat", "broadcast", "features", "shrunk", "pattern"]
Age = Callable[[Tensor], int]


@dataclass(frozen=True)
class Fault:
    """A broken contract: ``operands[operand]`` does not fit on axis ``dim``."""

    kind: Kind
    operands: tuple[Tensor, ...]
    operand: int
    dim: int | None
    expected: int | None
    got: int | None
    text: str = ""


#: torch takes these names, which are NumPy's, for its own.
_NUMPY = {"axis": "dim", "x": "input", "x1": "input", "x2": "other"}


class Arguments:
    """The arguments of one call, read and replaced by name."""

    def __init__(
        self, places: Mapping[str, int], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self._places = places
        self.args = list(args)
        self.kwargs = {
            name if name in places else _NUMPY.get(name, name): value
            for name, value in kwargs.items()
        }

    def __getitem__(self, name: str) -> Any:
        index = self._places[name]
        return self.args[index] if index < len(self.args) else self.kwargs.get(name)

    def __setitem__(self, name: str, value: Any) -> None:
        index = self._places[name]
        if index < len(self.args):
            self.args[index] = value
        else:
            self.kwargs[name] = value

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def get(self, name: str) -> Any:
        """The same as ``[]``, and None for a name that the op does not have."""
        return self[name] if name in self._places else None


Contract = Callable[[Arguments, Age], list[Fault]]


def channel_axis(tensor: Tensor, spatial: int) -> int:
    """0 for an unbatched tensor, else 1."""
    return tensor.ndim - spatial - 1


def each(value: Any, count: int) -> tuple[Any, ...]:
    """One value per spatial axis."""
    if isinstance(value, int | str) or value is None:
        return (value,) * count
    values = tuple(value)
    return values * count if len(values) == 1 else values
