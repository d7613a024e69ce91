"""torchvision's compiled part does not load beside every build of torch.

Its Python part, which is all that building its networks needs, imports when its custom operators
are declared empty beforehand. Where the compiled part loads, nothing is done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

_libraries: list[torch.library.Library] = []


def declare_torchvision() -> None:
    """Make ``import torchvision`` work without its compiled part."""
    original = torch.library.register_fake

    def register_fake(op: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(op, str) and op.startswith("torchvision::"):
            return _give_back
        return original(op, *args, **kwargs)

    try:
        import torchvision
    except RuntimeError:
        _libraries.append(torch.library.Library("torchvision", "DEF"))
        torch.library.register_fake = register_fake
        try:
            import torchvision  # noqa: F401
        finally:
            torch.library.register_fake = original


def _give_back(function: Callable[..., Any]) -> Callable[..., Any]:
    return function
