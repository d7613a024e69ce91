"""Shared helpers: networks on meta, traced without a device's help."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from zoo_stub import declare_torchvision

from stitchcli.records import Target, TensorSpec, Trace
from stitchcli.sources.load import load
from stitchcli.tracing.trace import trace

declare_torchvision()

# Run in the background, tests would ignore these, and so would every process that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def traced() -> Callable[..., Trace]:
    """A built-in network's trace."""

    def run(name: str, device: str = "meta", shape: tuple[int, ...] | None = None) -> Trace:
        network = load(Target(name), device)
        inputs = (TensorSpec(shape),) if shape else network.inputs or ()
        return trace(network.module, inputs, device=device, built=network.built)

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """A model file as a user would have it."""

    def make(source: str, name: str = "model.py") -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(source), encoding="utf-8")
        return file

    return make
