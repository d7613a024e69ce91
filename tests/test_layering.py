"""Who may import whom, as CONTRIBUTING.md draws it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "stitchcli"
FILES = sorted(path for path in PACKAGE.rglob("*.py"))
#: What a layer may use of ours, besides itself.
ALLOWED = {
    "records": set(),
    "errors": set(),
    "words": {"records", "errors"},
    "networks": set(),
    "usage": {"records"},
    "stages": {"records", "usage"},
    "budgets": {"records"},
    "toml_lines": set(),
    "versions": {"__version__"},
    "checking": {
        "budgets",
        "comparing",
        "config",
        "difference",
        "errors",
        "filters",
        "formats",
        "pipeline",
        "records",
        "sources",
        "surgery",
        "versions",
        "whole_files",
        "words",
    },
    "assertions": {"api", "checking", "config", "errors", "formats", "records"},
    "pytest_plugin": {"pytest_items"},
    "pytest_items": {"checking", "config", "errors", "records"},
    "rules": {"records", "words", "errors", "usage"},
    "lessons": {"errors", "words"},
    "comments": {"records"},
    "filters": {"comments", "errors", "lessons", "records", "words"},
    "formats": {"lessons", "records", "versions", "words"},
    "tracing": {"records", "errors"},
    "whole_files": {"errors"},
    "weight_files": {"errors", "records", "whole_files"},
    "behaviour": {"records", "tracing"},
    "comparing": {"errors", "records", "words"},
    "sources": {"records", "errors", "words", "networks", "tracing"},
    "evidence": set(),
    "binding": {"errors", "evidence", "records", "words"},
    "config": {"errors", "filters", "records", "toml_lines", "words"},
    "entries": {"words"},
    "library": {"entries", "errors", "words"},
    "catalog": {"entries", "errors", "library", "words", "sources"},
    "surgery": {"records", "errors", "words", "binding", "catalog", "syntax", "tracing"},
    "peers": {"records", "tracing"},
    "extras": {"errors", "peers", "records", "stages", "surgery", "tracing", "workbench"},
    "lazy": {"records", "errors", "sources", "surgery", "tracing"},
    "gradients": {"records", "surgery", "tracing"},
    "workbench": {
        "records",
        "errors",
        "words",
        "catalog",
        "gradients",
        "sources",
        "surgery",
        "tracing",
        "usage",
    },
    "checks": {"records", "errors", "gradients", "surgery", "tracing", "workbench"},
    "guess": {"tracing", "records", "errors", "workbench"},
    "trial": {"records", "errors", "filters", "rules", "sources", "workbench", "written"},
    "roots": {"records"},
    "sizes": {"errors", "records", "trial", "words", "workbench"},
    "fixes": {"records", "errors", "roots", "sizes", "surgery", "trial"},
    "syntax": {"records"},
    "written": {"records", "errors", "words", "sources", "surgery", "syntax", "tracing"},
    "patching": {"records", "errors", "roots", "sources", "trial", "workbench", "written"},
    "repair": {"records", "errors", "fixes", "sources", "syntax", "trial", "written"},
}
NO_TORCH = {
    "records",
    "errors",
    "words",
    "rules",
    "comparing",
    "formats",
    "stages",
    "whole_files",
    "usage",
    "binding",
    "budgets",
    "comments",
    "config",
    "entries",
    "evidence",
    "filters",
    "lessons",
    "library",
    "syntax",
    "toml_lines",
    "versions",
    "pytest_plugin",
    "pytest_items",
}


def layer(file: Path) -> str:
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(file: Path) -> set[str]:
    """Dotted names that a file imports, inside functions too."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_layers_keep_to_themselves(file: Path) -> None:
    name = layer(file)
    used = {word.split(".")[1] for word in imports(file) if word.startswith("stitchcli.")}
    if name in ALLOWED:
        assert used <= ALLOWED[name] | {name}
    if name in NO_TORCH:
        assert not any(word.split(".")[0] == "torch" for word in imports(file))
    if name != "cli":
        assert not any(word.split(".")[0] == "typer" for word in imports(file))


def test_the_package_itself_does_not_import_torch() -> None:
    code = "import stitchcli, stitchcli.cli.main, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
