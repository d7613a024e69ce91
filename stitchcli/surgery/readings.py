"""What one word of a selector can mean in a network: a name, class, family, role or function."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stitchcli.errors import EditError
from stitchcli.records import Layer, Trace, Word
from stitchcli.surgery.roles import ROLES, with_role
from stitchcli.words.near import did_you_mean

FAMILIES = ("conv", "norm", "act", "pool", "linear", "attn")
_SAME_OP = {"concat": "cat", "concatenate": "cat", "upsample": "interpolate", "multiply": "mul"}
_OPS_IN_FAMILY = {
    "pool": ("maxpool", "avgpool", "adaptiveavgpool", "adaptivemaxpool", "lppool"),
    "act": tuple(
        """relu relu6 gelu silu mish elu selu celu leakyrelu prelu hardswish hardsigmoid hardtanh
        sigmoid tanh softplus""".split()
    ),
}
Found = frozenset[str]


def read(word: Word, scope: str, trace: Trace) -> Found:
    """Every module path and functional label that ``word`` can mean; names are relative to
    ``scope``. Raises EditError where a bare word means two things."""
    match word.kind:
        case "name":
            return _by_name(word.text, scope, trace.layers)
        case "type":
            return _by_type(word.text, trace.layers)
        case "family":
            return _by_family(word.text, trace)
        case "re":
            return _by_pattern(word.text, trace.layers)
        case "role":
            return _by_role(word.text, trace)
        case "op":
            return _by_op(word.text, trace)
    return _bare(word, scope, trace)


def _bare(word: Word, scope: str, trace: Trace) -> Found:
    text, layers = word.text, trace.layers
    exact_type = frozenset(p for p, layer in layers.items() if layer.kind == text)
    if exact_type and text != text.lower():
        return exact_type | _by_op(text, trace)  # MaxPool2d, and max_pool2d too
    is_word = re.fullmatch(r"\w+", text) is not None
    readings = {
        "name": _by_name(text, scope, layers),
        "family": _by_family(text, trace) if plain(text) in FAMILIES else frozenset(),
        "role": with_role(text, trace) if text in ROLES else frozenset(),
        "type": _by_type(text, layers) if is_word else frozenset(),
        "op": _by_op(text, trace) if is_word else frozenset(),
    }
    found = {kind: paths for kind, paths in readings.items() if paths}
    if "family" in found and found.get("type", frozenset()) <= found["family"]:
        found.pop("type", None)
    if "role" in found:  # a class Up is written Up, or type:up
        found.pop("type", None)
    if "type" in found and "op" in found:  # maxpool is a module here and a function there
        found["type"] |= found.pop("op")
    if "op" in found and found["op"] <= found.get("family", frozenset()):
        del found["op"]
    if len(set(found.values())) > 1:
        forms = " or ".join(f"{kind}:{text} ({len(paths)})" for kind, paths in found.items())
        raise EditError(f"{text!r} means two things in this network", f"write {forms}")
    return next(iter(found.values()), frozenset())


def _by_name(text: str, scope: str, layers: Mapping[str, Layer]) -> Found:
    prefix = re.escape(f"{scope}.") if scope else ""
    try:
        pattern = re.compile(prefix + glob(text))
    except re.error as error:
        raise EditError(
            f"{text!r} is no glob: {error}", "write down*, down[12] or down?"
        ) from error
    found = (path for path in layers if path and pattern.fullmatch(path))
    # a module that is shared stands under its first path, and can be named by each
    other = (layer.path for layer in layers.values() if any(map(pattern.fullmatch, layer.aliases)))
    return frozenset((*found, *other)) - {""}


def _by_type(text: str, layers: Mapping[str, Layer]) -> Found:
    exact = frozenset(path for path, layer in layers.items() if layer.kind == text)
    if exact:
        return exact
    return frozenset(path for path, layer in layers.items() if plain(layer.kind) == plain(text))


def _by_family(text: str, trace: Trace) -> Found:
    if plain(text) not in FAMILIES:
        raise _unknown("family", text, FAMILIES)
    modules = (path for path, layer in trace.layers.items() if layer.family == plain(text))
    calls = (_by_op(op, trace) for op in _OPS_IN_FAMILY.get(plain(text), ()))
    return frozenset(modules).union(*calls)


def _by_role(text: str, trace: Trace) -> Found:
    if text not in ROLES:
        raise _unknown("role", text, ROLES)
    return with_role(text, trace)


def _by_op(text: str, trace: Trace) -> Found:
    op = _SAME_OP.get(plain(text), plain(text))
    return frozenset(
        label
        for label, index in trace.functional.items()
        if plain(trace.calls[index].op or "") == op
    )


def _by_pattern(text: str, layers: Mapping[str, Layer]) -> Found:
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


def glob(text: str) -> str:
    """``*`` stays within one part of a path, ``**`` does not; ``[12]`` and ``?`` as in a shell."""
    parts = re.split(r"(\*\*|\*|\?|\[[^\]]+\])", text)
    table = {"**": ".*", "*": "[^.]*", "?": "[^.]"}
    groups = (p.replace("[!", "[^", 1) if p.startswith("[") else p for p in parts)
    return "".join(p if p.startswith("[") else table.get(p) or re.escape(p) for p in groups)


def _unknown(what: str, text: str, known: tuple[str, ...]) -> EditError:
    return EditError(
        f"unknown {what} {text!r}", did_you_mean(text, known) or f"one of {', '.join(known)}"
    )
