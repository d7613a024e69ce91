"""Which modules and functional calls a selector means, told from a trace of the network before any
edit. A module is named by its path, a functional call by its label (see Trace.functional)."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

from stitchcli.errors import EditError
from stitchcli.records import Condition, Selector, Trace, Word
from stitchcli.surgery.place import place_of_call, places_of
from stitchcli.surgery.readings import FAMILIES, glob, plain, read
from stitchcli.surgery.roles import ROLES
from stitchcli.words.near import did_you_mean
from stitchcli.words.selectors import print_selector

_SHORT = {
    "k": ("kernel_size",),
    "s": ("stride",),
    "p": ("padding",),
    "d": ("dilation",),
    "g": ("groups",),
    "in": ("in_channels", "in_features", "num_features", "num_channels", "embedding_dim"),
    "out": ("out_channels", "out_features", "num_features", "num_channels", "embedding_dim"),
}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
Paths = tuple[str, ...]


def select(selector: Selector, trace: Trace) -> Paths:
    """What a selector means, in the order in which it first ran; what never ran comes last.
    Raises EditError where there is nothing, or where a bare word means two things."""
    found = [""]
    for word in selector.words:
        found = _below(found, word, trace)
        if not found and word is not selector.words[-1]:
            raise _nothing(selector, word, f"no module is {word.text!r}", trace)
    word = selector.words[-1]
    if len(selector.words) == 1 and word.kind != "name" and _is_root(word, trace):
        found.insert(0, "")
    kept = [p for p in found if all(_holds(c, p, trace) for c in selector.conditions)]
    if isinstance(selector.at, int):
        kept = kept[selector.at : selector.at + 1 or None]
    elif selector.at is not None:
        kept = kept[slice(*selector.at)]
    if not kept:
        what = f"{len(found)} match before the filters" if found else f"nothing is {word.text!r}"
        raise _nothing(selector, word, what, trace)
    return tuple(kept)


def execution_order(trace: Trace) -> Paths:
    """Every module but the root and every functional call: as they first ran, then the modules
    that never ran."""
    labels = {index: label for label, index in trace.functional.items()}
    ran = dict.fromkeys(
        labels.get(call.index) or call.path for call in trace.calls if call.is_module or call.op
    )
    return tuple(p for p in dict.fromkeys([*ran, *trace.layers]) if p)


def owner_of(path: str) -> str:
    """The module in whose forward a functional call stands; a module itself."""
    return "" if path.startswith("op:") else path.partition("/")[0]


def outer_paths(path: str) -> list[str]:
    """The modules around a module or functional call, the outermost first; the root is one."""
    owner = owner_of(path)
    parts = owner.split(".") if owner else []
    end = len(parts) if owner == path else len(parts) + 1
    return [".".join(parts[:index]) for index in range(end)]


def is_inside(path: str, outer: str) -> bool:
    """True for a module below another, and for a functional call in or below it; everything is
    below the root."""
    owner = owner_of(path)
    if owner != path and owner == outer:
        return True
    return owner.startswith(f"{outer}.") if outer else bool(path)


def _below(scopes: Iterable[str], word: Word, trace: Trace) -> list[str]:
    """What ``word`` means under any of ``scopes``, in execution order."""
    found: set[str] = set()
    for scope in scopes:
        found.update(p for p in read(word, scope, trace) if not scope or is_inside(p, scope))
    return [path for path in execution_order(trace) if path in found]


def _is_root(word: Word, trace: Trace) -> bool:
    """A class may be that of the whole network."""
    kind = trace.layers[""].kind
    return word.kind in ("any", "type") and plain(word.text) == plain(kind)


def _holds(condition: Condition, path: str, trace: Trace) -> bool:
    actual = _attribute(condition.attribute, path, trace)
    if actual is None and condition.value is not None:
        return False
    wanted = condition.value
    if isinstance(actual, tuple) and not isinstance(wanted, tuple):
        compare = _COMPARE[condition.operator]
        some = any if condition.operator == "!=" else all
        return bool(actual) and some(_compare(compare, each, wanted) for each in actual)
    return _compare(_COMPARE[condition.operator], actual, wanted)


def _attribute(name: str, path: str, trace: Trace) -> Any:
    """An attribute of a module; of a functional call, the widths that come in and go out."""
    if name == "level":
        return _level(path, trace)
    if path in trace.functional:
        place = place_of_call(trace.calls[trace.functional[path]], trace, path)
        return {"in": place.in_channels, "out": place.out_channels}.get(name)
    attributes = trace.layers[path].attributes
    return next((attributes[n] for n in _SHORT.get(name, (name,)) if n in attributes), None)


def _compare(compare: Callable[[Any, Any], bool], actual: Any, wanted: Any) -> bool:
    try:
        return compare(actual, wanted)
    except TypeError:
        return False


def _level(path: str, trace: Trace) -> int | None:
    """How many times smaller than the network's input what comes in is."""
    if path in trace.functional:
        size = place_of_call(trace.calls[trace.functional[path]], trace, path).size
    else:
        size = places_of(path, trace)[0].size
    full = trace.inputs[0].shape if trace.inputs else ()
    return round(full[-1] / size[-1]) if size and size[-1] and len(full) > 2 else None


def _nothing(selector: Selector, word: Word, what: str, trace: Trace) -> EditError:
    ops = {call.op for call in trace.calls if call.op and not call.is_module}
    known = {*trace.layers, *(layer.kind for layer in trace.layers.values()), *FAMILIES, *ops}
    known |= {*ROLES, *(path.rpartition(".")[2] for path in trace.layers)}
    text = word.text
    same = sorted(p for p in trace.layers if re.fullmatch(glob(text), p.rpartition(".")[2]))
    if same:
        example = same[0] if len(same) == 1 else f"**.{text}"
        help = f"did you mean {example!r} ({len(same)} found)?"
    else:
        help = (
            did_you_mean(text, known - {"", text}) or f"top-level modules are {_top_level(trace)}"
        )
    return EditError(f"selector {print_selector(selector)!r} matches nothing: {what}", help)


def _top_level(trace: Trace) -> str:
    return ", ".join(path for path in trace.layers if path and "." not in path)
