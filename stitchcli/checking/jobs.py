"""What is sent to the process that measures one model, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stitchcli.records import Edit, ModelCheck, Target

#: A repository, a commit of it, and the folder that its files are in for as long as the job runs.
Checkout = tuple[Path, str, Path]


@dataclass(frozen=True)
class GitBase:
    """A model as it was at a commit. ``target`` names a file of it, ``edits`` blocks of it.
    ``missing`` says why it cannot be had, and ``is_new`` that there was no such model."""

    label: str
    target: Target
    edits: tuple[Edit, ...]
    blocks: tuple[str, ...] = ()
    missing: str = ""
    is_new: bool = False
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """One model to measure, from ``folder``. ``timeout`` is in seconds; ``memory`` is how many
    bytes it may take, None where that is not limited."""

    model: ModelCheck
    folder: Path
    device: str = "meta"
    blocks: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    base: GitBase | None = None
    checkout: Checkout | None = None
    timeout: float = 300.0
    memory: int | None = None
