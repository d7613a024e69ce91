"""Which modules a selector means, told from a trace of the network before any edit."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from stitchcli.errors import EditError
from stitchcli.records import Condition, Layer, Selector, Trace, Word
from stitchcli.words.near import did_you_mean
from stitchcli.words.selectors import print_selector

FAMILIES = ("conv", "norm", "act", "pool", "linear", "attn")
ROLES = ("down", "up", "fuse", "stem", "head")
OPS = ("cat", "add", "mul", "interpolate", "max_pool", "avg_pool", "pad", "matmul", "softmax")

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
    """Paths of the modules that a selector means, in the order in which they first ran; those
    that never ran come last. Raises EditError where there are none, or where a bare word means
    two things."""
    found = [""]
    for word in selector.words:
        found = _below(found, word, trace)
        if not found and word is not selector.words[-1]:
            raise _nothing(selector, word, f"no module is {word.text!r}", trace)
    word = selector.words[-1]
    if len(selector.words) == 1 and word.kind != "name" and _is_root(word, trace):
        found.insert(0, "")
    kept = [p for p in found if all(_holds(c, trace.layers[p], trace) for c in selector.conditions)]
    if isinstance(selector.at, int):
        kept = kept[selector.at : selector.at + 1 or None]
    elif selector.at is not None:
        kept = kept[slice(*selector.at)]
    if not kept:
        what = f"{len(found)} match before the filters" if found else f"nothing is {word.text!r}"
        raise _nothing(selector, word, what, trace)
    return tuple(kept)


def execution_order(trace: Trace) -> Paths:
    """Every module but the root: as they first ran, then those that never ran."""
    ran = dict.fromkeys(call.path for call in trace.calls if call.is_module)
    return tuple(p for p in dict.fromkeys([*ran, *trace.layers]) if p)


def _below(scopes: Iterable[str], word: Word, trace: Trace) -> list[str]:
    """Modules under any of ``scopes`` that ``word`` means, in execution order."""
    found: set[str] = set()
    for scope in scopes:
        found.update(p for p in _read(word, scope, trace) if _is_below(p, scope))
    return [path for path in execution_order(trace) if path in found]


def _read(word: Word, scope: str, trace: Trace) -> frozenset[str]:
    """Every module that ``word`` can mean; names are relative to ``scope``."""
    match word.kind:
        case "name":
            return _by_name(word.text, scope, trace.layers)
        case "type":
            return _by_type(word.text, trace.layers)
        case "family":
            return _by_family(word.text, trace.layers)
        case "re":
            return _by_pattern(word.text, trace.layers)
        case "role" | "op":
            raise _not_yet(word)
    return _bare(word, scope, trace)


def _bare(word: Word, scope: str, trace: Trace) -> frozenset[str]:
    text, layers = word.text, trace.layers
    exact_type = frozenset(p for p, layer in layers.items() if layer.kind == text)
    if exact_type and text != text.lower():
        return exact_type
    readings = {
        "name": _by_name(text, scope, layers),
        "family": _by_family(text, layers) if plain(text) in FAMILIES else frozenset(),
        "type": _by_type(text, layers) if re.fullmatch(r"\w+", text) else frozenset(),
    }
    found = {kind: paths for kind, paths in readings.items() if paths}
    if "family" in found and found.get("type", frozenset()) <= found["family"]:
        found.pop("type", None)
    if len(set(found.values())) > 1:
        forms = " or ".join(f"{kind}:{text} ({len(paths)})" for kind, paths in found.items())
        raise EditError(f"{text!r} means two things in this network", f"write {forms}")
    if not found and plain(text) in {plain(w) for w in (*ROLES, *OPS)}:
        raise _not_yet(word)
    return next(iter(found.values()), frozenset())


def _by_name(text: str, scope: str, layers: Mapping[str, Layer]) -> frozenset[str]:
    prefix = re.escape(f"{scope}.") if scope else ""
    try:
        pattern = re.compile(prefix + _glob(text))
    except re.error as error:
        raise EditError(
            f"{text!r} is no glob: {error}", "write down*, down[12] or down?"
        ) from error
    found = (path for path in layers if path and pattern.fullmatch(path))
    # a module that is shared stands under its first path, and can be named by each
    other = (layer.path for layer in layers.values() if any(map(pattern.fullmatch, layer.aliases)))
    return frozenset((*found, *other)) - {""}


def _by_type(text: str, layers: Mapping[str, Layer]) -> frozenset[str]:
    exact = frozenset(path for path, layer in layers.items() if layer.kind == text)
    if exact:
        return exact
    return frozenset(path for path, layer in layers.items() if plain(layer.kind) == plain(text))


def _by_family(text: str, layers: Mapping[str, Layer]) -> frozenset[str]:
    if plain(text) not in FAMILIES:
        help = did_you_mean(text, FAMILIES) or f"one of {', '.join(FAMILIES)}"
        raise EditError(f"unknown family {text!r}", help)
    return frozenset(path for path, layer in layers.items() if layer.family == plain(text))


def _by_pattern(text: str, layers: Mapping[str, Layer]) -> frozenset[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise EditError(
            f"re:{text} is no regular expression: {error}", "see Python's re"
        ) from error
    return frozenset(path for path in layers if path and pattern.search(path))


def plain(name: str) -> str:
    """A class, family or op without case, underscores and trailing dimension."""
    return re.sub(r"[123]d$", "", name.lower().replace("_", ""))


def _glob(text: str) -> str:
    """``*`` stays within one part of a path, ``**`` does not; ``[12]`` and ``?`` as in a shell."""
    parts = re.split(r"(\*\*|\*|\?|\[[^\]]+\])", text)
    table = {"**": ".*", "*": "[^.]*", "?": "[^.]"}
    groups = (p.replace("[!", "[^", 1) if p.startswith("[") else p for p in parts)
    return "".join(p if p.startswith("[") else table.get(p) or re.escape(p) for p in groups)


def _is_below(path: str, scope: str) -> bool:
    return not scope or path.startswith(f"{scope}.")


def _is_root(word: Word, trace: Trace) -> bool:
    """A class may be that of the whole network."""
    kind = trace.layers[""].kind
    return word.kind in ("any", "type") and plain(word.text) == plain(kind)


def _holds(condition: Condition, layer: Layer, trace: Trace) -> bool:
    if condition.attribute == "level":
        actual = _level(layer.path, trace)
    else:
        names = _SHORT.get(condition.attribute, (condition.attribute,))
        actual = next((layer.attributes[n] for n in names if n in layer.attributes), None)
    if actual is None and condition.value is not None:
        return False
    wanted = condition.value
    if isinstance(actual, tuple) and not isinstance(wanted, tuple):
        compare = _COMPARE[condition.operator]
        some = any if condition.operator == "!=" else all
        return bool(actual) and some(_compare(compare, each, wanted) for each in actual)
    return _compare(_COMPARE[condition.operator], actual, wanted)


def _compare(compare: Callable[[Any, Any], bool], actual: Any, wanted: Any) -> bool:
    try:
        return compare(actual, wanted)
    except TypeError:
        return False


def _level(path: str, trace: Trace) -> int | None:
    """How many times smaller than the network's input the module's input is."""
    call = next((c for c in trace.calls if c.path == path and c.is_module and c.inputs), None)
    if call is None or len(call.inputs[0].shape) < 3 or not trace.inputs:
        return None
    full = trace.inputs[0].shape
    return round(full[-1] / call.inputs[0].shape[-1]) if len(full) > 2 else None


def _not_yet(word: Word) -> EditError:
    return EditError(
        f"{word.text!r} names a functional call or a role, and edits reach only modules so far",
        "select the module around it by name or class",
    )


def _nothing(selector: Selector, word: Word, what: str, trace: Trace) -> EditError:
    known = {*trace.layers, *(layer.kind for layer in trace.layers.values()), *FAMILIES}
    known |= {path.rpartition(".")[2] for path in trace.layers}
    text = word.text
    same = sorted(p for p in trace.layers if re.fullmatch(_glob(text), p.rpartition(".")[2]))
    if same:
        example = same[0] if len(same) == 1 else f"**.{text}"
        help = f"did you mean {example!r} ({len(same)} found)?"
    else:
        help = did_you_mean(text, known - {""}) or f"top-level modules are {_top_level(trace)}"
    return EditError(f"selector {print_selector(selector)!r} matches no module: {what}", help)


def _top_level(trace: Trace) -> str:
    return ", ".join(path for path in trace.layers if path and "." not in path)
