"""SimAM: a gate per value, from how far it stands out of its channel; nothing is learned.

Paper: none, Yang et al., SimAM, 2021, PMLR 139
Family: attention
Shape: (B, C, H, W) -> (B, C, H, W)
Parameters: 0
"""

from einops import reduce
from torch import Tensor, nn

__all__ = ["SimAM"]


class SimAM(nn.Module):
    """Parameter-free attention: `(B, C, H, W) -> (B, C, H, W)`; Yang et al., ICML 2021.

    `regularisation` is the paper's lambda. A map of one pixel, whose variance the paper leaves
    undefined, gets the gate of a mean value.
    """

    def __init__(self, regularisation: float = 1e-4) -> None:
        super().__init__()
        self.regularisation = regularisation

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H, W)`."""
        squares = (x - reduce(x, "b c h w -> b c 1 1", "mean")).square()
        others = max(1, x.shape[2] * x.shape[3] - 1)
        variance = reduce(squares, "b c h w -> b c 1 1", "sum") / others
        energy = squares / (4 * (variance + self.regularisation)) + 0.5
        return x * energy.sigmoid()
