"""The same work inside one process: inside.py NETWORK REPEATS, seconds as JSON.

The first call of each tool, and the median of those after it, by turns with a bare forward.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from statistics import median

import torch
from torch import Tensor, nn
from work import PEERS, forward, prepared

from stitchcli import inspect
from stitchcli.records import TensorSpec
from stitchcli.tracing.trace import trace


def by_trace(network: nn.Module, x: Tensor) -> None:
    """stitch's trace: calls, shapes, costs, provenance."""
    trace(network, [TensorSpec(tuple(x.shape))])


def by_inspect(network: nn.Module, x: Tensor) -> None:
    """All of stitch: the trace, the rules, the report."""
    inspect(network, input=tuple(x.shape))


TOOLS = {"bare forward": forward, "stitch trace": by_trace, "stitch inspect": by_inspect, **PEERS}


def main(name: str, repeats: int) -> dict[str, tuple[float, float]]:
    """First and later seconds of each tool that works."""
    network, x = prepared(name, "cpu")
    seconds: dict[str, list[float]] = {}
    for turn in range(1 + repeats):
        for tool, work in TOOLS.items():
            if turn and tool not in seconds:
                continue
            begin = time.perf_counter()
            try:
                work(network, x)
            except Exception:
                continue
            seconds.setdefault(tool, []).append(time.perf_counter() - begin)
    return {tool: (each[0], median(each[1:])) for tool, each in seconds.items()}


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    torch.manual_seed(0)
    found = main(sys.argv[1], int(sys.argv[2]))
    sys.stdout.write("\n" + json.dumps(found))
