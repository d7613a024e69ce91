"""Attention gate: the decoder's map tells which pixels of the skip connection pass.

Paper: Oktay et al., Attention U-Net, 2018, arXiv:1804.03999
Family: fusion
Shape: (B, a, H, W), (B, s, H, W) -> (B, a + s, H, W)
Parameters: max(1, s//2)*(a + s + 7) + 3
"""

import torch
from torch import Tensor, nn

__all__ = ["AttentionGate"]


class AttentionGate(nn.Module):
    """Gate, then concatenate: `(B, a, H, W), (B, s, H, W) -> (B, a + s, H, W)`; arXiv:1804.03999.

    The additive gate for two maps of one size, as in a U-Net whose decoder has upsampled already.
    It stands where `torch.cat` stood: the gated skip and x come out side by side. `hidden_channels`
    is the width of the gate, half the skip's unless given.
    """

    def __init__(
        self, in_channels: int, skip_channels: int, hidden_channels: int | None = None
    ) -> None:
        super().__init__()
        hidden = max(1, skip_channels // 2) if hidden_channels is None else hidden_channels
        self.of_x = nn.Sequential(nn.Conv2d(in_channels, hidden, 1), nn.BatchNorm2d(hidden))
        self.of_skip = nn.Sequential(nn.Conv2d(skip_channels, hidden, 1), nn.BatchNorm2d(hidden))
        self.act = nn.ReLU()
        self.gate = nn.Sequential(nn.Conv2d(hidden, 1, 1), nn.BatchNorm2d(1), nn.Sigmoid())

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """`(B, a, H, W), (B, s, H, W) -> (B, a + s, H, W)`; the skip's channels come first."""
        gate = self.gate(self.act(self.of_x(x) + self.of_skip(skip)))
        return torch.cat([skip * gate, x], dim=1)
