"""Classes that are made while a network is stitched: subclasses of a module's own class.

Parents still find the attributes that they read, ``isinstance`` still holds, and no key of the
state dict changes. Such a class is pickled by its recipe and made again where it is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

#: A class as it is, or (what makes it, recipe of its base, details).
Recipe = Any
_MADE: dict[Recipe, type[nn.Module]] = {}


class Swapped(nn.Module):
    """Mixed into what is made here."""

    _stitch_kind = ""
    _stitch_recipe: Recipe = None

    def __reduce_ex__(self, protocol: Any) -> Any:
        return revive, (type(self)._stitch_recipe,), self.__getstate__()  # type: ignore[no-untyped-call]


def swap_class(module: nn.Module, maker: Callable[..., type[nn.Module]], *details: Any) -> None:
    """Make ``module`` an instance of ``maker(its class, *details)``."""
    module.__class__ = _make((maker, _recipe_of(type(module)), details))


def swap_innermost(
    module: nn.Module,
    maker: Callable[..., type[nn.Module]],
    merge: Callable[[Any, Any], Any],
    detail: Any,
) -> None:
    """The same below every other swap: the class as it was written becomes ``maker(it, detail)``,
    with ``merge(before, detail)`` where ``maker`` was there already."""

    def put(recipe: Recipe) -> Recipe:
        if isinstance(recipe, type):
            return maker, recipe, (detail,)
        if recipe[0] is maker:
            return maker, recipe[1], (merge(recipe[2][0], detail),)
        return recipe[0], put(recipe[1]), recipe[2]

    module.__class__ = _make(put(_recipe_of(type(module))))


def written_class(cls: type[nn.Module]) -> type[nn.Module]:
    """The class below every swap, as somebody wrote it."""
    recipe = _recipe_of(cls)
    while not isinstance(recipe, type):
        recipe = recipe[1]
    return recipe


def kind_before(cls: type[nn.Module]) -> str:
    """The name of the class that a module had before any swap."""
    return getattr(cls, "_stitch_kind", "") or cls.__name__


def revive(recipe: Recipe) -> nn.Module:
    """An empty instance, for unpickling."""
    cls = _make(recipe)
    module: nn.Module = cls.__new__(cls)
    return module


def _recipe_of(cls: type[nn.Module]) -> Recipe:
    return vars(cls).get("_stitch_recipe") or cls


def _make(recipe: Recipe) -> type[nn.Module]:
    if isinstance(recipe, type):
        return recipe
    if recipe not in _MADE:
        maker, base, details = recipe
        made: type[nn.Module] = maker(_make(base), *details)
        made._stitch_recipe = recipe  # type: ignore[attr-defined]
        _MADE[recipe] = made
    return _MADE[recipe]
