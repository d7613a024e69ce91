"""Networks that nobody here wrote: parameters exact, MACs as the reference counts them.

The reference (giga multiply-accumulates) counts convolutions, matrix products and attention only;
two independent counters agree on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from oracles import torch_macs

from stitchcli import inspect
from stitchcli.records import Target
from stitchcli.sources.load import load


@dataclass(frozen=True)
class Net:
    """A target, its arguments, its input, and its MACs by the reference where that has them."""

    target: str
    arguments: dict[str, object] = field(default_factory=dict)
    input: str | None = None
    giga_macs: float | None = None


MONAI_UNET = {
    "spatial_dims": 2, "in_channels": 1, "out_channels": 2,
    "channels": (16, 32, 64, 128, 256), "strides": (2, 2, 2, 2),
}  # fmt: skip
SAMPLE = [
    Net("torchvision:resnet50", giga_macs=4.0892),
    Net("torchvision:vit_b_16", giga_macs=17.5638),
    Net("torchvision:swin_t", giga_macs=4.4906),
    Net("timm:convnext_tiny", giga_macs=4.4555),
    Net("timm:efficientnet_b0"),
    Net("monai.networks.nets:UNet", MONAI_UNET),
    Net("diffusers:UNet2DModel", {"sample_size": 32}),
    Net("transformers:BertModel"),
    Net("transformers:SegformerModel"),
]
SWEEP = [
    Net("segmentation_models_pytorch:Unet", {"encoder_weights": None}, "1x3x256x256", 7.8140),
    Net("ultralytics:yolov8n.yaml", giga_macs=4.3720),
    Net("ultralytics:yolo11n.yaml"),
    Net("torchvision:convnext_tiny", input="1x3x224x224", giga_macs=4.4555),
    Net("torchvision:densenet121"),
    Net("torchvision:deeplabv3_resnet50"),
    Net("torchvision:r3d_18"),
    Net("timm:swin_tiny_patch4_window7_224", giga_macs=4.4906),
    Net("timm:mixer_b16_224"),
    Net("timm:maxvit_tiny_tf_224"),
    Net("timm:xcit_tiny_12_p16_224"),
    Net("timm:regnety_016"),
    Net("transformers:ViTModel"),
    Net("transformers:GPT2Model"),
    Net("transformers:T5Model"),
    Net("transformers:CLIPModel"),
    Net("transformers:WhisperModel"),
    Net("transformers:Wav2Vec2Model"),
    Net("transformers:LlamaModel", {"num_hidden_layers": 2}),
    Net("diffusers:AutoencoderKL"),
    Net("diffusers:UNet2DConditionModel", {"sample_size": 32}),
    Net("monai.networks.nets:SegResNet"),
    Net("monai.networks.nets:SwinUNETR", {"in_channels": 1, "out_channels": 2}, "1x1x64x64x64"),
]


def check(net: Net) -> None:
    report = inspect(net.target, input=net.input, arguments=net.arguments, device="meta")
    network = load(Target(net.target, tuple(net.arguments.items())))
    unique = {id(p): p.numel() for p in network.module.parameters()}
    assert report.result.params == sum(unique.values())
    assert not report.has_errors and not report.result.uncounted
    if net.giga_macs is not None:
        assert report.result.macs / 1e9 == pytest.approx(net.giga_macs, abs=5e-5)
    specs = report.result.inputs
    tensors = [
        (torch.randn if spec.dtype == "float32" else torch.ones)(
            spec.shape, dtype=getattr(torch, spec.dtype)
        )
        for spec in specs
    ]
    named = {spec.name: tensor for spec, tensor in zip(specs, tensors, strict=True)}
    with network.user_code.active():
        assert report.result.macs == torch_macs(
            network.module, *(tensors if "" in named else ()), **({} if "" in named else named)
        )


@pytest.mark.parametrize("net", SAMPLE, ids=lambda net: net.target)
def test_sample(net: Net) -> None:
    check(net)


@pytest.mark.zoo
@pytest.mark.parametrize("net", SWEEP, ids=lambda net: net.target)
def test_sweep(net: Net) -> None:
    check(net)


@pytest.mark.parametrize(
    "target", ["torchvision:resnet18", "timm:mobilenetv3_small_100", "transformers:ViTModel"]
)
def test_edits_on_networks_of_others(target: str) -> None:
    report = inspect(target, ["--replace act=SiLU"], device="meta")
    assert len(report.applied[0].matched) > 5 and not report.has_errors
    assert report.result.params == report.base.params
