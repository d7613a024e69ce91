"""What looking for faults costs where there are none: a share of the trace itself."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import pytest

from stitchcli.filters import EVERYTHING, sift
from stitchcli.records import Audit, Target
from stitchcli.roots import merged
from stitchcli.rules import diagnose
from stitchcli.sources.load import load
from stitchcli.tracing import recorder
from stitchcli.tracing.trace import trace
from stitchcli.written.locate import all_located


@pytest.mark.parametrize("name", ["unet", "resnet50", "vit"])
def test_diagnostics_add_at_most_a_twentieth(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contracts run inside the trace, rules behind it: both are timed in the same run."""
    spent = [0.0]

    def timed(function: Any) -> Any:
        def run(*args: Any) -> Any:
            start = perf_counter()
            try:
                return function(*args)
            finally:
                spent[0] += perf_counter() - start

        return run

    monkeypatch.setattr(recorder, "check", timed(recorder.check))
    monkeypatch.setattr(recorder, "check_module", timed(recorder.check_module))
    network, shares = load(Target(name), "meta"), []
    for _ in range(6):
        spent[0], start = 0.0, perf_counter()
        found = trace(network.module, network.inputs or (), device="meta", built=network.built)
        bare = perf_counter() - start - spent[0]
        start = perf_counter()
        diagnostics = all_located(diagnose(Audit(found, found)), found, network.routes)
        merged(sift(found, diagnostics, EVERYTHING).kept, found)
        shares.append((spent[0] + perf_counter() - start) / bare)
    assert not diagnostics
    assert min(shares) < 0.05
