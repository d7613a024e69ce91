"""Paths of modules, as in ``blocks.3.attn``."""

from __future__ import annotations


def without_indices(path: str) -> str:
    """``blocks.#.attn``: what the same module of every repeated block is called."""
    return ".".join("#" if part.isdigit() else part for part in path.split("."))
