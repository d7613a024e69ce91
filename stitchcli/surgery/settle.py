"""Which modules each of several edits gets, where they overlap."""

from __future__ import annotations

from collections.abc import Sequence

from stitchcli.errors import EditError
from stitchcli.records import Edit, Keep, Remove, Replace, Trace
from stitchcli.surgery.select import is_inside, outer_paths, select
from stitchcli.words.edits import print_edit

Paths = tuple[str, ...]


def settle(edits: Sequence[Edit], base: Trace) -> tuple[list[Paths], list[tuple[str, ...]]]:
    """The paths that each edit is to be carried out on, and what is to be said of those it is not.

    What is inside a module that another edit takes away goes with it; an edit that would be lost
    altogether is a conflict, as are two that replace one module. Raises EditError.
    """
    matched = _select(edits, base)
    takers = _takers(edits, matched)
    left: list[Paths] = []
    notes: list[tuple[str, ...]] = []
    for edit, paths in zip(edits, matched, strict=True):
        hit = () if isinstance(edit, Keep) else paths
        lost = {path: taken for path in hit if (taken := _taken(edit, path, takers))}
        if lost and len(lost) == len(paths):
            path, taker = next(iter(lost.items()))
            raise _conflict(path, takers[taker], edit)
        left.append(tuple(p for p in paths if p not in lost))
        gone = ", ".join(dict.fromkeys(lost.values()))
        notes.append((f"{len(lost)} more went with {gone}",) if lost else ())
    return left, notes


def _select(edits: Sequence[Edit], base: Trace) -> list[Paths]:
    """What each edit matches, less what --except keeps."""
    kept: set[str] = set()
    found = [select(edit.where, base) for edit in edits]
    for edit, paths in zip(edits, found, strict=True):
        if isinstance(edit, Keep):
            kept.update(paths)
    return [
        paths if isinstance(edit, Keep) else _without(kept, paths, edit)
        for edit, paths in zip(edits, found, strict=True)
    ]


def _without(kept: set[str], paths: Paths, edit: Edit) -> Paths:
    """The paths less what is kept. Raises EditError where what is kept would go all the same."""
    left = tuple(p for p in paths if p not in kept and kept.isdisjoint(outer_paths(p)))
    if not left:
        raise EditError(f"--except leaves nothing for {print_edit(edit)}", "narrow --except")
    if isinstance(edit, Replace | Remove):  # what is inside a replaced module goes with it
        for path in left:
            if inner := next((k for k in sorted(kept) if is_inside(k, path)), None):
                raise EditError(
                    f"--except keeps {inner!r}, which {print_edit(edit)} takes away with {path!r}",
                    "keep the whole module, or edit the modules in it",
                )
        chosen = set(left)
        left = tuple(p for p in left if chosen.isdisjoint(outer_paths(p)))
    return left


def _takers(edits: Sequence[Edit], matched: Sequence[Paths]) -> dict[str, Edit]:
    """The edit that replaces or removes each path. Raises EditError where two would."""
    takers: dict[str, Edit] = {}
    for edit, paths in zip(edits, matched, strict=True):
        for path in paths if isinstance(edit, Replace | Remove) else ():
            if path in takers and type(takers[path]) is type(edit):
                raise _conflict(path, takers[path], edit)
            if path not in takers or isinstance(edit, Remove):
                takers[path] = edit
    return takers


def _taken(edit: Edit, path: str, takers: dict[str, Edit]) -> str | None:
    """The path of the module that another edit takes away, and ``path`` with it."""
    at_it = takers.get(path)
    if isinstance(at_it, Remove) and at_it is not edit:
        return path
    return next((p for p in outer_paths(path) if p in takers and takers[p] is not edit), None)


def _conflict(path: str, one: Edit, other: Edit) -> EditError:
    return EditError(
        f"{path!r} is matched by both {print_edit(one)} and {print_edit(other)}",
        "narrow one of the selectors, for instance by an attribute: 'conv[k=3]'",
    )
