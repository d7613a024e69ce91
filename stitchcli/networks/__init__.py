"""The built-in base networks, by name. Importing this module does not import torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Builtin:
    """Where a base network is built, and what it is fed by default.

    `factory` reads "module:callable"; `input_shape` is `(B, C, H, W)`.
    """

    factory: str
    input_shape: tuple[int, ...]
    title: str


BUILTINS: dict[str, Builtin] = {
    "unet": Builtin(
        "stitchcli.networks.unet:unet",
        (1, 3, 256, 256),
        "U-Net, bilinear upsampling",
    ),
    "unet-transposed": Builtin(
        "stitchcli.networks.unet:unet_transposed",
        (1, 3, 256, 256),
        "U-Net, transposed convolutions, bottleneck of 1024",
    ),
    "unet-narrow": Builtin(
        "stitchcli.networks.unet:unet_narrow",
        (1, 3, 256, 256),
        "U-Net, bilinear upsampling, convolutions without bias",
    ),
    "unet-valid": Builtin(
        "stitchcli.networks.unet_valid:UNetValid",
        (1, 3, 572, 572),
        "U-Net, unpadded convolutions",
    ),
    "vit": Builtin(
        "stitchcli.networks.vit:VisionTransformer",
        (1, 3, 224, 224),
        "Vision Transformer, ViT-B/16",
    ),
    "resnet18": Builtin(
        "stitchcli.networks.resnet:resnet18",
        (1, 3, 224, 224),
        "ResNet-18, 1000 classes",
    ),
    "resnet50": Builtin(
        "stitchcli.networks.resnet:resnet50",
        (1, 3, 224, 224),
        "ResNet-50, 1000 classes",
    ),
    "csp": Builtin(
        "stitchcli.networks.csp:CSPBackbone",
        (1, 3, 256, 256),
        "CSP backbone, maps at strides 8, 16 and 32",
    ),
}
