"""Commands that need no torch, in a project with a baseline."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.clock import ENVIRONMENT, python, stitch

_SETTINGS = """[[model]]
name = "unet"
target = "unet"
input = "1x3x64x64"

[model.budget]
params = "20M"
"""

COMMANDS: dict[str, Sequence[str]] = {
    "python -c pass": python("-c", "pass"),
    "stitch --help": stitch("--help"),
    "stitch inspect --help": stitch("inspect", "--help"),
    "a usage error": stitch("inspect", "--foo"),
    "stitch explain ST101": stitch("explain", "ST101"),
    "stitch blocks list": stitch("blocks", "list"),
    "stitch baseline show": stitch("baseline", "show"),
    "completion": ["env", "_STITCH_COMPLETE=complete_bash", "COMP_WORDS=stitch inspect un",
                   "COMP_CWORD=2", *stitch()],
}  # fmt: skip


def project(folder: Path) -> None:
    """A folder with settings and a baseline that was accepted."""
    (folder / "stitch.toml").write_text(_SETTINGS)
    subprocess.run(
        stitch("baseline", "accept"), cwd=folder, env=ENVIRONMENT, check=True, capture_output=True
    )
