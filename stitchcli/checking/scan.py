"""Which networks a project has, told from its source alone: nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stitchcli.errors import TargetError
from stitchcli.sources.git import run_git

_SKIPPED = {
    "venv", "env", "site-packages", "node_modules", "build", "dist", "tests", "test", "docs",
}  # fmt: skip
_RUNS = (ast.For, ast.While, ast.With, ast.AsyncFor, ast.AsyncWith)
_MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Scan:
    """Targets of networks that are built without arguments, and files that are passed over because
    importing them would run them."""

    targets: tuple[str, ...]
    running: tuple[str, ...]


@dataclass(frozen=True)
class _Class:
    file: str
    name: str
    bases: frozenset[str]
    words: frozenset[str]
    needs_arguments: bool


def scan(folder: Path) -> Scan:
    """Look through the Python files of a folder, those that git ignores left out."""
    classes: list[_Class] = []
    running: set[str] = set()
    for path in sorted(_files(folder)):
        tree = _parsed(folder / path)
        if tree is None:
            continue
        classes += [_class(path, node) for node in tree.body if isinstance(node, ast.ClassDef)]
        if _runs_when_imported(tree):
            running.add(path)
    networks = _networks(classes)
    names = {each.name for each in networks}
    used = {
        word for each in networks for word in (each.words | each.bases) & names if word != each.name
    }
    tops = [each for each in networks if each.name not in used and not each.needs_arguments]
    return Scan(
        tuple(f"{each.file}:{each.name}" for each in tops if each.file not in running),
        tuple(dict.fromkeys(each.file for each in tops if each.file in running)),
    )


def _files(folder: Path) -> Iterable[str]:
    words = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.py")
    try:
        done = run_git(folder, *words)
        listed = done.stdout.split("\0") if done.returncode == 0 else None
    except TargetError:  # there is no git
        listed = None
    if listed is None:
        listed = [path.relative_to(folder).as_posix() for path in folder.rglob("*.py")]
    return {path for path in listed if path and _is_wanted(path)}


def _is_wanted(path: str) -> bool:
    *folders, name = path.split("/")
    hidden = any(each.startswith(".") or each in _SKIPPED for each in folders)
    return not hidden and not name.startswith(("test_", "conftest", "setup.py"))


def _parsed(file: Path) -> ast.Module | None:
    try:
        if file.stat().st_size > _MOST_BYTES:
            return None
        return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


def _class(file: str, node: ast.ClassDef) -> _Class:
    words = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    words |= {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}
    return _Class(
        file,
        node.name,
        frozenset(_last_word(base) for base in node.bases),
        frozenset(words),
        _needs_arguments(node),
    )


def _last_word(node: ast.expr) -> str:
    return ast.unparse(node).partition("[")[0].rpartition(".")[2]


def _needs_arguments(node: ast.ClassDef) -> bool:
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            given = each.args
            positional = [*given.posonlyargs, *given.args][1:]
            missing = len(positional) > len(given.defaults)
            return missing or any(default is None for default in given.kw_defaults)
    return False


def _networks(classes: list[_Class]) -> list[_Class]:
    """Those that inherit from ``Module``, through each other too."""
    names = {"Module", "LightningModule"}
    while True:
        more = {each.name for each in classes if each.bases & names} - names
        if not more:
            return [each for each in classes if each.name in names]
        names |= more


def _runs_when_imported(tree: ast.Module) -> bool:
    return any(_runs(node) for node in tree.body)


def _runs(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call | ast.Await)
    if isinstance(node, ast.If) and "__name__" in _names(node.test):
        return False
    if isinstance(node, ast.If | ast.Try):
        return any(_runs(each) for each in ast.iter_child_nodes(node) if isinstance(each, ast.stmt))
    return isinstance(node, _RUNS)


def _names(node: ast.AST) -> Iterator[str]:
    return (each.id for each in ast.walk(node) if isinstance(each, ast.Name))
