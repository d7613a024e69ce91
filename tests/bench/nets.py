"""The networks that are timed, built alike for every tool; each is a target of stitch too."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))

#: What each is given; tokens where the sizes are two.
INPUTS: dict[str, tuple[int, ...]] = {
    "unet": (1, 3, 256, 256),
    "resnet50": (1, 3, 224, 224),
    "vit_b_16": (1, 3, 224, 224),
    "vit_l_16": (1, 3, 224, 224),
    "convnext_large": (1, 3, 224, 224),
    "yolov8n": (1, 3, 640, 640),
    "llama_7b": (1, 128),
    "llama_70b": (1, 128),
}
ON_CPU = [name for name, shape in INPUTS.items() if len(shape) == 4]


def unet() -> nn.Module:
    """The built-in one."""
    from stitchcli.networks.unet import unet as build

    return build()


def resnet50() -> nn.Module:
    """25.6M parameters."""
    return _torchvision("resnet50")


def vit_b_16() -> nn.Module:
    """86.6M parameters."""
    return _torchvision("vit_b_16")


def vit_l_16() -> nn.Module:
    """304M parameters."""
    return _torchvision("vit_l_16")


def convnext_large() -> nn.Module:
    """198M parameters."""
    return _torchvision("convnext_large")


def yolov8n() -> nn.Module:
    """3.2M parameters."""
    from ultralytics.nn.tasks import DetectionModel

    network: nn.Module = DetectionModel("yolov8n.yaml", verbose=False)
    return network


def llama_7b() -> nn.Module:
    """6.7G parameters."""
    return _llama()


def llama_70b() -> nn.Module:
    """70G parameters: the shape of the larger one, eight heads for keys and values."""
    return _llama(
        hidden_size=8192, intermediate_size=28672, num_hidden_layers=80,
        num_attention_heads=64, num_key_value_heads=8,
    )  # fmt: skip


def _llama(**config: Any) -> nn.Module:
    from zoo_stub import declare_torchvision

    declare_torchvision()
    from transformers import LlamaConfig, LlamaForCausalLM

    network: nn.Module = LlamaForCausalLM(LlamaConfig(**config))
    return network


def _torchvision(name: str) -> nn.Module:
    from zoo_stub import declare_torchvision

    declare_torchvision()
    import torchvision

    network: nn.Module = getattr(torchvision.models, name)()
    return network
