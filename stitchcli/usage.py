"""Which modules of a traced network did nothing."""

from __future__ import annotations

from stitchcli.records import Trace


def unused_modules(trace: Trace) -> dict[str, int]:
    """Path and parameter count of each outermost module that did nothing."""
    unread: dict[str, int] = {}
    alive: set[str] = set(trace.called)
    for weight in trace.weights:
        if weight.is_buffer:
            continue
        owner = weight.path.rpartition(".")[0]
        if weight.users:
            alive.update(name.rpartition(".")[0] for name in (weight.path, *weight.aliases))
        else:
            unread[owner] = unread.get(owner, 0) + weight.count
    alive = _with_those_around(alive)
    found: dict[str, int] = {}
    for owner, count in unread.items():
        if path := _outermost(owner, alive):
            found[path] = found.get(path, 0) + count
    return {path: count for path, count in found.items() if count}


def _outermost(path: str, alive: set[str]) -> str | None:
    """The largest dead module around ``path``; None if the path itself did something."""
    if not path or path in alive:
        return None
    while (parent := path.rpartition(".")[0]) and parent not in alive:
        path = parent
    return path


def _with_those_around(paths: set[str]) -> set[str]:
    """Paths, and every path around one of them."""
    found = set()
    for path in paths:
        while path and path not in found:
            found.add(path)
            path = path.rpartition(".")[0]
    return found
