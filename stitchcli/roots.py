"""One cause, one diagnostic: faults that are written at one place, and faults that follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from stitchcli.records import Diagnostic, Fix, Label, Site, Trace


def merged(diagnostics: Sequence[Diagnostic], trace: Trace) -> tuple[Diagnostic, ...]:
    """Faults of layers whose number is written by one expression are one fault, which is mended
    everywhere at once."""
    groups: dict[object, list[Diagnostic]] = {}
    for index, each in enumerate(diagnostics):
        groups.setdefault(_written(each, trace) or index, []).append(each)
    return tuple(_one(group) for group in groups.values())


def _written(diagnostic: Diagnostic, trace: Trace) -> object:
    """What the diagnostics of one expression share; nothing where it was not found."""
    layer, primary = trace.layers.get(diagnostic.path), diagnostic.primary
    if not diagnostic.argument or not layer or not layer.built or not primary:
        return None
    if primary.site in (layer.built, _forward_site(diagnostic, trace)):
        return None
    return diagnostic.code, primary.site, diagnostic.op


def _forward_site(diagnostic: Diagnostic, trace: Trace) -> Site | None:
    index = diagnostic.call
    return trace.calls[index].site if index is not None and index < len(trace.calls) else None


def _one(group: Sequence[Diagnostic]) -> Diagnostic:
    first, *others = group
    if not others:
        return first
    also = tuple(each.path for each in others)
    consumers = tuple(dict.fromkeys(c for each in group for c in each.consumers))
    notes = [note for note in first.notes if not note.startswith("refused by")]
    notes += [f"the same at {each.path or each.op}: {each.title}" for each in others]
    return replace(
        first,
        also=also,
        consumers=consumers,
        notes=tuple(notes),
        fixes=_joined_all([each.fixes for each in group if each.fixes]),
        passing=tuple(path for path in first.passing if not _is_around(path, also)),
    )


def folded(each: Diagnostic, others: Sequence[Diagnostic]) -> Diagnostic:
    """Faults that one change of the source mends, as one that points at the change."""
    whole = _one((each, *others))
    patch = each.fixes[0].patch
    if patch is None or len(patch.changes) != 1 or each.primary is None:
        return whole
    label = Label(patch.changes[0].site, f"written here for {1 + len(others)} layers")
    return replace(whole, primary=label, secondary=(each.primary, *whole.secondary))


def _joined_all(fixes: Sequence[tuple[Fix, ...]]) -> tuple[Fix, ...]:
    """The fixes of several faults side by side: those of the first that all others have too, the
    first of a kind with the first of that kind."""
    numbered = [_numbered(each) for each in fixes]
    first = numbered[0] if numbered else {}
    return tuple(
        _joined([each[key] for each in numbered])
        for key in first
        if all(key in each for each in numbered)
    )


def _numbered(fixes: Sequence[Fix]) -> dict[object, Fix]:
    """Each fix under its kind and its number among those of that kind."""
    found: dict[object, Fix] = {}
    counts: Counter[object] = Counter()
    for fix in fixes:
        kind = _kind(fix)
        found[kind, counts[kind]] = fix
        counts[kind] += 1
    return found


def _kind(fix: Fix) -> tuple[object, ...]:
    """What a fix does, whatever the places and numbers."""
    return tuple(
        (type(e), getattr(e, "side", ""), getattr(e, "attribute", "")) for e in fix.edits
    ) or ("input",)


def _joined(fixes: Sequence[Fix]) -> Fix:
    """The same fix at every place."""
    first = fixes[0]
    if first.inputs:
        return first
    edits = dict.fromkeys(edit for fix in fixes for edit in fix.edits)
    return replace(first, title=f"{first.title}, and likewise at the others", edits=tuple(edits))


def _is_around(path: str, others: Iterable[str]) -> bool:
    return any(other == path or other.startswith(f"{path}.") for other in others)


def with_followers(root: Diagnostic, followers: Sequence[Diagnostic]) -> Diagnostic:
    """A fault that says which others go with it."""
    if not followers:
        return root
    names = ", ".join(f"{each.code} at {each.path or each.op}" for each in followers[:4])
    more = f" and {len(followers) - 4} more" if len(followers) > 4 else ""
    return replace(root, notes=(*root.notes, f"what follows from it: {names}{more}"))
