"""The records are imported one file at a time, and all of them can be."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from stitchcli import records

FILES = sorted(Path(records.__file__).parent.glob("[a-z]*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_record_can_be_had(file: Path) -> None:
    own = import_module(f"stitchcli.records.{file.stem}")
    made = [n.name for n in ast.parse(file.read_text()).body if isinstance(n, ast.ClassDef)]
    assert made
    for name in made:
        assert getattr(records, name) is getattr(own, name)
        assert name in dir(records)


def test_no_other_name_is_one() -> None:
    assert not hasattr(records, "Recrod")
    for name in dir(records):
        assert getattr(records, name) is not None


def test_only_the_files_that_are_asked_for_are_imported() -> None:
    code = "from stitchcli.records import Grade; import sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    found = {name for name in run.stdout.split() if name.startswith("stitchcli.records.")}
    assert found == {"stitchcli.records.held"}
