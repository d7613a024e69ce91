"""The published figures, from flags alone, to the digit."""

from __future__ import annotations

import pytest

from stitchcli import inspect

DEPTHWISE = "--replace conv=dwconv"
MSCA = "--after 'down*=msca'"


@pytest.mark.parametrize(
    ("name", "arguments", "edits", "params"),
    [
        ("unet", {}, [], 13_395_394),
        ("unet", {"num_classes": 1}, [], 13_395_329),
        ("unet", {}, [DEPTHWISE], 1_538_971),
        ("unet", {}, [DEPTHWISE, MSCA], 3_516_699),
        ("unet-transposed", {}, [], 31_037_698),
        ("unet-transposed", {"num_classes": 1}, [], 31_037_633),
        ("unet-narrow", {}, [], 17_263_042),
        ("unet-narrow", {"num_classes": 1}, [], 17_262_977),
        ("unet-valid", {}, [], 31_155_586),
        ("vit", {}, [], 85_798_656),
        ("vit", {"num_classes": 21_843, "representation_size": 768}, [], 103_186_515),
        ("resnet18", {}, [], 11_689_512),
        ("resnet50", {}, [], 25_557_032),
    ],
)
def test_parameters(name: str, arguments: dict[str, int], edits: list[str], params: int) -> None:
    report = inspect(name, edits, arguments=arguments, device="meta")
    assert report.result.params == params
    assert not report.has_errors


@pytest.mark.parametrize("name", ["unet", "unet-valid", "vit", "resnet50", "csp"])
@pytest.mark.parametrize("depth", [None, 1, 2, 3, 9])
def test_every_column_adds_up_to_its_total(name: str, depth: int | None) -> None:
    edits = ["--replace family:conv=groupconv", "--replace family:act=SiLU"]
    edits = edits[:1] if name in ("vit",) else edits
    report = inspect(name, edits, device="meta", depth=depth)
    rows = report.stages
    assert sum(row.params.base for row in rows) == report.base.params
    assert sum(row.params.result for row in rows) == report.result.params
    assert sum(row.macs.base for row in rows) == report.base.macs
    assert sum(row.macs.result for row in rows) == report.result.macs
