"""Which expression of a written call becomes which parameter of the function that it calls."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from types import CodeType
from typing import Literal

from stitchcli.syntax import tree_of

_VARARGS, _VARKW = 0x04, 0x08


@dataclass(frozen=True)
class Part:
    """A parameter of a function by its name; or what came in its ``*args`` at a place (unless it
    came by its name after all), or in its ``**kwargs`` under a name."""

    kind: Literal["name", "args", "kwargs"]
    name: str = ""
    index: int = 0


@dataclass(frozen=True)
class InCall:
    """What a call gives for a part: an expression, or a part of what the caller itself got."""

    node: ast.expr | None = None
    part: Part | None = None


def parameters(code: CodeType) -> tuple[str, ...]:
    """All parameters that a function takes by name."""
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def given(call: ast.Call, callee: CodeType, caller: CodeType, wanted: Part) -> InCall | None:
    """What a call gives for a part of its callee; None where it gives nothing."""
    positional = _positional(call, callee)
    if wanted.kind == "args":
        found = _at(call, caller, len(positional) + wanted.index, wanted.name)
        if found is not None:
            return found
    for keyword in call.keywords:
        if keyword.arg == wanted.name:
            return InCall(keyword.value)
    found = None
    if wanted.kind == "name" and wanted.name in positional:
        found = _at(call, caller, positional.index(wanted.name), wanted.name)
    return found or _unpacked(call, caller, wanted.name)


def default_of(code: CodeType, wanted: Part) -> ast.expr | None:
    """The default of a parameter, as it is written."""
    if wanted.kind != "name":
        return None
    try:
        tree = tree_of(code.co_filename)
    except (SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if first == code.co_firstlineno:
                return _default(node.args, wanted.name)
    return None


def _default(arguments: ast.arguments, name: str) -> ast.expr | None:
    both = [*arguments.posonlyargs, *arguments.args]
    start = len(both) - len(arguments.defaults)
    found: dict[str, ast.expr | None] = {
        arg.arg: value for arg, value in zip(both[start:], arguments.defaults, strict=True)
    }
    found |= {a.arg: v for a, v in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)}
    return found.get(name)


def _positional(call: ast.Call, callee: CodeType) -> tuple[str, ...]:
    """The parameters that the positional arguments of a call become."""
    names = callee.co_varnames[: callee.co_argcount]
    return names[1:] if _is_bound(call, callee) else names


def _is_bound(call: ast.Call, callee: CodeType) -> bool:
    """Whether the first parameter is not among the arguments: ``Conv2d(...)``, ``self.make(...)``,
    ``super().__init__(...)``; it is in ``Base.__init__(self, ...)``."""
    if callee.co_name == "__init__":
        function = call.func
        if not isinstance(function, ast.Attribute) or function.attr != "__init__":
            return True
        owner = function.value
        return isinstance(owner, ast.Call) and ast.unparse(owner.func) == "super"
    return isinstance(call.func, ast.Attribute) and callee.co_varnames[:1] in (("self",), ("cls",))


def _at(call: ast.Call, caller: CodeType, index: int, name: str) -> InCall | None:
    """The positional argument at an index, also behind a star; ``name`` is what it becomes."""
    for place, node in enumerate(call.args):
        if isinstance(node, ast.Starred):
            return _behind_star(node.value, caller, index - place, name)
        if place == index:
            return InCall(node)
    return None


def _behind_star(node: ast.expr, caller: CodeType, index: int, name: str) -> InCall:
    if isinstance(node, ast.Name) and node.id == _star_name(caller, _VARARGS):
        return InCall(part=Part("args", name, index))
    if isinstance(node, ast.Tuple | ast.List) and index < len(node.elts):
        return InCall(node.elts[index])
    return InCall(node)


def _unpacked(call: ast.Call, caller: CodeType, name: str) -> InCall | None:
    for keyword in call.keywords:
        node = keyword.value
        if keyword.arg is not None:
            continue
        if isinstance(node, ast.Name) and node.id == _star_name(caller, _VARKW):
            return InCall(part=Part("kwargs", name))
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == name:
                    return InCall(value)
    return None


def _star_name(code: CodeType, flag: int) -> str:
    """The name of a function's ``*args`` or ``**kwargs``."""
    if not code.co_flags & flag:
        return ""
    index = code.co_argcount + code.co_kwonlyargcount
    if flag == _VARKW and code.co_flags & _VARARGS:
        index += 1
    return code.co_varnames[index]
