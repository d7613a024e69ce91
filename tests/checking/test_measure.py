"""What is measured, against sums of our own over torch's modules and hooks."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from checking.conftest import Repo, Stitch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from stitchcli import inspect
from stitchcli.checking.jobs import Job
from stitchcli.checking.measure import facts_of
from stitchcli.checking.workers import run_jobs
from stitchcli.errors import EditError
from stitchcli.networks import BUILTINS
from stitchcli.records import ModelCheck, Target
from stitchcli.surgery.select import select
from stitchcli.words.selectors import parse_selector

SUBTREES = ("down*", "conv", "layer1", "type:Conv2d", "family:norm", "conv[k=1]", "blocks", "attn")


class Tied(nn.Module):
    """A weight with two names, a buffer, a layer that does not learn, a module that runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(8, 8, bias=False)
        self.two = nn.Linear(8, 8, bias=False)
        self.two.weight = self.one.weight
        self.frozen = nn.Linear(8, 4).requires_grad_(False)
        self.norm = nn.BatchNorm1d(4)
        self.own = nn.Parameter(torch.zeros(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.two(self.one(self.one(x)))
        return self.norm(self.frozen(x)) @ torch.diag(self.own)


def test_ties_buffers_and_runs() -> None:
    metrics = (
        "params@two", "params@frozen", "trainable@frozen", "buffers@norm", "macs@one", "flops@one",
        "macs@two", "params@type:Linear", "macs@type:Linear", "macs@op:matmul", "params@Tied",
        "macs@Tied",
    )  # fmt: skip
    report = inspect(Tied(), input="3x8", device="meta")
    facts = facts_of(report, metrics)
    assert not facts.measured.missing
    assert {name: facts.measured.values[name] for name in metrics} == {
        "params@two": 64, "params@frozen": 36, "trainable@frozen": 0, "buffers@norm": 9,
        "macs@one": 2 * 3 * 64, "flops@one": 4 * 3 * 64, "macs@two": 3 * 64,
        "params@type:Linear": 100, "macs@type:Linear": 3 * (3 * 64 + 32), "macs@op:matmul": 3 * 16,
        "params@Tied": report.result.params, "macs@Tied": report.result.macs,
    }  # fmt: skip
    assert facts.state["two.weight"] == "8x8" and facts.state["norm.num_batches_tracked"] == "()"
    assert sum(own.params for own in facts.modules.values()) == report.result.params == 64 + 36 + 12
    assert sum(own.trainable for own in facts.modules.values()) == 64 + 12
    assert sum(own.buffers for own in facts.modules.values()) == 9
    assert sum(own.macs for own in facts.modules.values()) == report.result.macs


@given(st.sampled_from(sorted(BUILTINS)), st.sampled_from(SUBTREES))
@settings(max_examples=20, deadline=None)
def test_subtrees_of_built_in_networks(name: str, selector: str) -> None:
    report = inspect(name, device="meta")
    metrics = tuple(f"{metric}@{selector}" for metric in ("params", "buffers", "macs"))
    facts = facts_of(report, metrics)
    try:
        paths = select(parse_selector(selector), report.result)
    except EditError:
        assert set(facts.measured.missing) == set(metrics)
        return
    layers = [path for path in paths if path in report.result.layers]
    if layers != list(paths):
        return
    inside = [w for w in report.result.weights if any(w.path.startswith(f"{p}.") for p in layers)]
    assert facts.measured.values[metrics[0]] == sum(w.count for w in inside if not w.is_buffer)
    assert facts.measured.values[metrics[1]] == sum(w.count for w in inside if w.is_buffer)
    own = sum(
        own.macs
        for path, own in facts.modules.items()
        if any(path == p or path.startswith(f"{p}.") for p in layers)
    )
    assert facts.measured.values[metrics[2]] == own
    pickle.loads(pickle.dumps(facts))


def test_the_child_says_what_inspect_says(tmp_path: Path) -> None:
    models = [ModelCheck(name, Target(name)) for name in ("resnet18", "vit", "csp")]
    outcomes = run_jobs([Job(model, tmp_path) for model in models], 2)
    for model, outcome in zip(models, outcomes, strict=True):
        report = inspect(model.name, device="meta")
        assert outcome.failure is None and outcome.facts is not None
        assert outcome.facts.measured.values["params"] == report.result.params
        assert outcome.facts.measured.values["macs"] == report.result.macs
        assert outcome.facts.document["result"]["params"] == report.result.params


def test_a_base_on_another_input(repo: Repo, stitch: Stitch) -> None:
    """Where the base does not take the input of today, its forward is compared with nothing."""
    source = (repo.folder / "models" / "unet.py").read_text()
    grey = source.replace("DoubleConv(3, w", "DoubleConv(1, w")
    text = (repo.folder / "stitch.toml").read_text().replace('input = "1x3x256x256"\n', "")
    text = text.replace('params = "1.7M"', 'params = "1.7M"\nmacs = { max-increase = "1%" }')
    repo.write("stitch.toml", text)
    repo.write("models/unet.py", grey)
    found = stitch("check", "--base", "main")
    assert found.code == 2 and "macs.max-increase: it was measured on another input" in found.out
