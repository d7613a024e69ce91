"""Which stitch, torch and Python this is, without importing torch."""

from __future__ import annotations

import platform
from importlib import metadata

from stitchcli import __version__


def versions() -> dict[str, str | None]:
    """By name; None for a torch that is not installed."""
    try:
        torch = metadata.version("torch")
    except metadata.PackageNotFoundError:
        torch = None
    return {"version": __version__, "torch": torch, "python": platform.python_version()}
