"""Timing commands by turns, so that what disturbs one disturbs all."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
#: Compiled files are kept, as they are for whoever installs the tools.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT["PYTHONPATH"] = str(ROOT / "tests" / "bench")


def python(*words: str) -> list[str]:
    """A command of this Python."""
    return [sys.executable, *words]


def stitch(*words: str) -> list[str]:
    """A command of stitch, as it is installed."""
    return [str(BIN / "stitch"), *words]


def run(command: Sequence[str], cwd: Path = ROOT, **more: str) -> tuple[float, bool]:
    """Seconds of a command, and whether it did its work."""
    begin = time.perf_counter()
    done = subprocess.run(
        command, cwd=cwd, env=ENVIRONMENT | more, capture_output=True, check=False
    )
    return time.perf_counter() - begin, done.returncode == 0


def by_turns(
    commands: Mapping[str, Sequence[str]], repeats: int, cwd: Path = ROOT
) -> dict[str, float]:
    """Median seconds of each command that does its work, after a run that is thrown away."""
    working = {name: command for name, command in commands.items() if run(command, cwd)[1]}
    seconds: dict[str, list[float]] = {name: [] for name in working}
    for _ in range(repeats):
        for name, command in working.items():
            seconds[name].append(run(command, cwd)[0])
    return {name: median(each) for name, each in seconds.items()}


def peak_memory(command: Sequence[str]) -> tuple[float, int]:
    """Seconds of a command and the most bytes that its process held."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return time.perf_counter() - begin, _bytes(usage)


def _bytes(usage: resource.struct_rusage) -> int:
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
