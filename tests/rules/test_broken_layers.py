"""Break the width of a random layer: the report names it, and its first fix mends the network."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import nn

from stitchcli import StitchError, inspect
from stitchcli.records import Report, Set, Target, Trace
from stitchcli.rules.widths import set_in, set_out, width_in, width_out
from stitchcli.sources.load import load
from stitchcli.sources.network import Network
from stitchcli.surgery.copies import meta_copy
from stitchcli.surgery.rebuild import rebuild

NETWORKS: dict[str, dict[str, object]] = {
    "unet": {},
    "unet-transposed": {},
    "resnet18": {},
    "csp": {},
    "vit": {"depth": 2},
    "timm:resnet18": {},
    "timm:convnext_atto": {},
    "timm:vit_tiny_patch16_224": {"depth": 2},
    "timm:mobilenetv3_small_100": {},
    "monai.networks.nets:UNet": {
        "spatial_dims": 2, "in_channels": 1, "out_channels": 2,
        "channels": (16, 32, 64), "strides": (2, 2), "norm": "batch",
    },
    "transformers:ViTModel": {"num_hidden_layers": 2},
    "diffusers:AutoencoderKL": {},
}  # fmt: skip


@cache
def sound(name: str) -> tuple[Network, Trace]:
    network = load(Target(name, tuple(NETWORKS[name].items())), "meta")
    input = network.inputs if network.inputs else None
    return network, inspect(network.module, input=input, device="meta").base


def broken(name: str, index: int, side: str, factor: float) -> tuple[nn.Module, str]:
    """The network with one layer of another width, and the layer's path."""
    network, base = sound(name)
    layers = [
        layer
        for path, layer in base.layers.items()
        if layer.is_leaf
        and path in base.called
        and (width_in if side == "in" else width_out)(layer)
    ]
    layer = layers[index % len(layers)]
    attribute = (width_in if side == "in" else width_out)(layer)
    assert attribute is not None
    value = layer.attributes[attribute]
    old = value[-1] if isinstance(value, tuple) else value
    edits = (set_in if side == "in" else set_out)(layer, max(round(old * factor), 1))
    module = meta_copy(network.module)
    changes = {edit.attribute: edit.value for edit in edits if isinstance(edit, Set)}
    try:
        changed = rebuild(module.get_submodule(layer.path), changes, {})
    except StitchError:
        assume(False)
    parent, _, last = layer.path.rpartition(".")
    setattr(module.get_submodule(parent), last, changed)
    return module, layer.path


def names(report: Report) -> str:
    """All that the first diagnostic says."""
    first = report.diagnostics[0]
    words = [first.path, *first.consumers, *(origin for _, _, origin in first.operands)]
    words += [edit.where.words[-1].text for fix in first.fixes for edit in fix.edits]
    return " ".join([*words, *(label.text for label in first.secondary)])


@pytest.mark.parametrize("name", NETWORKS)
@given(
    index=st.integers(0, 10_000),
    side=st.sampled_from(["in", "out"]),
    factor=st.sampled_from([0.5, 1.25, 2]),
)
@settings(
    max_examples=3, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)  # fmt: skip
def test_the_layer_is_named_and_the_first_fix_works(
    name: str, index: int, side: str, factor: float
) -> None:
    module, path = broken(name, index, side, factor)
    _, base = sound(name)
    report = inspect(module, input=list(base.inputs), device="meta")
    assume(report.result.problems)  # a wider last layer is no fault
    assert report.has_errors
    assert path in names(report)
    faults = [each for each in report.diagnostics if each.severity == "error"]
    fix = report.together if len(faults) > 1 else faults[0].fixes[0]
    assert fix is not None and fix.verification is not None and fix.verification.ran
