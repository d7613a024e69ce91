"""``assert_budget``: what ``stitch check`` holds a network to, in a test."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from torch import nn

from stitchcli.api import Input, inspect
from stitchcli.checking.hold import hold
from stitchcli.checking.measure import against_report, facts_of
from stitchcli.config.found import Source
from stitchcli.config.project import read_project
from stitchcli.errors import StitchError
from stitchcli.formats.check.words import sentence, why_text, why_title
from stitchcli.records import METRICS, Checked, Edit, Grade, ModelCheck, Outcome, Verdict

#: An integer, ``"1.7M"``, or a table such as ``{"max": "1.7M", "max-increase": "2%"}``.
Bound = int | str | Mapping[str, Any]


def assert_budget(
    network: nn.Module | str,
    *,
    params: Bound | None = None,
    trainable: Bound | None = None,
    buffers: Bound | None = None,
    macs: Bound | None = None,
    flops: Bound | None = None,
    output_shape: str | Sequence[int] | Sequence[Sequence[int]] | None = None,
    limits: Mapping[str, Bound] | None = None,
    base: nn.Module | str | None = None,
    checkpoint_compatible: bool = False,
    faults: Grade = "error",
    uncounted_ops: Grade = "warn",
    edits: Sequence[str | Edit] = (),
    input: Input | Sequence[Input] | None = None,
    arguments: Mapping[str, Any] | None = None,
    mode: Literal["eval", "train"] = "eval",
    blocks: Sequence[str | PathLike[str]] = (),
) -> None:
    """Hold a live module (left as it was) or a target to a budget; it is measured on meta.

    A number alone is the most that is allowed. ``limits`` are those of subtrees, as
    ``{"params@down*": "1M"}``. ``base`` is another network, which ``max-increase`` and
    ``checkpoint_compatible`` compare with; ``arguments`` are those of both, where they are targets.
    Raises AssertionError that tells every check that failed
    or could not be measured, and why; StitchError where the network could not be measured at all,
    or there is no budget. What only warns is a UserWarning.
    """
    __tracebackhide__ = True
    name = network if isinstance(network, str) else type(network).__name__
    given = {"params": params, "trainable": trainable, "buffers": buffers, "macs": macs,
             "flops": flops, "output-shape": _plain(output_shape), **(limits or {})}  # fmt: skip
    if twice := set(METRICS) & set(limits or {}):
        raise StitchError(f"limits has {min(twice)}", "give it as an argument; limits has subtrees")
    budget = {key: _plain(value) for key, value in given.items() if value is not None}
    budget["checkpoint-compatible"] = checkpoint_compatible
    model = replace(_model(budget, faults, uncounted_ops), name=name)
    report = inspect(
        network, edits, input=input, arguments=arguments, device="meta", mode=mode, blocks=blocks
    )
    against = None
    if base is not None:
        specs = input if input is not None else list(report.result.inputs)
        shared = arguments if isinstance(base, str) else None
        before = inspect(
            base, input=specs, arguments=shared, device="meta", mode=mode, blocks=blocks
        )
        against = against_report("base", before, report, model.selectors)
    checked = hold(model, Outcome(facts_of(report, model.selectors)), against)
    wrong = [each for each in checked.verdicts if each.status in ("fail", "unmeasured")]
    for verdict in checked.verdicts:
        if verdict.status in ("warn", "inherited"):
            warnings.warn(f"{name}: {_told(checked, verdict)}", stacklevel=2)
    if wrong:
        raise AssertionError("\n".join(f"{name}: {_told(checked, each)}" for each in wrong))


def _model(budget: dict[str, Any], faults: Grade, uncounted_ops: Grade) -> ModelCheck:
    """The budget, read as if it stood in a file. Raises StitchError."""
    table = {
        "faults": faults,
        "uncounted-ops": uncounted_ops,
        "model": [{"name": "network", "target": "network", "budget": budget}],
    }
    (model,) = read_project(Source(Path("assert_budget"), "", table)).models
    return model


def _plain(value: Any) -> Any:
    """What TOML would have in its place."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    return value


def _told(checked: Checked, verdict: Verdict) -> str:
    text = sentence(checked, verdict)
    if reasons := why_text(checked, verdict):
        text += f" ({why_title(checked, verdict).lower()}: {reasons})"
    return text
