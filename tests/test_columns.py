"""Every column adds up to its total, at any depth."""

from __future__ import annotations

import pytest

from stitchcli import inspect
from stitchcli.records import COLUMNS

NETWORKS = [
    "unet", "unet-transposed", "unet-valid", "resnet18", "vit", "csp",
    "torchvision:swin_t", "torchvision:googlenet", "transformers:BertModel", "timm:convnext_tiny",
]  # fmt: skip
ASKED = [name for name in COLUMNS if name != "seconds"]


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("name", NETWORKS)
def test_columns_add_up(name: str, depth: int) -> None:
    report = inspect(name, device="meta", depth=depth, columns=ASKED)
    rows, total = report.stages, report.result
    assert sum(row.params.result for row in rows) == total.params
    assert sum(row.trainable.result for row in rows) == total.trainable
    assert sum(row.buffers.result for row in rows) == total.buffers
    assert sum(row.weight_bytes.result for row in rows) == sum(total.weight_bytes.values())
    assert sum(row.macs.result for row in rows) == total.macs == sum(total.macs_by_op.values())
    assert sum(row.moved.result for row in rows) == total.moved
    assert max(row.peak.result for row in rows) == total.peak
