"""Vision Transformer; the defaults are ViT-B/16.

Paper: Dosovitskiy et al., An Image is Worth 16x16 Words, 2021, arXiv:2010.11929
"""

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn


class PatchEmbed(nn.Module):
    """One token per patch: `(B, C, H, W) -> (B, H/p * W/p, D)`."""

    def __init__(self, in_channels: int, embed_dim: int, patch_size: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, embed_dim, patch_size, stride=patch_size)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, N, D)`."""
        x = self.proj(x)
        return rearrange(x, "b d h w -> b (h w) d")


class Attention(nn.Module):
    """Multi-head self-attention: `(B, N, D) -> (B, N, D)`; arXiv:1706.03762."""

    def __init__(self, embed_dim: int, num_heads: int) -> None:
        super().__init__()
        if embed_dim % num_heads:
            raise ValueError(f"embed_dim {embed_dim} is not a multiple of num_heads {num_heads}")
        self.num_heads = num_heads
        self.qkv = nn.Linear(embed_dim, 3 * embed_dim)
        self.proj = nn.Linear(embed_dim, embed_dim)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, N, D) -> (B, N, D)`."""
        pattern = "b n (three heads d) -> three b heads n d"
        q, k, v = rearrange(self.qkv(x), pattern, three=3, heads=self.num_heads).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.proj(rearrange(mixed, "b heads n d -> b n (heads d)"))
        return out


class MLP(nn.Sequential):
    """Two linear layers around a GELU, on each token: `(B, N, D) -> (B, N, D)`."""

    def __init__(self, embed_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(embed_dim, hidden_dim)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden_dim, embed_dim)


class Block(nn.Module):
    """Pre-norm transformer block: `(B, N, D) -> (B, N, D)`."""

    def __init__(self, embed_dim: int, num_heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(embed_dim, eps=1e-6)
        self.attn = Attention(embed_dim, num_heads)
        self.norm2 = nn.LayerNorm(embed_dim, eps=1e-6)
        self.mlp = MLP(embed_dim, 4 * embed_dim)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, N, D) -> (B, N, D)`."""
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class VisionTransformer(nn.Module):
    """ViT: `(B, in_channels, img_size, img_size) -> (B, num_classes)`; arXiv:2010.11929.

    With `num_classes=0` there is no head and the class token's features come out, `(B, D)`.
    With `representation_size=0` there is no `pre_logits` layer before the head.
    The learned positions fix the image size.
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 0,
        representation_size: int = 0,
        img_size: int = 224,
        patch_size: int = 16,
        embed_dim: int = 768,
        depth: int = 12,
        num_heads: int = 12,
    ) -> None:
        super().__init__()
        if img_size % patch_size:
            raise ValueError(f"img_size {img_size} is not a multiple of patch_size {patch_size}")
        tokens = 1 + (img_size // patch_size) ** 2
        features = representation_size or embed_dim
        self.patch_embed = PatchEmbed(in_channels, embed_dim, patch_size)
        self.class_token = nn.Parameter(torch.zeros(1, 1, embed_dim))
        self.positions = nn.Parameter(torch.zeros(1, tokens, embed_dim))
        self.blocks = nn.Sequential(*(Block(embed_dim, num_heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(embed_dim, eps=1e-6)
        self.pre_logits: nn.Module | None = None
        if representation_size:
            self.pre_logits = nn.Sequential(nn.Linear(embed_dim, features), nn.Tanh())
        self.head = nn.Linear(features, num_classes) if num_classes else None
        nn.init.trunc_normal_(self.class_token, std=0.02)
        nn.init.trunc_normal_(self.positions, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, num_classes)`, or `(B, D)` without a head."""
        x = self.patch_embed(x)
        class_token = repeat(self.class_token, "1 1 d -> b 1 d", b=x.shape[0])
        x = torch.cat([class_token, x], dim=1) + self.positions
        x = self.norm(self.blocks(x))[:, 0]
        if self.pre_logits is not None:
            x = self.pre_logits(x)
        if self.head is not None:
            x = self.head(x)
        return x
