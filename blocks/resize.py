"""Resize: interpolation to a fixed size.

Paper: none, it is plain interpolation
Family: adapter
Shape: (B, C, H, W) -> (B, C, H', W')
Parameters: 0
"""

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Resize"]

LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


class Resize(nn.Module):
    """Interpolate to a fixed size: `(B, C, H, W) -> (B, C, H', W')`; no parameters.

    One number in `size` is taken for every spatial dimension. The linear modes are one word: the
    one for the input's number of spatial dimensions (1, 2 or 3) is used. Corners are not aligned.
    """

    def __init__(self, size: int | tuple[int, ...], mode: str = "bilinear") -> None:
        super().__init__()
        self.size = size
        self.mode = mode

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W) -> (B, C, H', W')`."""
        ndim = x.ndim - 2
        size = [self.size] * ndim if isinstance(self.size, int) else list(self.size)
        mode = LINEAR[ndim] if self.mode in LINEAR.values() else self.mode
        return F.interpolate(x, size=size, mode=mode)

    def extra_repr(self) -> str:
        """The arguments, for `print(network)`."""
        return f"size={self.size}, mode={self.mode!r}"
