"""What the formats of ``stitch diff`` for people share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from stitchcli.formats.diff.groups import Group, groups
from stitchcli.formats.words import change, exact_change, shapes_text, stage_name
from stitchcli.records import Amount, Checkpoint, Diff, Difference, Fate, Report, Stage
from stitchcli.words.amounts import format_amount, format_delta
from stitchcli.words.edits import shell_edit
from stitchcli.words.shapes import format_shape, print_spec

FATES: dict[Fate, str] = {
    "as_is": "load as they are",
    "renamed": "load after a rename",
    "reshaped": "of another shape",
    "missing": "without a place",
}


def heading(diff: Diff) -> str:
    """Both networks, and how they were run."""
    head = diff.head
    specs = dict.fromkeys((diff.base.result.inputs, head.result.inputs))
    inputs = " → ".join(", ".join(map(print_spec, each)) or "none" for each in specs)
    guessed = " (guessed; give --input to change it)" if head.inputs_guessed else ""
    where = f"on {head.result.device}, {head.result.mode} mode, input {inputs}{guessed}"
    return f"{diff.base.target} → {head.target} {where}"


def edit_lines(diff: Diff) -> list[str]:
    """The edits on the modified side."""
    return [shell_edit(item.edit) for item in diff.head.applied]


def verdict(diff: Diff) -> str:
    """The last line: how much differs, in words."""
    if not diff.differs:
        return "no difference"
    changes, found = len(diff.changes), len(groups(diff.changes))
    words = []
    if changes:
        of = f" in {found} group{'s' * (found != 1)}" if found != changes else ""
        words.append(f"{changes} change{'s' * (changes != 1)}{of}")
    else:
        words.append("no change of the architecture")
    if diff.renames:
        count = len(diff.renames)
        breaks = any(each.tensors for each in diff.renames)
        text = f"{count} module{'s' * (count != 1)} renamed"
        words.append(f"{text}, which breaks checkpoints" if breaks else text)
    tensors = diff.checkpoint
    if not changes and not diff.renames and (tensors.new or tensors.of("missing")):
        words.append("other names in the state dict")
    if not changes and diff.behaviour is not None and diff.behaviour.verdict == "differ":
        words.append("and yet the outputs differ")
    return ", ".join(words)


def totals(diff: Diff) -> list[tuple[str, str]]:
    """What is counted: before and after."""
    base, head = diff.base.result, diff.head.result
    lines = [
        ("parameters", _amounts(base.params, head.params)),
        ("MACs", f"{change(base.macs, head.macs)}   {exact_change(base.macs, head.macs)}"),
        ("FLOPs", f"{change(base.flops, head.flops)}   {exact_change(base.flops, head.flops)}"),
        ("output", _outputs(diff)),
    ]
    if (base.trainable, head.trainable) != (base.params, head.params):
        lines.insert(1, ("trainable", _amounts(base.trainable, head.trainable)))
    uncounted = dict(base.uncounted) | dict(head.uncounted)
    if uncounted:
        lines.append(
            ("uncounted", f"{', '.join(uncounted)}: no formula, so MACs are a lower bound")
        )
    if base.problems or head.problems or not (base.complete and head.complete):
        lines.append(("note", "MACs are those of forwards with their faults patched over"))
    return lines


def _amounts(base: int, head: int) -> str:
    return f"{change(base, head)}   {exact_change(base, head)}"


def _outputs(diff: Diff) -> str:
    sides = (
        ", ".join(format_shape(spec.shape) for spec in report.result.outputs) or "none"
        for report in (diff.base, diff.head)
    )
    return " → ".join(dict.fromkeys(sides))


def delta(count: int, *, short: bool = True) -> str:
    """``+184.32K``; a dot for nothing."""
    if count == 0:
        return "·"
    return (
        f"{'+' if count > 0 else '−'}{format_amount(abs(count))}" if short else format_delta(count)
    )


def shapes_line(group: Group) -> str:
    """What a group takes and gives where that differs, and is the same for all its members."""
    lines = {_shapes(each) for each in group.members}
    return lines.pop() if len(lines) == 1 else ""


def _shapes(change: Difference) -> str:
    if change.base is None or change.head is None:
        return ""
    words = [
        f"{name} {shapes_text(before)} → {shapes_text(after)}"
        for name, before, after in (
            ("in", change.base.inputs, change.head.inputs),
            ("out", change.base.outputs, change.head.outputs),
        )
        if before != after and before and after
    ]
    return ", ".join(words)


def checkpoint_lines(checkpoint: Checkpoint, renames: int = 8) -> list[str]:
    """What becomes of a state dict, a line a fate; so many renames are named, indented."""
    lines = []
    for fate, words in FATES.items():
        if tensors := checkpoint.of(fate):
            lines.append(
                f"{len(tensors):,} of {len(checkpoint.tensors):,} tensors {words} "
                f"({_percent(checkpoint.percent(fate))} of the parameters)"
            )
            if fate == "renamed" and renames:
                lines += [f"  {line}" for line in mapping_lines(checkpoint, renames)]
    if checkpoint.overwritten:
        lines.append(
            f"{_counted(len(checkpoint.overwritten))} lost, since a weight that is now shared is "
            f"loaded again: {_first(checkpoint.overwritten)}"
        )
    if checkpoint.mistaken:
        lines.append(
            f"{_counted(len(checkpoint.mistaken))} loaded, unless renamed or left out, into "
            f"another layer of that name and shape: {_first(checkpoint.mistaken)}"
        )
    if checkpoint.new:
        count = len(checkpoint.new)
        stay = (
            "tensor of the modified network stays"
            if count == 1
            else ("tensors of the modified network stay")
        )
        lines.append(f"{count:,} {stay} as initialised")
    return lines


def _counted(count: int) -> str:
    return f"{count:,} of these {'is' if count == 1 else 'are'}"


def _first(keys: tuple[str, ...]) -> str:
    return ", ".join(keys[:3]) + (", …" if len(keys) > 3 else "")


def _percent(share: float) -> str:
    """Never 100 % of what is not all, nor 0 % of what is something."""
    if 0 < share < 0.1:
        return "under 0.1%"
    return "over 99.9%" if 99.9 < share < 100 else f"{share:.1f}%"


def mapping_lines(checkpoint: Checkpoint, most: int) -> list[str]:
    """The renames of tensors, prefixes folded: ``layer1.* → stage1.* (24)``."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    # a star alone would say that everything is called otherwise
    least = 0 if len(checkpoint.mapping) == len(checkpoint.tensors) else 1
    for before, after in checkpoint.mapping.items():
        found.setdefault(_prefixes(before, after, least), []).append((before, after))
    lines = [
        f"{key[0]} → {key[1]} ({len(each)})" if len(each) > 1 else " → ".join(each[0])
        for key, each in found.items()
    ]
    return lines if len(lines) <= most else [*lines[: most - 1], f"… {len(lines) - most + 1} more"]


def _prefixes(before: str, after: str, least: int) -> tuple[str, str]:
    """Both names without the end that they share, but for the first parts."""
    mine, theirs = before.split("."), after.split(".")
    while len(mine) > least and len(theirs) > least and mine[-1] == theirs[-1]:
        mine.pop()
        theirs.pop()
    if len(mine) == len(before.split(".")):
        return before, after
    return ".".join([*mine, "*"]), ".".join([*theirs, "*"])


def behaviour_line(diff: Diff) -> str:
    """What ``--numeric`` found; empty where it was not asked for."""
    found = diff.behaviour
    if found is None:
        return ""
    largest = (
        f", at most by {found.largest:.3g}"
        if found.verdict in ("close", "differ") and (found.largest is not None)
        else ""
    )
    text = f": {found.text}" if found.text else ""
    if found.verdict == "not compared":
        return f"outputs not compared{text}"
    words = {"equal": "outputs are equal", "close": "outputs are close", "differ": "outputs differ"}
    return f"{words[found.verdict]}{largest}{text} ({found.copied:,} shared tensors copied)"


def stage_rows(diff: Diff) -> list[tuple[str, str, Amount, Amount]]:
    """The stages of both networks: base's name, the other's, parameters, MACs. A stage that was
    renamed is one row; the columns add up to the totals."""
    renamed = {each.base: each.head for each in diff.renames}
    for each in diff.changes:
        if each.kind == "moved" and each.base and each.head:
            renamed[each.base.path] = each.head.path
    after = _keyed(diff.head, {})
    rows: list[tuple[Stage | None, Stage | None]] = []
    for key, row in _keyed(diff.base, renamed).items():
        rows.append((row, after.pop(key, None)))
    rows += [(None, row) for row in after.values()]
    return [
        (
            stage_name(one) if one else "",
            stage_name(other) if other else "",
            Amount(one.params.result if one else 0, other.params.result if other else 0),
            Amount(one.macs.result if one else 0, other.macs.result if other else 0),
        )
        for one, other in rows
    ]


def _keyed(report: Report, renamed: Mapping[str, str]) -> dict[tuple[object, ...], Stage]:
    """The rows of the network itself, by the path that they have in the modified one."""
    seen: Counter[tuple[object, ...]] = Counter()
    rows: dict[tuple[object, ...], Stage] = {}
    for row in report.stages:
        if row.note == "gone":
            continue
        key = (_renamed(row.path, renamed), "" if row.kind else row.op, row.note)
        rows[(*key, seen[key])] = row
        seen[key] += 1
    return rows


def _renamed(path: str, renamed: Mapping[str, str]) -> str:
    """A path under the name that it, or a module around it, has now."""
    parts = path.split(".") if path else []
    for end in range(len(parts), -1, -1):
        outer = ".".join(parts[:end])
        if outer in renamed:
            return ".".join(filter(None, (renamed[outer], *parts[end:])))
    return path
