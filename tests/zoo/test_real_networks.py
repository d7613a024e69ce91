"""Networks that nobody here wrote: parameters exact, MACs as torch counts them."""

from __future__ import annotations

import pytest
from accuracy.counters import by_torch, inputs_of, specs_at
from accuracy.networks import NETWORKS, Net

from stitchcli import inspect

#: Enough of each kind for every run of the tests; of packages that these have.
SAMPLE = {
    "torchvision:resnet50", "torchvision:vit_b_16", "torchvision:swin_t", "timm:convnext_tiny",
    "timm:efficientnet_b0", "monai:UNet", "diffusers:UNet2DModel", "transformers:BertModel",
    "transformers:SegformerModel", "transformers:MixtralModel", "transformers:LlamaForCausalLM",
}  # fmt: skip


def check(net: Net) -> None:
    report = inspect(net.target, arguments=net.arguments, input=inputs_of(net), device="meta")
    ours = report.result
    assert not report.has_errors and not ours.uncounted
    assert (ours.params, ours.macs) == by_torch(net)
    if net.giga_macs is not None:
        assert ours.macs / 1e9 == pytest.approx(net.giga_macs, abs=5e-5)

    def macs(batch: int, device: str = "meta", mode: str = "eval") -> int:
        specs = specs_at(ours.inputs, batch)
        found = inspect(net.target, arguments=net.arguments, input=specs, device=device, mode=mode)  # type: ignore[arg-type]
        assert not found.has_errors
        return found.result.macs

    assert macs(1, "cpu") == ours.macs
    double = macs(2)
    assert (double == 2 * ours.macs) == (not net.batch)
    assert (macs(2, mode="train") == double) == (not net.train)


@pytest.mark.parametrize("net", [net for net in NETWORKS if net.name in SAMPLE], ids=str)
def test_sample(net: Net) -> None:
    check(net)


@pytest.mark.zoo
@pytest.mark.parametrize("net", [net for net in NETWORKS if net.name not in SAMPLE], ids=str)
def test_sweep(net: Net) -> None:
    check(net)


@pytest.mark.parametrize(
    "target", ["torchvision:resnet18", "timm:mobilenetv3_small_100", "transformers:ViTModel"]
)
def test_edits_on_networks_of_others(target: str) -> None:
    report = inspect(target, ["--replace act=SiLU"], device="meta")
    assert len(report.applied[0].matched) > 5 and not report.has_errors
    assert report.result.params == report.base.params
