"""``--columns``, ``--time`` and ``--cross-check`` in every format."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stitchcli.records import COLUMNS

SMALL = ("net.py", "--input", "1x3x8x8")


def model(stitch: Any, *words: str) -> Any:
    result = stitch(*SMALL, *words, "--format", "json")
    return json.loads(result.out)["models"][0]


def test_nothing_more_is_measured_by_default(stitch: Any) -> None:
    found = model(stitch)
    assert found["seconds"] is None and found["cross_check"] == []
    assert found["result"]["activation_bytes"] is None
    assert all(row["seconds"] is None and row["moved_bytes"] is None for row in found["stages"])


def test_all_columns_are_exact_in_json(stitch: Any) -> None:
    found = model(stitch, "--columns", "all", "--time")
    rows, total = found["stages"], found["result"]
    assert sum(row["trainable"]["result"] for row in rows) == total["trainable"]
    assert sum(row["buffers"]["result"] for row in rows) == total["buffers"]
    assert sum(row["weight_bytes"]["result"] for row in rows) == sum(total["weight_bytes"].values())
    assert sum(row["moved_bytes"]["result"] for row in rows) == total["moved_bytes"]
    assert max(row["activation_bytes"]["result"] for row in rows) == total["activation_bytes"]
    assert 0 < found["timing"]["result"]["low"] <= found["seconds"]
    timed = [row["seconds"] for row in rows if row["kind"] and row["note"] != "never ran"]
    assert timed and None not in timed and min(timed) > 0


@pytest.mark.parametrize("format", ["table", "markdown"])
def test_people_read_a_column_and_a_total_of_each(stitch: Any, format: str) -> None:
    text = stitch(*SMALL, "--columns", "all", "--time", "--format", format).out
    assert all(text.count(name) >= 2 for name in COLUMNS)


def test_columns_may_be_given_in_several_ways(stitch: Any) -> None:
    one = stitch(*SMALL, "--columns", "moved,trainable").out
    assert one == stitch(*SMALL, "--columns", "trainable", "--columns", "moved").out
    assert "trainable" in one and "moved" in one and "intensity" not in one


def test_an_unknown_column_is_a_mistake(stitch: Any) -> None:
    result = stitch(*SMALL, "--columns", "memori")
    assert result.code == 2 and "memory" in result.err


def test_there_is_no_time_on_meta(stitch: Any) -> None:
    result = stitch(*SMALL, "--time", "--device", "meta")
    assert result.code == 2 and "no time to measure" in result.err


def test_reasons_add_up_in_json(stitch: Any) -> None:
    found = model(stitch, "--cross-check")
    assert [peer["tool"] for peer in found["cross_check"]] == ["torchinfo", "fvcore"]
    for peer in found["cross_check"]:
        for key in ("params", "macs"):
            because = sum(reason["amount"] for reason in peer[f"{key}_because"])
            assert peer[key] == found["result"][key] + because


@pytest.mark.parametrize("format", ["table", "markdown"])
def test_people_read_the_reasons(stitch: Any, format: str) -> None:
    text = stitch(*SMALL, "--cross-check", "--format", format).out
    assert "cross-check" in text and "torchinfo 1" in text and "counted" in text
