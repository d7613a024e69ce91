"""``stitch diff --format json``: the models of both sides, and what differs. Integers are exact."""

from __future__ import annotations

from typing import Any

from stitchcli.formats.diff.groups import group_text
from stitchcli.formats.json import document, dump, plain
from stitchcli.records import Checkpoint, Diff, Difference, Part, Renamed


def render_json(diff: Diff) -> str:
    """The whole diff as one JSON document, base's model first."""
    found = document("diff", [diff.base, diff.head], int(diff.has_errors))
    behaviour = diff.behaviour
    found["diff"] = {
        "differs": diff.differs,
        "changes": [_change(each) for each in diff.changes]
        + [_renamed(each) for each in diff.renames],
        "delta": {
            "params": diff.head.result.params - diff.base.result.params,
            "macs": diff.head.result.macs - diff.base.result.macs,
            "flops": diff.head.result.flops - diff.base.result.flops,
        },
        "checkpoint": _checkpoint(diff.checkpoint),
        "behaviour": None
        if behaviour is None
        else {
            "verdict": behaviour.verdict,
            # JSON has neither nan nor inf
            "largest": behaviour.largest if _is_finite(behaviour.largest) else None,
            "copied": behaviour.copied,
            "text": behaviour.text,
        },
        "notes": list(diff.notes),
    }
    return dump(found)


def _is_finite(value: float | None) -> bool:
    return value is not None and abs(value) < float("inf")


def _change(each: Difference) -> dict[str, Any]:
    return {
        "kind": each.kind,
        "base_path": each.base.path if each.base else None,
        "head_path": each.head.path if each.head else None,
        "base": _part(each.base),
        "head": _part(each.head),
        "values": [
            {"name": name, "base": plain(before), "head": plain(after)}
            for name, before, after in each.values
        ],
        "delta": {
            "params": each.delta_params,
            "macs": each.delta_macs,
            "flops": 2 * each.delta_macs,
        },
        "group": group_text(each),
    }


def _part(part: Part | None) -> dict[str, Any] | None:
    if part is None:
        return None
    return {
        "kind": part.kind,
        "block": part.block or None,
        "config": {name: plain(value) for name, value in part.config.items()},
        "inputs": [list(shape) for shape in part.inputs],
        "outputs": [list(shape) for shape in part.outputs],
        "params": part.params,
        "macs": part.macs,
    }


def _renamed(each: Renamed) -> dict[str, Any]:
    return {
        "kind": "renamed",
        "base_path": each.base,
        "head_path": each.head,
        "base": {"kind": each.kind, "config": {}},
        "head": {"kind": each.kind, "config": {}},
        "values": [],
        "delta": {"params": 0, "macs": 0, "flops": 0},
        "group": "renamed",
        "modules": each.modules,
        "tensors": each.tensors,
    }


def _checkpoint(found: Checkpoint) -> dict[str, Any]:
    return {
        "file": found.file or None,
        "kept": len(found.of("as_is")),
        "renamed": [{"base": a, "head": b} for a, b in found.mapping.items()],
        "missing": [each.key for each in found.of("missing")],
        "new": list(found.new),
        "shape_changed": [
            {
                "base": each.key,
                "head": each.head,
                "base_shape": list(each.shape),
                "head_shape": list(each.head_shape),
            }
            for each in found.of("reshaped")
        ],
        "mistaken": list(found.mistaken),
        "overwritten": list(found.overwritten),
        "percent": {
            "kept": found.percent("as_is"),
            "renamed": found.percent("renamed"),
            "shape_changed": found.percent("reshaped"),
            "missing": found.percent("missing"),
        },
    }
