"""Time and memory of stitch beside other tools': python -m bench.run docs/speed.md."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from importlib import metadata
from pathlib import Path

from accuracy.machine import machine
from bench import nets, quick
from bench.clock import ENVIRONMENT, ROOT, by_turns, peak_memory, python, stitch

_REPEATS = 5
_LARGE = ("vit_l_16", "convnext_large")
_PEERS = ("torchinfo", "fvcore", "ptflops", "calflops", "thop")
_FLOOR, _LEFT = "floor", "floor, left at once"
Seconds = Mapping[str, float]

_HEAD = """# Speed

Written by `make bench` on {date} ({machine}). Each figure is the median of {repeats} runs that
were taken by turns, so that what disturbs one tool disturbs all; ratios are what counts. Every
figure was computed in that run.

The **floor** is a bare script: it imports torch, builds the network and runs one forward. A
Python process that has imported torch spends some 0.3 s on taking it apart when it ends; stitch
writes its report and leaves at once, so a floor that does so too stands beside it.

{aims}
"""


def main() -> None:
    """Measure everything and write the page."""
    on_cpu = {name: _processes(name, "cpu", _PEERS) for name in nets.ON_CPU}
    on_meta = {name: _processes(name, "meta", ()) for name in nets.INPUTS if name != "llama_70b"}
    inside = {name: _inside(name) for name in nets.ON_CPU}
    with tempfile.TemporaryDirectory() as folder:
        quick.project(Path(folder))
        commands = by_turns(quick.COMMANDS, 2 * _REPEATS, Path(folder))
    memory = {name: peak_memory(_stitch(name, "meta")) for name in ("llama_7b", "llama_70b")}
    bare = peak_memory(python("-c", "import torch"))
    head = _HEAD.format(
        date=date.today().isoformat(), machine=machine(), repeats=_REPEATS,
        aims=_aims(on_cpu, on_meta, inside, memory, bare, commands),
    )  # fmt: skip
    parts = [
        head,
        "## Whole process on cpu, seconds\n",
        _table(("network", _FLOOR, _LEFT, "stitch", *_PEERS, "stitch / floor"), on_cpu),
        "\n## Whole process on meta, seconds\n",
        _table(("network", _FLOOR, _LEFT, "stitch", "stitch / floor"), on_meta),
        "\n## Inside one process on cpu, milliseconds: first call, then later ones\n",
        _inside_table(inside),
        "\n## Language models on meta\n",
        _memory_table(memory, bare),
        "\n## Commands without torch, milliseconds\n",
        "| command | |\n|---|--:|\n"
        + "".join(f"| `{name}` | {1000 * each:.0f} |\n" for name, each in commands.items()),
        _versions(),
    ]
    Path(sys.argv[1]).write_text("\n".join(parts), encoding="utf-8")


def _stitch(name: str, device: str) -> Sequence[str]:
    shape = nets.INPUTS[name]
    words = "x".join(map(str, shape)) + (":int64" if len(shape) == 2 else "")
    return stitch("inspect", f"tests/bench/nets.py:{name}", "--device", device, "--input", words)


def _processes(name: str, device: str, peers: Sequence[str]) -> Seconds:
    scripts = {
        tool: python("tests/bench/work.py", tool, name, device) for tool in (_FLOOR, _LEFT, *peers)
    }
    found = by_turns({**scripts, "stitch": _stitch(name, device)}, _REPEATS)
    print(name, device, found, flush=True)
    return found


def _inside(name: str) -> Mapping[str, Sequence[float]]:
    done = subprocess.run(
        python("tests/bench/inside.py", name, str(_REPEATS + 2)),
        cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: Mapping[str, Sequence[float]] = json.loads(done.stdout.splitlines()[-1])
    print(name, found, flush=True)
    return found


def _ratio(seconds: Seconds) -> float | None:
    return seconds["stitch"] / seconds[_FLOOR] if _FLOOR in seconds else None


def _aims(
    on_cpu: Mapping[str, Seconds],
    on_meta: Mapping[str, Seconds],
    inside: Mapping[str, Mapping[str, Sequence[float]]],
    memory: Mapping[str, tuple[float, int]],
    bare: tuple[float, int],
    commands: Seconds,
) -> str:
    """What was aimed at, what came of it, and whether that is it."""
    fastest = {name: min(each[p] for p in _PEERS if p in each) for name, each in on_cpu.items()}
    beside = [fastest[name] / each["stitch"] for name, each in on_cpu.items()]
    ahead = [fastest[name] / on_meta[name]["stitch"] for name in _LARGE]
    traces = {
        name: each["stitch trace"][1] / each["bare forward"][1] for name, each in inside.items()
    }
    cpu = max(filter(None, map(_ratio, on_cpu.values())))
    meta = max(filter(None, map(_ratio, on_meta.values())))
    seconds, size = memory["llama_7b"]
    rows = [
        ("whole process on cpu, of the floor", "at most 1.10", f"{cpu:.2f}", cpu <= 1.1),
        ("fastest peer on cpu, of stitch", "over 1", f"{min(beside):.2f}", min(beside) > 1),
        ("whole process on meta, of its floor", "at most 1.15", f"{meta:.2f}", meta <= 1.15),
        ("fastest peer on cpu, of stitch on meta, over 100M parameters", "at least 5",
         f"{min(ahead):.1f}", min(ahead) >= 5),
        ("trace inside a process, of a bare forward", "at most 1.25",
         ", ".join(f"{name} {each:.2f}" for name, each in traces.items()),
         max(traces.values()) <= 1.25),
        ("7B parameters on meta, over `import torch`", "under 5 s, 1.5 GB",
         f"{seconds - bare[0]:.1f} s, {(size - bare[1]) / 1e9:.2f} GB",
         seconds - bare[0] < 5 and size - bare[1] < 1.5e9),
        ("commands without torch", "under 150 ms", f"{1000 * max(commands.values()):.0f} ms",
         max(commands.values()) < 0.15),
    ]  # fmt: skip
    lines = ["| aim | | worst measured | met |", "|---|---|---|---|"]
    for what, aim, got, met in rows:
        lines.append(f"| {what} | {aim} | {got} | {'yes' if met else 'no'} |")
    return "\n".join(lines) + "\n"


def _table(columns: Sequence[str], rows: Mapping[str, Seconds]) -> str:
    lines = [f"| {' | '.join(columns)} |", "|---|" + "--:|" * (len(columns) - 1)]
    for name, seconds in rows.items():
        ratio = _ratio(seconds)
        cells = [f"{seconds[c]:.2f}" if c in seconds else "fails" for c in columns[1:-1]]
        lines.append(f"| {name} | {' | '.join(cells)} | {f'{ratio:.2f}' if ratio else ''} |")
    return "\n".join(lines) + "\n"


def _inside_table(rows: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    tools = list(dict.fromkeys(tool for each in rows.values() for tool in each))
    lines = [f"| network | {' | '.join(tools)} |", "|---|" + "--:|" * len(tools)]
    for name, each in rows.items():
        bare = each["bare forward"][1]
        cells = [
            f"{1000 * each[t][0]:.0f}, {1000 * each[t][1]:.0f} ({each[t][1] / bare:.2f})"
            if t in each else "fails" for t in tools
        ]  # fmt: skip
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n\nIn brackets: later calls, of a bare forward.\n"


def _memory_table(memory: Mapping[str, tuple[float, int]], bare: tuple[float, int]) -> str:
    lines = ["| network | seconds | over `import torch` | peak memory | over `import torch` |",
             "|---|--:|--:|--:|--:|"]  # fmt: skip
    for name, (seconds, size) in memory.items():
        lines.append(
            f"| {name} | {seconds:.1f} | {seconds - bare[0]:.1f} | {size / 1e9:.2f} GB "
            f"| {(size - bare[1]) / 1e9:.2f} GB |"
        )
    return "\n".join(lines) + "\n"


def _versions() -> str:
    packages = ("torch", "torchvision", "transformers", "ultralytics", *_PEERS)
    words = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    return f"Python {platform.python_version()}, {words}.\n"


if __name__ == "__main__":
    main()
