"""Differences as people tell them: what is the same is told once, with how often it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stitchcli.records import Difference, Part, Renamed

SIGNS = {
    "added": "+", "removed": "-", "changed": "~", "replaced": "~", "moved": ">", "reshaped": "~",
}  # fmt: skip
_MOST_VALUES = 4
#: More members than this are told by the first few and the last.
_MOST_PATHS = 4


@dataclass(frozen=True)
class Group:
    """Differences that read the same, in order."""

    sign: str
    text: str
    members: tuple[Difference, ...]

    @property
    def delta_params(self) -> int:
        """Parameters more than before."""
        return sum(each.delta_params for each in self.members)

    @property
    def delta_macs(self) -> int:
        """Multiply-accumulates more than before."""
        return sum(each.delta_macs for each in self.members)

    @property
    def title(self) -> str:
        """``10× Conv2d 3×3 → dwconv``."""
        return f"{len(self.members)}× {self.text}" if len(self.members) > 1 else self.text


def group_text(change: Difference) -> str:
    """What a difference is, without where: equal texts are one group."""
    base, head = change.base, change.head
    match change.kind:
        case "added" | "removed":
            return describe(change.part)
        case "replaced":
            assert base is not None and head is not None
            return f"{describe(base)} → {describe(head)}"
        case "moved":
            return f"{change.part.kind} moved"
        case "reshaped":
            assert base is not None and head is not None
            if base.runs != head.runs:
                return f"the same modules, run {base.runs}× → {head.runs}×"
            same = (base.inputs, base.outputs) == (head.inputs, head.outputs)
            return "the same modules " + ("at another cost" if same else "on other shapes")
    return f"{change.part.kind} {values_text(change.values)}"


def groups(changes: Iterable[Difference]) -> list[Group]:
    """Differences by what they are, each group where its first member stands."""
    found: dict[tuple[str, str], list[Difference]] = {}
    for change in changes:
        found.setdefault((SIGNS[change.kind], group_text(change)), []).append(change)
    return [Group(sign, text, tuple(members)) for (sign, text), members in found.items()]


def describe(part: Part) -> str:
    """``Conv2d 3×3``, ``dwconv``, ``Sequential(Conv2d, ReLU)``: a part without its widths."""
    if part.block:
        return part.block
    if part.is_call:
        return part.kind
    if part.inside:
        if part.kind not in ("Sequential", "ModuleList"):
            return part.kind
        names = list(part.inside)
        more = ["…"] if len(names) > _MOST_VALUES else []
        return f"{part.kind}({', '.join(names[:_MOST_VALUES] + more)})"
    words = [part.kind, *_kernel(part.config)]
    return " ".join(words)


def _kernel(config: Mapping[str, Any]) -> list[str]:
    """Kernel, stride and groups of a layer that slides."""
    words = []
    if kernel := config.get("kernel_size"):
        words.append("×".join(map(str, kernel)) if isinstance(kernel, tuple) else f"{kernel}")
        stride = config.get("stride")
        if stride and set(stride if isinstance(stride, tuple) else (stride,)) != {1}:
            first = stride[0] if isinstance(stride, tuple) and len(set(stride)) == 1 else stride
            words.append(f"stride {first}")
    channels, count = config.get("in_channels"), config.get("groups", 1)
    if count != 1:
        words.append("depthwise" if count == channels else f"groups {count}")
    return words


def values_text(values: Iterable[tuple[str, Any, Any]]) -> str:
    """``kernel_size 3×3 → 5×5, padding 1 → 2``."""
    words = [
        f"{name} {value_text(name, before)} → {value_text(name, after)}"
        for name, before, after in values
    ]
    more = [f"{len(words) - _MOST_VALUES} more"] if len(words) > _MOST_VALUES else []
    return ", ".join(words[:_MOST_VALUES] + more)


def value_text(name: str, value: Any) -> str:
    """A setting; equal numbers for each axis as one, but for kernels. What has a plural for its
    name is no shape but a list, as ``channels`` is."""
    if isinstance(value, tuple):
        if name.endswith("s"):
            return f"({', '.join(map(str, value))})"
        if len(set(value)) == 1 and name != "kernel_size":
            return str(value[0])
        return "×".join(map(str, value)) or "()"
    return "none" if value is None else str(value)


def paths_text(group: Group, below: str = "") -> str:
    """Where a group's members are, as seen from a module around them."""
    start = len(below) + 1 if below else 0
    paths = [
        each.part.path[start:] if _is_in_place(each) and each.part.path else change_path(each)
        for each in group.members
    ]
    shown = paths if len(paths) <= _MOST_PATHS else [*paths[:3], "…", paths[-1]]
    return ", ".join(shown)


def change_path(change: Difference) -> str:
    """One path, or both where they differ."""
    base, head = change.base, change.head
    if base is None or head is None or base.path == head.path:
        return change.part.path or "(root)"
    return f"{base.path or '(root)'} → {head.path or '(root)'}"


def _is_in_place(change: Difference) -> bool:
    base, head = change.base, change.head
    return base is None or head is None or base.path == head.path


def rename_lines(renames: Iterable[Renamed]) -> list[str]:
    """Renames, runs of shifted numbers as one."""
    lines: list[str] = []
    run: list[Renamed] = []
    for each in renames:
        if (
            run
            and _shift(each) is not None
            and _shift(each) == _shift(run[0])
            and (_parents(each) == _parents(run[0]))
        ):
            run.append(each)
            continue
        lines += _run_lines(run)
        run = [each]
    return lines + _run_lines(run)


def _run_lines(run: list[Renamed]) -> list[str]:
    if not run:
        return []
    if len(run) == 1:
        return [f"{run[0].base or '(root)'} → {run[0].head or '(root)'}"]
    shift = _shift(run[0]) or 0
    outer = _parents(run[0])[0]
    where = f" in {outer}" if outer else ""
    first, last = (each.base.rpartition(".")[2] for each in (run[0], run[-1]))
    return [f"{len(run)} shifted by {shift:+d}{where} ({first} to {last})".replace("-", "−")]


def _shift(each: Renamed) -> int | None:
    before, after = each.base.rpartition(".")[2], each.head.rpartition(".")[2]
    if before.isdigit() and after.isdigit():
        return int(after) - int(before)
    return None


def _parents(each: Renamed) -> tuple[str, str]:
    return each.base.rpartition(".")[0], each.head.rpartition(".")[0]
