"""Running the program, in this process or in one of its own."""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width: int = 8, wrong: int = 0) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, width, 3, padding=1)
        self.last = nn.Conv2d(width + wrong, 2, 1)

    def forward(self, x):
        return self.last(self.first(x))
"""
FILES = {
    "net.py": NET,
    "noisy.py": NET.replace(
        "return", "print('from forward'); import os; os.write(1, b'raw'); return"
    )
    + "print('from import')\n",
    "exits.py": "import sys\nsys.exit(0)\n",
    "raises.py": NET.replace("return", "raise ValueError('of its own'); return"),
    "leaves.py": NET.replace("return", "raise SystemExit; return"),
    "stopped.py": NET.replace("return", "raise KeyboardInterrupt; return"),
    "syntax.py": "def (:\n",
}


@dataclass(frozen=True)
class Result:
    """What one run of the program gave."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


class _Stream(io.TextIOWrapper):
    """Like a pipe: it has no descriptor of its own here, and keeps what is written."""

    def __init__(self, encoding: str, errors: str = "strict") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, errors=errors, write_through=True)

    @property
    def text(self) -> str:
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode(self.encoding)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a few networks in it."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def stitch(here: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``stitch inspect`` in this process, as the installed script would."""

    def run(*words: str, encoding: str = "utf-8", command: str = "inspect") -> Result:
        return run_stitch(monkeypatch, [*([command] if command else []), *words], encoding)

    return run


def run_stitch(
    monkeypatch: pytest.MonkeyPatch, words: Sequence[str], encoding: str = "utf-8"
) -> Result:
    """Run the program in this process."""
    from stitchcli.cli.main import run as main

    out, err = _Stream(encoding), _Stream(encoding, "backslashreplace")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", ["stitch", *words])
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        try:
            code = main()
        except SystemExit as error:
            code = int(error.code or 0)
    return Result(code, out.text, err.text)


def run_process(words: Sequence[str], env: Mapping[str, str] | None = None) -> Result:
    """Run a command in a process of its own."""
    done = subprocess.run(
        words, env={**os.environ, **(env or {})}, capture_output=True, timeout=60, check=False
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def unprivileged(*words: str) -> Result:
    """Run the program in a process that file modes hold for, also where the tests are root's."""
    lead: list[str] = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may read and write anything, and there is no setpriv")
        lead = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
    return run_process([*lead, sys.executable, "-m", "stitchcli", *words])


@pytest.fixture
def process(here: Path) -> Run:
    """Runs Python in a process of its own, in the working directory."""

    def run(*words: str, env: Mapping[str, str] | None = None) -> Result:
        return run_process([sys.executable, *words], env)

    return run
