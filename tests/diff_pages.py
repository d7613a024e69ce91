"""Real pairs of networks, and how long an alignment takes: writes docs/diffs.md (`make diffs`)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import torch
from torch import nn
from zoo_stub import declare_torchvision

from stitchcli.comparing import compare
from stitchcli.difference import DiffRequest, diff_targets
from stitchcli.formats.diff import DIFF_FORMATS
from stitchcli.pipeline import Request
from stitchcli.records import Target, TensorSpec, Trace
from stitchcli.tracing.trace import trace

PAIRS = [
    ("ResNet-18 and ResNet-34", "torchvision:resnet18", "torchvision:resnet34"),
    ("ViT-B and ViT-L", "torchvision:vit_b_16", "torchvision:vit_l_16"),
    ("Two sizes of YOLOv8", "ultralytics:yolov8n.yaml", "ultralytics:yolov8s.yaml"),
    ("Two sizes of ConvNeXt", "timm:convnext_tiny", "timm:convnext_small"),
    ("The U-Net with transposed convolutions", "unet", "unet-transposed"),
    ("A narrow U-Net", "unet", "unet-narrow"),
    ("The unpadded U-Net", "unet", "unet-valid"),
]
HEAD = """# Differences between real networks

What `stitch diff` prints, on meta. Every page is checked when it is made: the changes' parameters
and MACs add up to the difference of the totals. `make diffs` makes this file.
"""
TIMES = """
## How long it takes

Two networks of 2,000 modules, aligned; loading and running them not included. Median of five.

| networks | modules | changes | seconds |
|---|--:|--:|--:|
"""


def page(title: str, base: str, head: str) -> str:
    """One pair of networks. Raises AssertionError where its changes do not add up."""
    found = diff_targets(DiffRequest(Target(base), Target(head), Request(device="meta")))
    one, other = found.base.result, found.head.result
    assert sum(each.delta_params for each in found.changes) == other.params - one.params
    assert sum(each.delta_macs for each in found.changes) == other.macs - one.macs
    text = DIFF_FORMATS["table"](found)
    return f"\n## {title}\n\n```\n$ stitch diff {base} {head}\n{text.rstrip()}\n```\n"


def layers(width: int, *, nested: bool, every: int = 0) -> nn.Module:
    """2,000 modules in a row, or four to a block; every n-th is another than it would be."""

    def layer(index: int) -> nn.Module:
        odd = every and index % every == 0
        return [nn.Linear(width, width), nn.ReLU(), nn.LayerNorm(width), nn.Dropout(0.1)][
            (index + bool(odd)) % 4
        ]

    if not nested:
        return nn.Sequential(*map(layer, range(2_000)))
    return nn.Sequential(
        *(nn.Sequential(*map(layer, range(at, at + 4))) for at in range(0, 1_600, 4))
    )


def distinct(rate: float) -> nn.Module:
    """2,000 modules in a row of which no two are equal."""
    return nn.Sequential(*(nn.Dropout(index / 3_000 + rate) for index in range(2_000)))


class Steps(nn.Module):
    """2,000 functional calls in one forward; every n-th is another than it would be."""

    def __init__(self, every: int = 0) -> None:
        super().__init__()
        self.every = every

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for index in range(1_000):
            x = x + (x.sin() if self.every and index % self.every == 0 else x.relu())
        return x


NETWORKS: list[tuple[str, Callable[[], nn.Module], Callable[[], nn.Module]]] = [
    ("equal", lambda: layers(8, nested=False), lambda: layers(8, nested=False)),
    ("every width changed", lambda: layers(8, nested=False), lambda: layers(16, nested=False)),
    ("every seventh replaced", lambda: layers(8, nested=False),
     lambda: layers(8, nested=False, every=7)),
    ("in blocks, every seventh replaced", lambda: layers(8, nested=True),
     lambda: layers(8, nested=True, every=7)),
    ("2,000 functional calls, every fourteenth another", Steps, lambda: Steps(7)),
    ("no two layers equal", lambda: distinct(0.0), lambda: distinct(1e-5)),
]  # fmt: skip


def traced(make: Callable[[], nn.Module]) -> Trace:
    with torch.device("meta"):
        module = make()
    width = next((m.in_features for m in module.modules() if isinstance(m, nn.Linear)), 8)
    return trace(module, [TensorSpec((1, width))], device="meta")


def timing(name: str, base: Callable[[], nn.Module], head: Callable[[], nn.Module]) -> str:
    """A row of the table of times."""
    one, other = traced(base), traced(head)
    seconds = []
    for _ in range(5):
        start = perf_counter()
        found = compare(one, other)
        seconds.append(perf_counter() - start)
    count = f"{len(one.layers):,} and {len(other.layers):,}"
    return f"| {name} | {count} | {len(found.changes):,} | {median(seconds):.2f} |\n"


def main(out: Path) -> None:
    """Write the file."""
    declare_torchvision()
    pages = [page(*pair) for pair in PAIRS]
    rows = [timing(*networks) for networks in NETWORKS]
    out.write_text(HEAD + "".join(pages) + TIMES + "".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
