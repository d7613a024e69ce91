"""The published figures, from flags alone, to the digit."""

from __future__ import annotations

import dataclasses

import pytest
from published_numbers import PUBLISHED, Published, main

from stitchcli import inspect


@pytest.mark.parametrize("each", PUBLISHED, ids=lambda each: f"{each.params:_}")
def test_published_numbers(each: Published) -> None:
    report = inspect(each.network, each.edits, device="meta")
    assert report.result.params == each.params
    dead = {("ST202", "up_conv4")} if each.network == "unet-valid" else set()
    assert {(d.code, d.path) for d in report.diagnostics} - {("ST204", "outc")} == dead
    shapes = {"unet": (1, 2, 256, 256), "unet-valid": (1, 2, 562, 562)}
    assert [tensor.shape for tensor in report.result.outputs] == [shapes[each.network]]
    size = 572 if each.network == "unet-valid" else 256
    assert [spec.shape for spec in report.result.inputs] == [(1, 3, size, size)]


def test_there_are_nine() -> None:
    assert len({each.params for each in PUBLISHED}) == len(PUBLISHED) == 9


def test_the_table_is_printed_and_a_difference_is_1(capsys: pytest.CaptureFixture[str]) -> None:
    right, wrong = PUBLISHED[0], dataclasses.replace(PUBLISHED[1], params=1_538_972)
    assert main([right]) == 0 and main([right, wrong]) == 1
    last = capsys.readouterr().out
    assert "--replace conv=dwconv" in last and "DIFFERS" in last
    assert "1,538,971" in last and "1,538,972" in last and "1 of 2" in last


@pytest.mark.parametrize(
    ("name", "arguments", "params"),
    [
        ("unet", {"num_classes": 1}, 13_395_329),
        ("unet-transposed", {}, 31_037_698),
        ("unet-transposed", {"num_classes": 1}, 31_037_633),
        ("unet-narrow", {}, 17_263_042),
        ("unet-narrow", {"num_classes": 1}, 17_262_977),
        ("vit", {}, 85_798_656),
        ("vit", {"num_classes": 21_843, "representation_size": 768}, 103_186_515),
        ("resnet18", {}, 11_689_512),
        ("resnet50", {}, 25_557_032),
    ],
)
def test_parameters(name: str, arguments: dict[str, int], params: int) -> None:
    report = inspect(name, arguments=arguments, device="meta")
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
