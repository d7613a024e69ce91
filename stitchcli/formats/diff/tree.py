"""Groups of differences as a tree: each stands at the innermost module that holds all of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from stitchcli.formats.diff.groups import Group, groups
from stitchcli.records import Difference


@dataclass
class Branch:
    """A module with differences in it: ``label`` is its path from the branch around it."""

    path: str
    label: str
    groups: list[Group] = field(default_factory=list)
    inner: list[Branch] = field(default_factory=list)

    def walk(self, level: int = 0) -> Iterator[tuple[int, Branch]]:
        """The branch and all in it, each with its depth."""
        yield level, self
        for branch in self.inner:
            yield from branch.walk(level + 1)


def tree(changes: Iterable[Difference], name: str) -> Branch:
    """The differences of a network called ``name``."""
    root = Branch("", name)
    for group in groups(changes):
        _branch(root, _anchor(group)).groups.append(group)
    _fold(root)
    return root


def _branch(root: Branch, path: str) -> Branch:
    """The branch at a path, made where there is none."""
    at = root
    for part in path.split(".") if path else []:
        inner = f"{at.path}.{part}" if at.path else part
        found = next((each for each in at.inner if each.path == inner), None)
        if found is None:
            found = Branch(inner, part)
            at.inner.append(found)
        at = found
    return at


def _anchor(group: Group) -> str:
    """The innermost module that holds every member."""
    paths = [each.part.path for each in group.members]
    holders = [_holder(path).split(".") for path in paths]
    common = holders[0]
    for parts in holders[1:]:
        same = [a == b for a, b in zip(common, parts, strict=False)]
        common = common[: same.index(False)] if False in same else common[: len(same)]
    return ".".join(common)


def _holder(path: str) -> str:
    """``up1`` for ``up1.conv`` and for the call ``up1/cat``."""
    module, slash, _ = path.partition("/")
    if slash:
        return module
    return "" if path.startswith("op:") else module.rpartition(".")[0]


def _fold(branch: Branch) -> None:
    """Branches that only lead to one other are a part of its label; what is alone in a branch
    stands in the one around it."""
    kept = []
    for each in branch.inner:
        while not each.groups and len(each.inner) == 1:
            (only,) = each.inner
            each = Branch(only.path, f"{each.label}.{only.label}", only.groups, only.inner)
        _fold(each)
        if not each.inner and len(each.groups) == len(each.groups[0].members) == 1:
            branch.groups += each.groups
        else:
            kept.append(each)
    branch.inner = kept
