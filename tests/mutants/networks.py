"""The networks that are broken: real ones, from installed packages, and the built-ins."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from torch import nn

from stitchcli import inspect
from stitchcli.records import Target, Trace
from stitchcli.sources.load import load


@dataclass(frozen=True, eq=False)
class Subject:
    """A target, its arguments and its input. ``device`` is meta unless it needs numbers."""

    target: str
    arguments: dict[str, object] = field(default_factory=dict)
    input: str | None = None
    device: str = "meta"


_SMP = {"encoder_name": "resnet18", "encoder_weights": None}
_SMALL = "1x3x128x128"

BUILTINS = (
    Subject("unet", input=_SMALL),
    Subject("unet-transposed", input=_SMALL),
    Subject("resnet18", input=_SMALL),
    Subject("csp", input=_SMALL),
    Subject("vit", {"depth": 2}),
)
PACKAGES = (
    Subject("torchvision:resnet50", input=_SMALL),
    Subject("torchvision:mobilenet_v3_small", input=_SMALL),
    Subject("torchvision:googlenet", {"init_weights": False}, _SMALL),
    Subject("torchvision:shufflenet_v2_x0_5", input=_SMALL),
    Subject("torchvision:convnext_tiny", input=_SMALL),
    Subject("torchvision:swin_t", input="1x3x224x224"),
    Subject("torchvision:vit_b_16"),
    Subject("timm:efficientnet_b0", input=_SMALL),
    Subject("timm:regnety_002", input=_SMALL),
    Subject("timm:mixer_s16_224"),
    Subject("timm:pvt_v2_b0", input=_SMALL),
    Subject("timm:coat_lite_tiny"),
    Subject("segmentation_models_pytorch:Unet", _SMP, _SMALL),
    Subject("segmentation_models_pytorch:FPN", _SMP, _SMALL),
    Subject("segmentation_models_pytorch:DeepLabV3Plus", _SMP, _SMALL),
    Subject("segmentation_models_pytorch:UnetPlusPlus", _SMP, _SMALL),
    Subject(
        "monai.networks.nets:UNet",
        {"spatial_dims": 2, "in_channels": 1, "out_channels": 2, "channels": (16, 32, 64, 128),
         "strides": (2, 2, 2), "num_res_units": 2},
        "1x1x64x64",
    ),
    Subject(
        "monai.networks.nets:UNETR",
        {"in_channels": 1, "out_channels": 2, "img_size": (64, 64), "spatial_dims": 2,
         "feature_size": 8, "hidden_size": 96, "mlp_dim": 192, "num_heads": 4},
        "1x1x64x64",
    ),
    Subject(
        "monai.networks.nets:SwinUNETR",
        {"in_channels": 1, "out_channels": 2, "spatial_dims": 2, "feature_size": 12},
        "1x1x64x64",
    ),
    Subject("monai.networks.nets:SegResNet", {"spatial_dims": 3}, "1x1x32x32x32"),
    Subject(
        "diffusers:UNet2DModel",
        {"sample_size": 32, "block_out_channels": (32, 64, 64, 64), "norm_num_groups": 8},
    ),
    Subject("diffusers:AutoencoderKL"),
    Subject(
        "transformers:BertModel",
        {"num_hidden_layers": 2, "hidden_size": 128, "num_attention_heads": 4,
         "intermediate_size": 256},
    ),
    Subject("transformers:SegformerModel", input="pixel_values=1x3x128x128"),
    Subject("transformers:ViTModel", {"num_hidden_layers": 2}),
    Subject("transformers:T5Model", {"num_layers": 2}),
    Subject(
        "transformers:LlamaModel",
        {"num_hidden_layers": 2, "hidden_size": 128, "num_attention_heads": 4,
         "num_key_value_heads": 2, "intermediate_size": 256, "vocab_size": 1000},
    ),
    Subject("ultralytics:yolov8n.yaml", input=_SMALL, device="cpu"),
)  # fmt: skip
SUBJECTS = BUILTINS + PACKAGES


@cache
def module_of(subject: Subject, device: str) -> nn.Module:
    """The sound network; mutants are made of copies."""
    return load(Target(subject.target, tuple(subject.arguments.items())), device).module


@cache
def base_of(subject: Subject) -> Trace:
    """The sound network's trace."""
    target = Target(subject.target, tuple(subject.arguments.items()))
    known = load(target, subject.device).inputs
    input = subject.input or (list(known) if known else None)
    return inspect(module_of(subject, subject.device), input=input, device=subject.device).base
