"""Run torch's meta kernels without what they import at their first call.

Many of them import ``torch._dynamo``, to keep it from looking into them, and sympy and
``torch.fx.experimental.symbolic_shapes``, to ask questions about symbolic sizes: 1.5 s that an
audit need not spend, since nothing is compiled and every size is a plain number. While such
a kernel runs, and only then, stand-ins that answer for plain numbers take their places. Where the
real modules are there already, they are used.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import torch


class _StandIn(ModuleType):
    """A few functions of a module; whatever else is asked of it, the real module is fetched."""

    def __init__(self, name: str, **functions: Any) -> None:
        super().__init__(name)
        self.__dict__.update(functions)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        # the real module must not meet another stand-in while it is imported
        for other in _STAND_INS:
            if sys.modules.get(other) is _STAND_INS[other]:
                del sys.modules[other]
        return getattr(importlib.import_module(self.__name__), name)


def _as_it_is(value: Any, *args: Any, **kwargs: Any) -> Any:
    return value


class _NoExpression:
    """No value is an instance of it: there are no symbolic expressions here."""


_STAND_INS = {
    "sympy": _StandIn("sympy", Basic=_NoExpression),
    "torch._dynamo": _StandIn("torch._dynamo", disable=_as_it_is),
    "torch.fx.experimental.symbolic_shapes": _StandIn(
        "torch.fx.experimental.symbolic_shapes",
        expect_true=_as_it_is,
        guard_int=_as_it_is,
        guard_or_false=_as_it_is,
        guard_or_true=_as_it_is,
        guard_size_oblivious=_as_it_is,
        guarding_hint_or_throw=_as_it_is,
        has_guarding_hint=lambda size: True,
        is_nested_int=lambda size: False,
        statically_known_true=_as_it_is,
        sym_and=lambda *conditions: all(conditions),
        sym_eq=lambda a, b: a == b if isinstance(a, int) else tuple(a) == tuple(b),
        sym_or=lambda *conditions: any(conditions),
    ),
}


def _grouped_mm(kernel: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Its meta kernel takes bfloat16 alone, as the one for CUDA does; that for CPU takes more."""
    first, second, *rest = args
    found = kernel(first.bfloat16(), second.bfloat16(), *rest, **kwargs)
    return found if kwargs.get("out_dtype") else found.to(first.dtype)


def run(kernel: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Call a meta kernel."""
    if kernel is torch.ops.aten._grouped_mm.default:
        return _grouped_mm(kernel, args, kwargs)
    absent = [name for name in _STAND_INS if name not in sys.modules]
    if not absent or kernel.namespace != "aten":
        return kernel(*args, **kwargs)
    for name in absent:
        sys.modules[name] = _STAND_INS[name]
    try:
        return kernel(*args, **kwargs)
    finally:
        for name in absent:
            if sys.modules.get(name) is _STAND_INS[name]:
                del sys.modules[name]
