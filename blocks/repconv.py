"""RepVGG block: 3 x 3, 1 x 1 and identity branches that fold into one 3 x 3 convolution.

Paper: Ding et al., RepVGG, 2021, arXiv:2101.03697
Family: conv
Shape: (B, a, H, W) -> (B, b, H', W')
Parameters: 10*a*b//g + 4*b + (2*a if a == b else 0)
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["RepConv"]

Pair = tuple[int, int]


class RepConv(nn.Module):
    """The sum of three branches, then ReLU: `(B, a, H, W) -> (B, b, H', W')`; arXiv:2101.03697.

    H' = ceil(H / stride). Each branch ends in a batch norm; the identity branch is there where the
    widths are equal and the stride is 1. `folded()` gives the form for inference. `groups` is
    reduced to the largest divisor of both widths that is not above it.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int | Pair = 1,
        dilation: int | Pair = 1,
        groups: int = 1,
    ) -> None:
        super().__init__()
        if groups < 1:
            raise ValueError(f"groups must be at least 1, got {groups}")
        self.groups = max(
            d for d in range(1, groups + 1) if in_channels % d == 0 and out_channels % d == 0
        )
        self.conv3 = nn.Conv2d(
            in_channels,
            out_channels,
            3,
            stride=stride,
            padding=dilation,
            dilation=dilation,
            groups=self.groups,
            bias=False,
        )
        self.norm3 = nn.BatchNorm2d(out_channels)
        self.conv1 = nn.Conv2d(
            in_channels, out_channels, 1, stride=stride, groups=self.groups, bias=False
        )
        self.norm1 = nn.BatchNorm2d(out_channels)
        same = in_channels == out_channels and stride in (1, (1, 1))
        self.norm0 = nn.BatchNorm2d(in_channels) if same else None
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """`(B, a, H, W) -> (B, b, H', W')`."""
        total = self.norm3(self.conv3(x)) + self.norm1(self.conv1(x))
        if self.norm0 is not None:
            total = total + self.norm0(x)
        out: Tensor = self.act(total)
        return out

    @torch.no_grad()
    def folded(self) -> nn.Sequential:
        """One 3 x 3 convolution with bias and the ReLU, equal to this block in eval mode."""
        branches = [
            (self.conv3.weight, self.norm3),
            (F.pad(self.conv1.weight, (1, 1, 1, 1)), self.norm1),
        ]
        if self.norm0 is not None:
            # Output channel o of a group reads that group's input o: ones on the diagonal, centred.
            unit = nn.init.dirac_(torch.empty_like(self.conv3.weight), self.groups)
            branches.append((unit, self.norm0))
        conv = nn.Conv2d(
            self.conv3.in_channels,
            self.conv3.out_channels,
            3,
            stride=self.conv3.stride,  # type: ignore[arg-type]
            padding=self.conv3.padding,  # type: ignore[arg-type]
            dilation=self.conv3.dilation,  # type: ignore[arg-type]
            groups=self.groups,
            device=self.conv3.weight.device,
            dtype=self.conv3.weight.dtype,
        )
        scaled, shifts = zip(*(fold(weight, norm) for weight, norm in branches), strict=True)
        conv.get_parameter("weight").copy_(torch.stack(scaled).sum(dim=0))
        conv.get_parameter("bias").copy_(torch.stack(shifts).sum(dim=0))
        return nn.Sequential(conv, nn.ReLU())


def fold(weight: Tensor, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Weight and bias of the convolution that equals `weight` and then the norm in eval mode."""
    scale = norm.weight / (norm.get_buffer("running_var") + norm.eps).sqrt()
    shift = norm.bias - norm.get_buffer("running_mean") * scale
    return weight * scale[:, None, None, None], shift
