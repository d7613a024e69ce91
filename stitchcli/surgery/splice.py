"""Replace functional calls in the source of a forward by calls of a child module.

The method is compiled again with those spans changed, under its own file name and line numbers,
and becomes that of a subclass. A helper function on the way to the call is compiled again too,
with the module as a further argument; the user's own functions stay as they are.
"""

from __future__ import annotations
import __future__

import ast
import copy
from collections.abc import Mapping
from types import CodeType, FunctionType
from typing import Any

from torch import nn

from stitchcli.surgery.swap import Swapped, kind_before
from stitchcli.syntax import Span, span_of, tree_of
from stitchcli.tracing.ops import name_of, same_op

#: What to do at the spans of one function: put in a child, or call another function that is
#: changed too. Plain tuples, so that they can be compared, hashed and saved.
Leaf = tuple[str, str]  # the child's name, the op that stands there
Plan = tuple[tuple[Span, Any], ...]
_OWNER = "stitch_owner"
_OPERATORS: dict[str, type[ast.operator]] = {
    "add": ast.Add, "sub": ast.Sub, "mul": ast.Mult, "div": ast.Div, "matmul": ast.MatMult,
    "pow": ast.Pow,
}  # fmt: skip


class CannotSplice(Exception):
    """The call cannot be reached in the source; the text says why."""


def spliced_class(base: type[nn.Module], plans: tuple[tuple[str, Plan], ...]) -> type[nn.Module]:
    """A subclass of ``base`` with the methods of ``plans`` changed. Raises CannotSplice."""
    body: dict[str, Any] = {"_stitch_kind": kind_before(base), "__module__": base.__module__}
    for name, plan in plans:
        owner, function = find_method(base, name)
        changed = _recompile(function, plan, owner)
        body[name] = _decorated(vars(owner)[name], function, changed)
    return type(f"Spliced{base.__name__}", (Swapped, base), body)


def find_method(cls: type, name: str) -> tuple[type, FunctionType]:
    """A method as it was written, and the class that it was written in."""
    for each in cls.__mro__:
        if name in vars(each):
            return each, _unwrapped(vars(each)[name])
    raise CannotSplice(f"{cls.__name__} has no method {name!r}")


def _decorated(outer: Any, old: FunctionType, new: FunctionType) -> Any:
    """A method with its decorators, around another function than before."""
    if outer is old:
        return new
    inner = getattr(outer, "__wrapped__", None)
    cells = getattr(outer, "__closure__", None) or ()
    held = [index for index, cell in enumerate(cells) if cell.cell_contents is inner]
    if not isinstance(outer, FunctionType) or not held:
        raise CannotSplice("a decorator of it cannot be put around another function")
    changed = _decorated(inner, old, new)
    closure = (*cells[: held[0]], _cell(changed), *cells[held[0] + 1 :])
    result = FunctionType(
        outer.__code__, outer.__globals__, outer.__name__, outer.__defaults__, closure
    )
    result.__dict__.update(outer.__dict__, __wrapped__=changed)
    result.__kwdefaults__, result.__doc__ = outer.__kwdefaults__, outer.__doc__
    return result


def method_with(cls: type, file: str, function: str) -> str | None:
    """The name of the method of ``cls`` that is written as ``function`` in ``file``."""
    for each in cls.__mro__:
        for name, value in vars(each).items():
            if not callable(value) or isinstance(value, type):
                continue
            code = getattr(_unwrapped(value), "__code__", None)
            if code and code.co_filename == file and code.co_qualname == function:
                return name if getattr(cls, name, None) is value else None
    return None


def callee_at(function: FunctionType, span: Span) -> FunctionType:
    """The function that is called at a span of another. Raises CannotSplice."""
    found = [n for n in ast.walk(_definition(function)) if span_of(n) == span]
    call = next((node for node in found if isinstance(node, ast.Call)), None)
    callee = _resolve(call.func, function) if call else None
    if not isinstance(callee, FunctionType):
        raise CannotSplice("the function around it is not called by its name")
    return callee


def _unwrapped(function: Any) -> FunctionType:
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    found: FunctionType = function
    return found


def _definition(function: FunctionType) -> ast.FunctionDef:
    """The source of a function, with the lines and columns of its file."""
    code = function.__code__
    try:
        tree = tree_of(code.co_filename)
    except (SyntaxError, ValueError) as error:
        raise CannotSplice("its source cannot be read") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if first == code.co_firstlineno:
                return node
    raise CannotSplice("its source is not there")


def _recompile(function: FunctionType, plan: Plan, owner: type | None) -> FunctionType:
    """The function with the spans of ``plan`` changed; one that is no method (``owner`` is None)
    takes the module as a further, first argument."""
    definition = copy.deepcopy(_definition(function))
    arguments = [*definition.args.posonlyargs, *definition.args.args]
    if owner is None:
        if definition.decorator_list:
            raise CannotSplice(f"the function {function.__name__} is decorated")
        target = definition.args.posonlyargs or definition.args.args
        target.insert(0, ast.arg(_OWNER))
        module = _OWNER
    elif not arguments:
        raise CannotSplice("the method takes no self")
    else:
        module = arguments[0].arg
    helpers: dict[str, FunctionType] = {}
    splicer = _Splicer(function, dict(plan), module, helpers, owner)
    definition = splicer.visit(definition)
    if splicer.left:
        raise CannotSplice("it does not stand where it was seen")
    definition.decorator_list = []
    definition.returns = None
    for each in ast.walk(definition.args):
        if isinstance(each, ast.arg):
            each.annotation = None
    definition.args.defaults = [ast.Constant(None) for _ in definition.args.defaults]
    definition.args.kw_defaults = [
        ast.Constant(None) if each else None for each in definition.args.kw_defaults
    ]
    return _compiled(definition, function, helpers)


def _compiled(
    definition: ast.FunctionDef, function: FunctionType, helpers: Mapping[str, FunctionType]
) -> FunctionType:
    """A function in the place of another, with its globals, closure, defaults and names."""
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    outside = [*cells, *helpers]
    maker = ast.FunctionDef(
        name="stitch_make",
        args=ast.arguments([], [ast.arg(name) for name in outside], None, [], [], None, []),
        body=[definition, ast.Return(ast.Name(definition.name, ast.Load()))],
        decorator_list=[],
    )
    tree = ast.fix_missing_locations(ast.Module([ast.copy_location(maker, definition)], []))
    file = function.__code__.co_filename
    flags = function.__code__.co_flags & __future__.annotations.compiler_flag
    code = compile(tree, file, "exec", flags=flags, dont_inherit=True)
    inner = _code_named(_code_named(code, "stitch_make"), definition.name)
    inner = inner.replace(co_qualname=function.__code__.co_qualname)
    made = {name: _cell(helper) for name, helper in helpers.items()}
    closure = tuple({**cells, **made}[name] for name in inner.co_freevars)
    result = FunctionType(
        inner, function.__globals__, function.__name__, function.__defaults__, closure
    )
    result.__kwdefaults__ = function.__kwdefaults__
    result.__annotations__ = dict(function.__annotations__)
    result.__doc__, result.__qualname__ = function.__doc__, function.__qualname__
    result.__module__ = function.__module__
    return result


def _code_named(code: CodeType, name: str) -> CodeType:
    return next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == name)


def _cell(value: Any) -> Any:
    return (lambda: value).__closure__[0]  # type: ignore[index]


class _Splicer(ast.NodeTransformer):
    """Changes the nodes at the spans of a plan; ``left`` are those that were not met."""

    def __init__(
        self,
        function: FunctionType,
        plan: dict[Span, Any],
        module: str,
        helpers: dict[str, FunctionType],
        owner: type | None,
    ) -> None:
        self.function = function
        self.left = plan
        self.module = module
        self.helpers = helpers
        self.private = f"_{owner.__name__.lstrip('_')}" if owner else ""

    def visit(self, node: ast.AST) -> Any:
        span = span_of(node)
        # a statement and the expression in it may have one span: the expression is meant
        if span in self.left and isinstance(node, ast.Call | ast.BinOp | ast.AugAssign):
            action = self.left.pop(span)
            super().generic_visit(node)
            return ast.copy_location(self._changed(node, action), node)
        node = super().generic_visit(node)
        if self.private and isinstance(node, ast.Attribute) and _is_private(node.attr):
            node.attr = self.private + node.attr  # as inside a class body
        return node

    def _changed(self, node: ast.Call | ast.BinOp | ast.AugAssign, action: Any) -> Any:
        if isinstance(action[0], str):
            return self._child_call(node, *action)
        if not isinstance(node, ast.Call):
            raise CannotSplice("no function is called there")
        callee = _resolve(node.func, self.function)
        if not isinstance(callee, FunctionType):
            raise CannotSplice("the function around it is not called by its name")
        name = f"stitch_helper_{len(self.helpers)}"
        self.helpers[name] = _recompile(callee, action, None)
        return ast.Call(_name(name), [_name(self.module), *node.args], node.keywords)

    def _child_call(self, node: ast.Call | ast.BinOp | ast.AugAssign, child: str, op: str) -> Any:
        attribute = ast.Attribute(_name(self.module), child, ast.Load())
        match node:
            case ast.Call(func=func, args=args, keywords=keywords):
                resolved = _resolve(func, self.function)
                if resolved is not None and name_of(resolved) == op:
                    return ast.Call(attribute, [func, *args], keywords)
                if not isinstance(func, ast.Attribute) or not same_op(func.attr, op):
                    raise CannotSplice(f"{ast.unparse(func)} calls {op} itself")
                method = ast.parse(f"lambda x, *a, **k: x.{func.attr}(*a, **k)", mode="eval").body
                return ast.Call(attribute, [method, func.value, *args], keywords)
            case ast.BinOp(left=left, op=sign, right=right):
                return ast.Call(attribute, [_operation(sign, op), left, right], [])
        target = copy.deepcopy(node.target)
        target.ctx = ast.Load()
        call = ast.Call(attribute, [_operation(node.op, op, in_place=True), target, node.value], [])
        return ast.Assign([node.target], call)


def _operation(sign: ast.operator, op: str, in_place: bool = False) -> ast.expr:
    if _OPERATORS.get(op) is not type(sign):
        raise CannotSplice(f"no {op} is written there")
    if in_place:
        name = {"div": "truediv"}.get(op, op)
        return ast.parse(f"lambda a, b: a.__i{name}__(b)", mode="eval").body
    operands = ast.arguments([], [ast.arg("a"), ast.arg("b")], None, [], [], None, [])
    return ast.Lambda(operands, ast.BinOp(_name("a"), sign, _name("b")))


def _resolve(node: ast.expr, function: FunctionType) -> Any:
    """What a dotted name means outside the function; None for what only its running tells."""
    match node:
        case ast.Name(id=name):
            if name in function.__code__.co_freevars:
                index = function.__code__.co_freevars.index(name)
                return (function.__closure__ or ())[index].cell_contents
            if name in function.__code__.co_varnames:
                return None
            return function.__globals__.get(name)
        case ast.Attribute(value=value, attr=attr):
            outer = _resolve(value, function)
            return getattr(outer, attr, None) if outer is not None else None
    return None


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _is_private(name: str) -> bool:
    return name.startswith("__") and not name.endswith("__")
