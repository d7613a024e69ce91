"""A repository with history, as people have it: a U-Net of 1,681,154 parameters on main, and a
change that makes it 1,865,474."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest
from cli.conftest import Result, run_stitch

UNET = Path(__file__).parent / "sample_unet.py"
SETTINGS = """\
base = "merge-base"

[[model]]
name = "unet"
target = "models/unet.py:UNet"
input = "1x3x256x256"

[model.budget]
params = "1.7M"
"""
NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.first = nn.Conv2d(3, width, 3, padding=1)
        self.last = nn.Conv2d(width, 2, 1)

    def forward(self, x):
        return self.last(self.first(x))
"""
Stitch = Callable[..., Result]


@dataclass(frozen=True)
class Repo:
    """A git repository to work in."""

    folder: Path

    def git(self, *words: str) -> str:
        """What git says."""
        config = ("-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")
        done = subprocess.run(
            ["git", *config, *words], cwd=self.folder, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, name: str, text: str) -> Path:
        """A file."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")
        return file

    def commit(self, text: str = "more") -> str:
        """All there is; the commit's short name."""
        self.git("add", "-A")
        self.git("commit", "-qm", text)
        return self.git("rev-parse", "--short", "HEAD")

    def grow(self) -> None:
        """Skips are concatenated instead of added."""
        text = UNET.read_text().replace(
            "DoubleConv(out_channels, out_channels)", "DoubleConv(2 * out_channels, out_channels)"
        )
        text = text.replace("from torch import nn", "import torch\nfrom torch import nn", 1)
        text = text.replace("skip + self.up(x)", "torch.cat([skip, self.up(x)], 1)")
        self.write("models/unet.py", text)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A repository without a commit, and the working directory."""
    for name in ("CI", "GITHUB_BASE_REF", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "repo"
    folder.mkdir()
    monkeypatch.chdir(folder)
    repo = Repo(folder)
    repo.git("init", "-q")
    return repo


@pytest.fixture
def repo(empty: Repo) -> Repo:
    """The repository on a branch that left main at its only commit."""
    empty.write("models/unet.py", UNET.read_text())
    empty.write("stitch.toml", SETTINGS)
    empty.commit("a U-Net")
    empty.git("checkout", "-qb", "change")
    return empty


@pytest.fixture
def stitch(monkeypatch: pytest.MonkeyPatch) -> Stitch:
    """Runs the program in this process."""
    return lambda *words: run_stitch(monkeypatch, words)
