"""Fast normalised fusion: a weighted sum of two maps with one learnt weight each.

Paper: Tan, Pang, Le, EfficientDet, 2020, arXiv:1911.09070
Family: fusion
Shape: (B, C, H, W), (B, C, H, W) -> (B, C, H, W)
Parameters: 2
"""

import torch
from torch import Tensor, nn

__all__ = ["BiFPN"]


class BiFPN(nn.Module):
    """Weighted mean of two maps: `(B, C, H, W), (B, C, H, W) -> (B, C, H, W)`; arXiv:1911.09070.

    The weights are never negative and add up to almost 1; they start equal. Only the sum at a node
    of the paper's network: the convolution that follows it there is not part of it.
    """

    def __init__(self, eps: float = 1e-4) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))
        self.eps = eps

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """`(B, C, H, W), (B, C, H, W) -> (B, C, H, W)`."""
        weight = torch.relu(self.weight)
        weight = weight / (weight.sum() + self.eps)
        return weight[0] * x + weight[1] * skip
