"""Networks that nobody here wrote, of every kind, with random weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class Net:
    """A target, its constructor's arguments and its input, where the guess would not do.

    ``giga_macs`` is what two independent counters agreed on, to four places, where that was
    published for the network. ``train`` and ``batch`` say why the count in training mode, or at
    twice the batch, is rightly another one; nothing where it is the same, and double. ``beyond``
    are MACs, by hand, of ops that torch's counter knows nothing of.
    """

    kind: str
    target: str
    arguments: dict[str, Any] = field(default_factory=dict)
    input: str | None = None
    giga_macs: float | None = None
    train: str = ""
    batch: str = ""
    beyond: int = 0

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The target without the path to it."""
        package, _, name = self.target.partition(":")
        return f"{package.partition('.')[0]}:{name}"


_MONAI = {
    "spatial_dims": 2, "in_channels": 1, "out_channels": 2,
    "channels": (16, 32, 64, 128, 256), "strides": (2, 2, 2, 2),
}  # fmt: skip
_VOLUME = {"in_channels": 1, "out_channels": 2}
_GROUPED = {
    "hidden_size": 512, "intermediate_size": 1376, "num_hidden_layers": 4,
    "num_attention_heads": 8, "num_key_value_heads": 2,
}  # fmt: skip
_TOKENS = "input_ids=1x64:int64"
_SMALL = {
    "num_hidden_layers": 2, "hidden_size": 256, "num_attention_heads": 4,
    "intermediate_size": 512, "vocab_size": 1000,
}  # fmt: skip

#: The eight that the counters were first compared on.
EIGHT = [
    Net("convolutional", "torchvision:resnet50", giga_macs=4.0892),
    Net("transformer", "torchvision:vit_b_16", giga_macs=17.5638),
    Net("convolutional", "timm:convnext_tiny", giga_macs=4.4555),
    Net("transformer", "torchvision:swin_t", giga_macs=4.4906),
    Net("segmentation", "segmentation_models_pytorch:Unet", {"encoder_weights": None},
        "1x3x256x256", 7.8140),
    Net("segmentation", "monai.networks.nets:UNet", _MONAI),
    Net("diffusion", "diffusers:UNet2DModel", {"sample_size": 32}),
    Net("detection", "ultralytics:yolov8n.yaml", giga_macs=4.3720,
        train="decodes boxes in eval mode alone"),
]  # fmt: skip
MORE = [
    Net("convolutional", "timm:efficientnet_b0"),
    Net("convolutional", "torchvision:densenet121"),
    Net("convolutional", "timm:regnety_016"),
    Net("convolutional", "timm:mobilenetv3_small_100"),
    Net("convolutional", "torchvision:convnext_tiny", input="1x3x224x224", giga_macs=4.4555),
    Net("convolutional", "torchvision:shufflenet_v2_x1_0"),
    Net("transformer", "timm:swin_tiny_patch4_window7_224", giga_macs=4.4906),
    Net("transformer", "timm:maxvit_tiny_tf_224",
        batch="makes its position biases once for the batch"),
    Net("transformer", "timm:xcit_tiny_12_p16_224", batch="encodes positions once for the batch"),
    Net("transformer", "timm:coatnet_nano_rw_224"),
    Net("transformer", "transformers:ViTModel"),
    Net("transformer", "transformers:Dinov2Model"),
    Net("mixer", "timm:mixer_b16_224"),
    Net("mixer", "timm:gmlp_s16_224"),
    Net("mixer", "timm:resmlp_12_224"),
    Net("mixer", "transformers:PoolFormerModel"),
    Net("state space", "transformers:MambaModel",
        {"hidden_size": 256, "num_hidden_layers": 2}, _TOKENS),
    Net("state space", "transformers:Mamba2Model",
        {"hidden_size": 128, "num_hidden_layers": 2, "num_heads": 8, "head_dim": 32,
         "state_size": 32, "n_groups": 1, "vocab_size": 1000}, _TOKENS),
    Net("recurrent", "transformers:EncodecModel"),
    Net("recurrent", "timm:sequencer2d_s"),
    Net("recurrent", "transformers:RwkvModel",
        {"hidden_size": 256, "num_hidden_layers": 2}, _TOKENS),
    Net("recurrent", "transformers:RecurrentGemmaModel",
        {"hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 3,
         "num_attention_heads": 4, "vocab_size": 1000}, _TOKENS),
    Net("language", "transformers:BertModel"),
    Net("language", "transformers:GPT2Model"),
    Net("language", "transformers:DebertaV2Model",
        {**_SMALL, "relative_attention": True, "pos_att_type": ["c2p", "p2c"],
         "position_buckets": 32}, _TOKENS,
        batch="encodes distances once for the batch"),
    Net("language", "transformers:LongformerModel", {**_SMALL, "attention_window": 16}, _TOKENS),
    Net("language", "transformers:T5Model"),
    Net("language", "transformers:LlamaForCausalLM", _GROUPED, _TOKENS),
    Net("language", "transformers:MistralModel", _GROUPED, _TOKENS),
    Net("language", "transformers:Qwen3Model", {**_GROUPED, "head_dim": 64}, _TOKENS),
    Net("language", "transformers:MixtralModel", {**_GROUPED, "num_local_experts": 4}, _TOKENS,
        beyond=4 * 64 * 2 * 3 * 512 * 1376),  # layers, tokens, experts for each, matrices of these
    Net("speech", "transformers:WhisperModel"),
    Net("speech", "transformers:Wav2Vec2Model", {"layerdrop": 0.0}),
    Net("vision and language", "transformers:CLIPModel",
        batch="compares every text with every image"),
    Net("detection", "ultralytics:yolo11n.yaml", train="decodes boxes in eval mode alone"),
    Net("detection", "ultralytics:rtdetr-l.yaml",
        train="has heads at every layer in training",
        batch="scores anchors once for the batch"),
    Net("detection", "transformers:DetrModel", {"use_timm_backbone": False}),
    Net("detection", "transformers:DeformableDetrModel",
        {"use_timm_backbone": False, "encoder_layers": 2, "decoder_layers": 2}, "1x3x256x256"),
    Net("segmentation", "torchvision:deeplabv3_resnet50"),
    Net("segmentation", "transformers:SegformerModel"),
    Net("segmentation", "segmentation_models_pytorch:Linknet", {"encoder_weights": None},
        "1x3x128x128"),
    Net("video", "torchvision:r3d_18"),
    Net("video", "torchvision:raft_small"),
    Net("volumes", "monai.networks.nets:SegResNet"),
    Net("volumes", "monai.networks.nets:SwinUNETR", _VOLUME, "1x1x64x64x64"),
    Net("volumes", "monai.networks.nets:UNETR", {**_VOLUME, "img_size": (32, 32, 32)},
        "1x1x32x32x32"),
    Net("volumes", "monai.networks.nets:BasicUNet", {"spatial_dims": 3}, "1x1x32x32x32"),
    Net("diffusion", "diffusers:UNet2DConditionModel", {"sample_size": 32}),
    Net("diffusion", "diffusers:AutoencoderKL"),
    Net("diffusion", "diffusers:DiTTransformer2DModel",
        {"num_layers": 2, "num_attention_heads": 4, "attention_head_dim": 32,
         "in_channels": 4, "sample_size": 32},
        "hidden_states=1x4x32x32 timestep=1:int64 class_labels=1:int64"),
    Net("diffusion", "diffusers:SD3Transformer2DModel",
        {"num_layers": 2, "num_attention_heads": 4, "attention_head_dim": 32, "sample_size": 32,
         "caption_projection_dim": 128, "joint_attention_dim": 64, "pooled_projection_dim": 64,
         "in_channels": 4, "out_channels": 4},
        "hidden_states=1x4x32x32 encoder_hidden_states=1x16x64 pooled_projections=1x64 "
        "timestep=1:int64"),
    Net("super-resolution", "transformers:Swin2SRModel", {}, "1x3x64x64",
        batch="makes its position biases once for the batch"),
]  # fmt: skip
NETWORKS = [*EIGHT, *MORE]
