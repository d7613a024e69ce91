"""Squeeze-and-excitation: a gate per channel, from the channels' means.

Paper: Hu, Shen, Sun, Squeeze-and-Excitation Networks, 2018, arXiv:1709.01507
Family: attention
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: 2*C*max(1, C//r)
"""

from einops import reduce
from torch import Tensor, nn

__all__ = ["SE"]


class SE(nn.Module):
    """Channel attention: `(B, C, *spatial) -> (B, C, *spatial)`; arXiv:1709.01507.

    The hidden width is `max(1, channels // reduction)`: of width 0 the gate would be constant.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.gate = nn.Sequential(
            nn.Linear(channels, hidden, bias=False),
            nn.ReLU(),
            nn.Linear(hidden, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, *spatial) -> (B, C, *spatial)`."""
        gate: Tensor = self.gate(reduce(x, "b c ... -> b c", "mean"))
        return x * gate.reshape(*gate.shape, *[1] * (x.ndim - 2))
