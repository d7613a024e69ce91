"""What edits leave in a network, told as what they did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from stitchcli.records import Difference

#: What stands where an edit took a module out, and where it replaced a functional call.
_REMOVED, _SITE = "Removed", "FunctionSite"


def as_meant(changes: list[Difference]) -> Iterator[Difference]:
    """A module that an edit removed is removed; a functional call that a block took the place of
    is one difference, not two."""
    sites = [each for each in changes if each.kind == "added" and each.part.kind == _SITE]
    instead: dict[int, Difference] = {}
    for change in changes:
        if change.kind == "removed" and change.part.is_call:
            site = next((each for each in sites if _is_at(each, change)), None)
            if site is not None:
                sites.remove(site)
                instead[id(change)] = site
    used = {id(site) for site in instead.values()}
    for change in changes:
        if (found := instead.get(id(change))) is not None:
            name = found.part.path.rpartition(".")[2].removeprefix(f"{change.part.kind}_")
            yield Difference("replaced", change.base, replace(found.part, block=name))
        elif change.kind == "replaced" and change.part.kind == _REMOVED:
            yield replace(change, kind="removed", head=None)
        elif id(change) not in used:
            yield change


def _is_at(site: Difference, call: Difference) -> bool:
    """Whether a block stands for a call: ``up1.cat_eff`` for ``up1/cat``."""
    module, _, name = site.part.path.rpartition(".")
    path = call.part.path
    holder = path.partition("/")[0] if "/" in path else ""
    return module == holder and name.startswith(f"{call.part.kind}_")
