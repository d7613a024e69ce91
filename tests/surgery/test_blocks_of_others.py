"""Blocks that nobody here wrote, untouched, behind `down2` of the U-Net: which are taken, and why
each other is not."""

import re

import pytest
from zoo_stub import declare_torchvision

from stitchcli import inspect
from stitchcli.errors import StitchError
from stitchcli.records import Report

TAKEN = {
    "timm.layers": """
        Attention2d MultiQueryAttention2d MultiQueryAttentionV2 Attention AttentionRope Conv2dSame
        ConvBnAct ConvNormAct ConvNormActAa DiffAttention CecaModule EcaModule EvoNorm2dB0
        EvoNorm2dS0 FilterResponseNormAct2d GlobalContext LayerScale LayerScale2d MixedConv2d
        ConvMlp GatedMlp GluMlp Mlp SwiGLU NonLocalAttn GroupNorm LayerNorm LayerNorm2d RmsNorm
        RmsNorm2d SimpleNorm BatchNormAct2d GroupNormAct LayerNormAct SelectiveKernel
        SeparableConv2d SeparableConvNormAct SplitAttn EffectiveSEModule SEModule SqueezeExcite
        ScaledStdConv2d StdConv2d""",
    "monai.networks.blocks": """
        CABlock Convolution ResidualUnit CrossAttentionBlock MLPBlock SABlock SpatialAttentionBlock
        ChannelSELayer ResidualSELayer SEBlock TransformerBlock GCN Refine UnetOutBlock""",
    "monai.networks.blocks.dints_block": "ActiConvNormBlock FactorizedReduceBlock",
    "diffusers.models.attention": "BasicTransformerBlock FeedForward LuminaFeedForward",
    "diffusers.models.attention_processor": "Attention SanaMultiscaleLinearAttention",
    "diffusers.models.activations": "GEGLU LinearActivation SwiGLU",
    "diffusers.models.normalization": "FP32LayerNorm",
    "torchvision.ops.misc": "Conv2dNormActivation SqueezeExcitation",
}
NOT_TAKEN = {
    "timm.layers:CondConv2d": "its forward takes",  # routing weights, too
    "timm.layers:HybridEmbed": "'backbone'",
    "timm.layers:RelPosBias": "'window_size'",
    "timm.layers:AttentionPoolLatent": "unpack",  # many tokens become one
    "timm.layers:AttentionPool2d": "gives 1×256, and",
    "timm.layers:SelectAdaptivePool2d": "gives 1×256×1×1, and",
    "timm.layers:ClassifierHead": "'num_classes'",
    "monai.networks.blocks:DenseBlock": "'layers'",
    "monai.networks.blocks:CRF": "its forward takes",
    "monai.networks.blocks:SimpleASPP": "gives 1×1024×16×16, and",
    "monai.networks.blocks:UnetrPrUpBlock": "'num_layer'",
    "monai.networks.blocks:MedNeXtBlock": "conv3d expects",  # three dimensions by default
    "diffusers.models.resnet:ResnetBlock2D": "its forward takes",  # a time embedding, too
    "diffusers.models.normalization:AdaLayerNorm": "silu refuses",
    "diffusers.models.normalization:RMSNorm": "'eps'",
    "torchvision.ops.misc:MLP": "cannot be built|object is not|list|iterable",
    "torchvision.ops.feature_pyramid_network:FeaturePyramidNetwork": "'in_channels_list'",
}
NAMES = [f"{place}:{name}" for place, names in TAKEN.items() for name in names.split()]


@pytest.fixture(autouse=True, scope="module")
def _torchvision() -> None:
    declare_torchvision()


def put_in(name: str) -> Report:
    return inspect("unet", [f"--after down2={name}"], device="meta", input="1x3x64x64")


def test_most_are_taken() -> None:
    assert len(NAMES) >= 60 and len(set(NAMES)) == len(NAMES)
    assert len(NAMES) / (len(NAMES) + len(NOT_TAKEN)) > 0.75


@pytest.mark.parametrize("name", NAMES)
def test_taken(name: str) -> None:
    report = put_in(name)
    assert not report.has_errors
    assert report.result.params > report.base.params
    (item,) = report.applied
    assert [built.block for built in item.built] == [name]
    assert "down2" in report.result.called
    assert [spec.shape for spec in report.result.outputs] == [(1, 2, 64, 64)]


@pytest.mark.parametrize("name", NOT_TAKEN)
def test_not_taken_and_why(name: str) -> None:
    try:
        report = put_in(name)
    except StitchError as error:
        assert error.help
        assert re.search(NOT_TAKEN[name], error.message)
    else:
        assert report.has_errors
        assert any(re.search(NOT_TAKEN[name], each.title) for each in report.diagnostics)
