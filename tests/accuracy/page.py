"""What each counter says of every network, as a page: python -m accuracy.page docs/accuracy.md."""

from __future__ import annotations

import logging
import multiprocessing
import platform
import sys
import warnings
from collections.abc import Mapping
from datetime import date
from importlib import metadata
from multiprocessing.connection import Connection
from pathlib import Path

from accuracy.machine import machine
from accuracy.networks import NETWORKS, Net
from zoo_stub import declare_torchvision

declare_torchvision()

from accuracy.counters import COUNTERS, Count  # noqa: E402

_SECONDS = 180
_PACKAGES = (
    "torch timm torchvision transformers diffusers monai segmentation_models_pytorch ultralytics "
    "torchinfo fvcore ptflops calflops thop"
).split()

_HEAD = """# Counts of real networks

Written by `make accuracy` on {date} ({machine}). Every figure was computed in that run.

Counted are multiply-accumulates of convolutions, matrix products, recurrent layers and attention.
Norms, activations, pooling, resampling and element-wise arithmetic count as none by definition,
and a causal mask saves nothing. The reference is torch's FlopCounterMode on real tensors, with
attention reduced to matrix products, recurrent layers taken apart and the fast path off. `make
zoo` holds stitch to it on every network here: difference 0, the same on cpu and meta, in eval and
in training mode, and double at twice the batch. {exceptions}

Columns of tools are their MACs beside the reference, in per cent: 0 is equal to the last unit, ≈0
rounds to 0.0. Up to about 2% is a matter of definition (norms, activations, biases); more is
attention, tokens or functional calls that a tool does not see, or sees twice. `stitch inspect
NETWORK --cross-check` says which.

{summary}

| network | kind | parameters | MACs | {tools} |
|---|---|--:|--:|{rules}|
"""


def main() -> None:
    """Count everything and write the page."""
    rows = {}
    for net in NETWORKS:
        rows[net] = {name: _apart(name, net) for name in COUNTERS}
        print(net.name, rows[net], flush=True)
    Path(sys.argv[1]).write_text(_page(rows), encoding="utf-8")


def _apart(name: str, net: Net) -> Count | str:
    """One count in a process of its own, so that no tool meets what another has left."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(theirs, name, net))
    process.start()
    theirs.close()
    try:
        found: Count | str = ours.recv() if ours.poll(_SECONDS) else f"no end after {_SECONDS} s"
    except EOFError:
        found = "the process died"
    process.kill()
    process.join()
    return found


def _send(connection: Connection, name: str, net: Net) -> None:
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    try:
        connection.send(COUNTERS[name](net))
    except BaseException as error:
        text = (str(error).strip().splitlines() or [""])[0][:100]
        connection.send(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def _page(rows: Mapping[Net, Mapping[str, Count | str]]) -> str:
    tools = [name for name in COUNTERS if name != "torch"]
    head = _HEAD.format(
        date=date.today().isoformat(), machine=machine(), exceptions=_exceptions(),
        summary=_summary(rows, tools),
        tools=" | ".join(tools), rules="--:|" * len(tools),
    ).replace("||\n", "|\n")  # fmt: skip
    lines, notes = [], list[str]()
    for net, counts in rows.items():
        reference = counts["torch"]
        assert not isinstance(reference, str), f"{net.name}: {reference}"
        cells = [_beside(counts[name], reference, net.name, name, notes) for name in tools]
        params, macs = reference
        lines.append(f"| {net.name} | {net.kind} | {params:,} | {macs:,} | {' | '.join(cells)} |")
    numbered = "".join(f"{index + 1}. {note}\n" for index, note in enumerate(notes))
    return f"{head}{_joined(lines)}\n\n## Notes\n\n{numbered}\n{_versions()}\n"


def _joined(lines: list[str]) -> str:
    return "\n".join(lines)


def _beside(count: Count | str, reference: Count, network: str, tool: str, notes: list[str]) -> str:
    """MACs in per cent of the reference; a note where a tool failed or has other parameters."""
    if isinstance(count, str):
        notes.append(f"{tool} on {network}: {count}")
        return f"failed ({len(notes)})"
    params, macs = count
    text = _percent(macs, reference[1])
    if params != reference[0]:
        notes.append(f"{tool} on {network}: {params:,} parameters for {reference[0]:,}")
        text += f" ({len(notes)})"
    return text


def _percent(count: int, reference: int) -> str:
    if count == reference:
        return "0"
    percent = 100 * (count - reference) / reference
    return "≈0" if abs(percent) < 0.05 else f"{'+' if percent > 0 else '−'}{abs(percent):.1f}"


def _summary(rows: Mapping[Net, Mapping[str, Count | str]], tools: list[str]) -> str:
    lines = [
        "| tool | equal | within 2% | worst | parameters right | failed |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name in tools:
        pairs = [(counts[name], counts["torch"]) for counts in rows.values()]
        good = [(c, r) for c, r in pairs if not isinstance(c, str) and not isinstance(r, str)]
        off = [(c[1] - r[1]) / r[1] for c, r in good]
        worst = max(off, key=abs, default=0.0)
        cells = (
            f"{sum(each == 0 for each in off)} of {len(pairs)}",
            str(sum(abs(each) <= 0.02 for each in off)),
            f"{100 * worst:+.1f}%".replace("-", "−") if worst else "0",
            str(sum(c[0] == r[0] for c, r in good)),
            str(len(pairs) - len(good)),
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _exceptions() -> str:
    """The networks that are rightly otherwise."""
    lines = [f"{net.name} {why}" for net in NETWORKS for why in (net.train, net.batch) if why]
    lines += [
        f"in {net.name} {net.beyond:,} MACs of ops unknown to torch's counter are by hand"
        for net in NETWORKS
        if net.beyond
    ]
    return f"Exceptions: {'; '.join(lines)}."


def _versions() -> str:
    words = ", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES)
    return f"Python {platform.python_version()}, {words}."


if __name__ == "__main__":
    main()
