"""What the formats for people share: headings, totals, fixes, the rows of the table."""

from __future__ import annotations

from collections import Counter
from linecache import getline
from pathlib import Path

from stitchcli.formats.fold import fold
from stitchcli.records import (
    Amount,
    Applied,
    Change,
    Fix,
    Keep,
    Report,
    Shape,
    Site,
    Stage,
    Verification,
)
from stitchcli.words.amounts import format_amount, format_change, format_delta
from stitchcli.words.edits import shell_edit
from stitchcli.words.shapes import format_shape, print_spec


def heading(report: Report) -> str:
    """Name, device, mode and input of a network."""
    result = report.result
    inputs = ", ".join(print_spec(spec) for spec in result.inputs) or "none"
    guessed = " (guessed; give --input to change it)" if report.inputs_guessed else ""
    target = "" if report.target == report.name else f" from {report.target}"
    where = f"{report.name}{target} on {result.device}, {result.mode} mode, depth {report.depth}"
    return f"{where}, input {inputs}{guessed}"


def change(base: int, result: int) -> str:
    """``13.40M → 1.54M (−88.5%)``; one number where nothing changed."""
    if base == result:
        return format_amount(base)
    return f"{format_amount(base)} → {format_amount(result)} ({format_change(base, result)})"


def exact_change(base: int, result: int) -> str:
    """``13,395,394 → 1,538,971``."""
    return f"{base:,}" if base == result else f"{base:,} → {result:,}"


def totals(report: Report) -> list[tuple[str, str]]:
    """The lines under the table: what is counted, and how much of it."""
    base, result = report.base, report.result
    lines = [
        (
            "parameters",
            f"{change(base.params, result.params)}   {exact_change(base.params, result.params)}",
        ),
        ("MACs", f"{change(base.macs, result.macs)}   FLOPs {change(base.flops, result.flops)}"),
        ("output", _outputs(report)),
    ]
    if result.trainable != result.params:
        lines.insert(1, ("trainable", f"{result.trainable:,}"))
    if result.uncounted:
        ops = ", ".join(f"{op} ({calls}×)" for op, calls in result.uncounted)
        lines.append(("uncounted", f"{ops}: no formula, so MACs and FLOPs are a lower bound"))
    if result.problems:
        lines.append(
            ("note", "MACs and FLOPs are those of the forward with its faults patched over")
        )
    return lines + check_lines(report)


def _outputs(report: Report) -> str:
    """Shapes of the outputs; before and after where they differ."""
    sides = (
        ", ".join(format_shape(spec.shape) for spec in trace.outputs) or "none"
        for trace in (report.base, report.result)
    )
    return " → ".join(dict.fromkeys(sides))


def check_lines(report: Report) -> list[tuple[str, str]]:
    """What was tried on the edited network: all that went well on one line, the rest one by one."""
    passed = [check.name for check in report.checks if check.status == "pass"]
    lines = [("checked", " · ".join(passed))] if passed else []
    words = {"warn": "warning", "fail": "failed", "skip": "not checked"}
    others = (check for check in report.checks if check.status != "pass")
    return lines + [(words[check.status], f"{check.name}: {check.text}") for check in others]


def edit_line(item: Applied) -> tuple[str, str]:
    """A flag, and what it matched."""
    count = len(item.matched)
    plural = "" if count == 1 else "s"
    calls = any("/" in path or path.startswith("op:") for path in item.matched)
    verb = "kept" if isinstance(item.edit, Keep) else ("place" if calls else "module") + plural
    paths = item.matched if count <= 4 else (*item.matched[:3], "…", item.matched[-1])
    notes = f" ({'; '.join(item.notes)})" if item.notes else ""
    names = ", ".join(path or "(root)" for path in paths)
    return shell_edit(item.edit), f"{count} {verb}: {names}{notes}"


def bound_lines(item: Applied) -> list[str]:
    """What the blocks of an edit were built with, equal ones once, and how they were adapted."""
    counts: dict[tuple[str, tuple[str, ...]], int] = {}
    for built in item.built:
        words = ", ".join(f"{name}={value}" for name, value in built.arguments.items())
        key = f"{built.block}({words})", built.notes
        counts[key] = counts.get(key, 0) + 1
    lines = [
        text + (f" ×{count}" if count > 1 else "") + (f": {'; '.join(notes)}" if notes else "")
        for (text, notes), count in counts.items()
    ]
    return lines if len(lines) <= 2 else [lines[0], f"… {len(lines) - 1} more shapes"]


def folded_rows(report: Report) -> list[tuple[str, Stage, int, int]]:
    """Name, row, how often it stands, and the size of the group it is repeated with."""
    found = []
    for group, times in fold(report.stages):
        for row in group:
            found.append((stage_name(row), row, times, len(group)))
    return found


def stage_name(row: Stage) -> str:
    """The path of a module; the op and its module's path for a functional call."""
    if row.op and not row.kind:
        return f"{row.path}: {row.op}" if row.path else row.op
    return row.path or "(root)"


def times_amount(amount: Amount, times: int) -> Amount:
    """What a row costs that stands several times."""
    return Amount(amount.base * times, amount.result * times)


def shapes_text(shapes: tuple[Shape, ...], most: int = 2) -> str:
    """``1×64×128×128 +1``: the first shapes, and how many more."""
    words = [format_shape(shape) for shape in shapes[:most]]
    return ", ".join(words) + (f" +{len(shapes) - most}" if len(shapes) > most else "")


def fix_title(fix: Fix) -> str:
    """What a fix does, and which of the user's flags it stands in the place of."""
    instead = " ".join(shell_edit(edit) for edit in fix.instead)
    return f"{fix.title}, instead of {instead}" if instead else fix.title


def fix_flags(fix: Fix) -> str:
    """A fix as flags to paste."""
    flags = [shell_edit(edit) for edit in fix.edits]
    flags += [f"--input {print_spec(spec)}" for spec in fix.inputs or ()]
    return " ".join(flags)


def change_line(change: Change) -> str:
    """``in model.py:21: `cin // 2` → `cin` ``."""
    where = f"{short_path(change.site.file)}:{change.site.line}"
    before, after = " ".join(change.before.split()), " ".join(change.after.split())
    if not before:
        return f"in {where}: new line `{after}`"
    return f"in {where}: `{before}` → `{after}`" if after else f"in {where}: without `{before}`"


def fix_outcome(tried: Verification | None, params: int) -> str:
    """What happened when a fix or a patch was tried."""
    if tried is None:
        return "not tried"
    words = ["the forward runs"] if tried.ran else []
    words += ["this fault is gone"] if tried.solved and not tried.ran else []
    words.append(f"output {', '.join(format_shape(shape) for shape in tried.outputs) or 'none'}")
    if tried.delta_params:
        words.append(
            f"parameters {params:,} → {params + tried.delta_params:,} "
            f"({format_delta(tried.delta_params)})"
        )
    else:
        words.append("parameters unchanged")
    if tried.remaining:
        words.append(f"{tried.remaining} fault{'s' if tried.remaining > 1 else ''} left")
    return ", ".join(words)


def place(site: Site) -> str:
    """``file:line:col``, relative to the working directory where that is shorter."""
    return f"{short_path(site.file)}:{site.line}:{site.col + 1}"


def short_path(file: str) -> str:
    """A path relative to here, if the file lies below."""
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except ValueError:
        return file


def source_line(site: Site) -> tuple[str, int, int]:
    """The line of a span without its indent, and where in it the span begins and ends."""
    line = getline(site.file, site.line).rstrip("\n")
    raw = line.encode("utf-8")
    # columns count bytes, people count characters
    first = len(raw[: site.col].decode("utf-8", "ignore"))
    last = (
        len(raw[: site.end_col].decode("utf-8", "ignore"))
        if site.end_line == site.line
        else len(line)
    )
    stripped = line.lstrip()
    indent = len(line) - len(stripped)
    return stripped, max(first - indent, 0), max(last - indent, first - indent + 1)


def fixed_lines(report: Report) -> list[str]:
    """What was mended, and how."""
    lines = []
    for each in report.fixed:
        how = fix_flags(each.fix)
        if report.texts and each.fix.patch is not None:
            how = "; ".join(change_line(change) for change in each.fix.patch.changes)
        lines.append(
            f"fixed {each.code} at {each.path or report.name}: {fix_title(each.fix)}: {how}"
        )
    return lines


def files_line(report: Report, written: bool) -> str:
    """Which files the patches change."""
    names = ", ".join(short_path(file) for file in report.texts)
    if not names:
        return "no patch of your own files was found"
    return f"{'wrote' if written else 'would change'} {names}"


def ignored_line(report: Report) -> str:
    """``2 ignored: ST202 ×2``; empty where nothing was ignored."""
    counts = Counter(each.code for each in report.ignored)
    words = [f"{code} ×{count}" if count > 1 else code for code, count in sorted(counts.items())]
    return f"{len(report.ignored)} ignored: {', '.join(words)}" if words else ""


def summary(report: Report) -> str:
    """The last line: what was found."""
    counts = [
        (sum(1 for d in report.diagnostics if d.severity == severity), word)
        for severity, word in (("error", "fault"), ("warning", "warning"), ("note", "note"))
    ]
    words = [f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count]
    failed = sum(1 for check in report.checks if check.status == "fail")
    words += [f"{failed} check{'s' if failed > 1 else ''} failed"] if failed else []
    return ", ".join(words) if words else "no faults"
