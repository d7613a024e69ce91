"""Checks of a model's own that a number divides another, noted instead of raised.

``assert dim % heads == 0`` and ``if dim % heads: raise ...`` in a constructor end the building, as
torch's own layers do; while a network is mended, they leave a mark on the module and go on.
"""

from __future__ import annotations

import ast

_NOTE = "__import__('stitchcli.tracing.mending', fromlist=['note']).note"


def noting_divisions(tree: ast.Module) -> ast.Module:
    """The same code with its checks of divisibility noted."""
    changed: ast.Module = _Noting().visit(tree)
    return ast.fix_missing_locations(changed)


class _Noting(ast.NodeTransformer):
    """Changes constructors only: what is raised in a forward is another matter."""

    def __init__(self) -> None:
        self._itself = ""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """One function."""
        before = self._itself
        arguments = [*node.args.posonlyargs, *node.args.args]
        self._itself = arguments[0].arg if node.name == "__init__" and arguments else ""
        changed = self.generic_visit(node)
        self._itself = before
        return changed

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        """``assert a % b == 0``."""
        match node.test:
            case ast.Compare(left=left, ops=[ast.Eq()], comparators=[ast.Constant(value=0)]):
                return self._noted(left, node)
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        """``if a % b: raise ...`` and ``if a % b != 0: raise ...``."""
        if len(node.body) == 1 and isinstance(node.body[0], ast.Raise) and not node.orelse:
            match node.test:
                case ast.Compare(
                    left=left, ops=[ast.NotEq() | ast.Gt()], comparators=[ast.Constant(value=0)]
                ):
                    return self._noted(left, node)
            return self._noted(node.test, node)
        return self.generic_visit(node)

    def _noted(self, test: ast.expr, where: ast.stmt) -> ast.stmt:
        """A call that marks the module where a division leaves a rest, and the statement as it was
        for what is no division of numbers in a module's constructor."""
        if not self._itself or not isinstance(test, ast.BinOp) or not isinstance(test.op, ast.Mod):
            return where
        call = ast.parse(f"{_NOTE}({self._itself})", mode="eval").body
        assert isinstance(call, ast.Call)
        for side in (test.left, test.right):
            call.args += [side, ast.Constant(ast.unparse(side))]
        unnoted = ast.UnaryOp(ast.Not(), call)
        return ast.copy_location(ast.If(unnoted, [where], []), where)
