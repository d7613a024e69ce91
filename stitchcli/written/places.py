"""Places in the user's files at which something can be changed, and the change itself."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from stitchcli.records import Change, Site
from stitchcli.sources.recording import Seen
from stitchcli.syntax import (
    around,
    expression_at,
    lines_of,
    source_of,
    span_in,
    span_of,
    text_of,
    tree_of,
)
from stitchcli.tracing.sites import is_user_code

#: By the number of dimensions of what they take.
CONVOLUTIONS = {3: "Conv1d", 4: "Conv2d", 5: "Conv3d"}


@dataclass(frozen=True)
class Written:
    """An expression in one of the user's files."""

    node: ast.expr
    file: str

    @property
    def text(self) -> str:
        """The expression as it is written."""
        return text_of(self.node, self.file)

    def become(self, after: str) -> Change:
        """Another text in its place."""
        return Change(site_of_node(self.node, self.file), self.text, after)


def site_of_node(node: ast.expr | ast.stmt, file: str) -> Site:
    """Where a node of a file stands."""
    return Site(file, *(span_of(node) or (1, 0, 1, 0)), "", is_user_code(file))


def written_at(site: Site) -> Written | None:
    """The expression at a site; None outside the user's own files."""
    node = expression_at(site.file, span_in(site)) if site.user else None
    return Written(node, site.file) if node is not None else None


def built_at(seen: Seen) -> Written | None:
    """The call that builds a module; None outside the user's own files."""
    if len(seen.route) <= seen.constructors:
        return None
    site = seen.route[seen.constructors].site
    found = written_at(site) if site is not None else None
    return found if found is not None and isinstance(found.node, ast.Call) else None


def added_argument(call: Written, name: str, value: object) -> Change | None:
    """One more keyword argument of a call."""
    assert isinstance(call.node, ast.Call)
    text = call.text
    if not text.endswith(")") or any(each.arg is None for each in call.node.keywords):
        return None
    inside = text[:-1].rstrip()
    comma = "" if inside.endswith(("(", ",")) else ","
    space = " " if comma or inside.endswith(",") else ""
    return call.become(f"{inside}{comma}{space}{name}={value!r})")


def deleted_statement(call: Written) -> Change | None:
    """``self.name = call`` taken out, with its line, where it is a statement of its own."""
    statement = around(call.file, span_of(call.node) or (0, 0, 0, 0), ast.Assign)
    if statement is None or statement.value is not call.node or len(statement.targets) != 1:
        return None
    lines = lines_of(source_of(call.file))
    last = statement.end_lineno or statement.lineno
    before = lines[statement.lineno - 1].encode()[: statement.col_offset]
    after = lines[last - 1].encode()[statement.end_col_offset :]
    if before.strip() or after.strip() or last >= len(lines):
        return None
    site = Site(call.file, statement.lineno, 0, last + 1, 0, "", True)
    return Change(site, "".join(lines[statement.lineno - 1 : last]), "")


def name_of_nn(file: str) -> str:
    """How a file calls ``torch.nn``; empty where it does not import it."""
    return _name_of(file, "torch.nn")


def name_of_functional(file: str) -> str:
    """How a file calls ``torch.nn.functional``; empty where it does not import it."""
    name = _name_of(file, "torch.nn.functional")
    return name or (f"{module}.functional" if (module := name_of_nn(file)) else "")


def _name_of(file: str, wanted: str) -> str:
    parent, _, last = wanted.rpartition(".")
    names: dict[str, str] = {}
    try:
        statements = tree_of(file).body
    except (SyntaxError, ValueError):
        return ""
    for node in statements:
        match node:
            case ast.ImportFrom(module=module, names=found) if module == parent:
                names |= {a.name: a.asname or a.name for a in found if a.name == last}
            case ast.Import(names=found):
                for alias in found:
                    if alias.name == wanted and alias.asname:
                        names[last] = alias.asname
                    elif alias.name == "torch" and wanted == "torch.nn":
                        names.setdefault(last, f"{alias.asname or 'torch'}.nn")
    return names.get(last, "")
