"""What a class does with its constructor's parameters, read from its source.

A parameter that is the first argument of a convolution or linear layer is a width that comes in;
one that is only ever the second, a width that goes out.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

_IN_AND_OUT = re.compile(r"(^|[a-z_])(Conv|conv)|Linear$|^(Conv|Linear)")
_WIDTH = re.compile(r"((Batch|Instance|Layer|RMS)Norm([123]d)?|PReLU|MultiheadAttention)$")
_KEYWORDS = {
    "in_channels": "in", "in_features": "in", "out_channels": "out", "out_features": "out",
    "kernel_size": "kernel_size", "stride": "stride", "padding": "padding", "groups": "groups",
    "dilation": "dilation", "num_features": "width", "normalized_shape": "width",
    "embed_dim": "width", "num_channels": "width", "num_heads": "heads",
}  # fmt: skip
_POSITIONS = ("in", "out", "kernel_size", "stride", "padding", "dilation", "groups")


def evidence(block: Any, names: Sequence[str]) -> dict[str, str]:
    """The roles of those ``names`` that the source of a class's ``__init__`` tells."""
    uses: dict[str, list[str]] = {}
    for word, role in _uses(block):
        if word in names:
            uses.setdefault(word, []).append(role)
    found = {
        word: next((r for r in roles if r != "width"), "width") for word, roles in uses.items()
    }
    if "out" not in found.values():
        # one that nothing else goes out by is the width of the whole block
        found = {word: "width" if role == "in" else role for word, role in found.items()}
    return found


def _uses(block: Any) -> Iterator[tuple[str, str]]:
    """A name and what it is used as, for each time that a layer is built with it."""
    for call in _calls(block):
        kind = ast.unparse(call.func).rpartition(".")[2]
        for keyword in call.keywords:
            if isinstance(keyword.value, ast.Name) and keyword.arg in _KEYWORDS:
                yield keyword.value.id, _KEYWORDS[keyword.arg]
        roles: Sequence[str] = ()
        if _IN_AND_OUT.search(kind):
            roles = _POSITIONS
        elif _WIDTH.search(kind):
            roles = ("width",)
        elif kind == "GroupNorm":
            roles = ("", "width")
        for value, role in zip(call.args, roles, strict=False):
            if isinstance(value, ast.Name) and role:
                yield value.id, role


def _calls(block: Any) -> list[ast.Call]:
    """Every call in the constructor, in the order in which they are written."""
    try:
        source = inspect.getsource(block.__init__ if inspect.isclass(block) else block)
        tree = ast.parse(textwrap.dedent(source))
    except (OSError, TypeError, SyntaxError, ValueError):
        return []
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return sorted(calls, key=lambda node: (node.lineno, node.col_offset))
